//! The definitions themselves, as JSON: tables, attributes by type, keys, relationships.
//!
//! Only the properties that clients are known to read, not the hundred that Dataverse has.

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::emulator::schema::{Column, Flavour, Format, Kind, Ownership, Read, Schema, Table};
use crate::emulator::value::TableId;

/// Every type of attribute that there is in Dataverse and that a client may cast to.
const ATTRIBUTE_TYPES: [&str; 17] = [
    "BigInt",
    "Boolean",
    "DateTime",
    "Decimal",
    "Double",
    "EntityName",
    "File",
    "Image",
    "Integer",
    "Lookup",
    "Memo",
    "Money",
    "MultiSelectPicklist",
    "Picklist",
    "State",
    "Status",
    "String",
];

/// Whether a cast names a type of attribute.
pub(super) fn is_attribute_type(cast: &str) -> bool {
    let name = cast
        .strip_prefix("Microsoft.Dynamics.CRM.")
        .and_then(|name| name.strip_suffix("AttributeMetadata"));
    name.is_some_and(|name| ATTRIBUTE_TYPES.contains(&name) || name == "Uniqueidentifier")
}

pub(super) fn table(table: &Table) -> Map<String, Json> {
    object(json!({
        "MetadataId": table.metadata_id(),
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.set,
        "LogicalCollectionName": table.set,
        "CollectionSchemaName": table.set,
        "PrimaryIdAttribute": table.columns[table.id].name,
        "PrimaryNameAttribute": table.columns[table.primary_name].name,
        "ObjectTypeCode": table.type_code,
        "ChangeTrackingEnabled": table.change_tracking,
        "IsOptimisticConcurrencyEnabled": true,
        "IsManaged": true,
        "IsCustomEntity": false,
        "IsActivity": false,
        "IsIntersect": false,
        "IsLogicalEntity": false,
        "IsPrivate": false,
        "IsCustomizable": managed("iscustomizable"),
        "CanCreateAttributes": managed("cancreateattributes"),
        "DisplayName": label(table.label),
        "DataProviderId": null,
        "DataSourceId": null,
        "TableType": "Standard",
        "OwnershipType": ownership(table.ownership),
    }))
}

fn ownership(ownership: Ownership) -> &'static str {
    match ownership {
        Ownership::User => "UserOwned",
        Ownership::BusinessUnit => "BusinessOwned",
        Ownership::Organization => "OrganizationOwned",
        Ownership::None => "None",
    }
}

pub(super) fn attributes(table: &Table) -> Vec<Map<String, Json>> {
    table
        .columns
        .iter()
        .enumerate()
        .map(|(number, column)| attribute(table, number, column))
        .collect()
}

fn attribute(table: &Table, number: usize, column: &Column) -> Map<String, Json> {
    let (metadata_type, attribute_type) = types(&column.kind, column.format);
    let mut definition = object(json!({
        "@odata.type": format!("#Microsoft.Dynamics.CRM.{metadata_type}AttributeMetadata"),
        "MetadataId": Uuid::new_v5(&table.metadata_id(), column.name.as_bytes()),
        "LogicalName": column.name,
        "SchemaName": column.schema_name,
        "EntityLogicalName": table.name,
        "AttributeType": attribute_type,
        "AttributeTypeName": {"Value": format!("{attribute_type}Type")},
        "AttributeOf": null,
        "ColumnNumber": number + 1,
        "DisplayName": label(column.name),
        "RequiredLevel": {
            "Value": column.required.name(),
            "CanBeChanged": false,
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
        },
        "IsPrimaryId": number == table.id,
        "IsPrimaryName": number == table.primary_name,
        "IsValidForCreate": column.create,
        "IsValidForRead": column.read != Read::Nobody,
        "IsValidForUpdate": column.update,
        "IsCustomAttribute": false,
        "IsManaged": true,
        "IsLogical": false,
        "IsSecured": column.secured(),
        "IsFilterable": true,
        "SourceType": if matches!(column.kind, Kind::Lookup { .. }) { Json::Null } else { json!(column.source as i32) },
        "AutoNumberFormat": column.auto_number,
    }));
    definition.extend(of_kind(table, column));
    definition
}

/// The name of the metadata type and of the attribute type.
fn types(kind: &Kind, format: Format) -> (&'static str, &'static str) {
    match kind {
        Kind::Id => ("Uniqueidentifier", "Uniqueidentifier"),
        Kind::Text { .. } if format == Format::TableName => ("EntityName", "EntityName"),
        Kind::Text { .. } => ("String", "String"),
        Kind::Memo { .. } => ("Memo", "Memo"),
        Kind::Int { .. } => ("Integer", "Integer"),
        Kind::BigInt => ("BigInt", "BigInt"),
        Kind::Money { .. } => ("Money", "Money"),
        Kind::Decimal { .. } => ("Decimal", "Decimal"),
        Kind::Double { .. } => ("Double", "Double"),
        Kind::Choices { .. } => ("MultiSelectPicklist", "Virtual"),
        Kind::Date => ("DateTime", "DateTime"),
        Kind::Bool { .. } => ("Boolean", "Boolean"),
        Kind::Choice { .. } => ("Picklist", "Picklist"),
        Kind::State { .. } => ("State", "State"),
        Kind::Status { .. } => ("Status", "Status"),
        Kind::Time => ("DateTime", "DateTime"),
        Kind::Lookup { flavour, .. } => match flavour {
            Flavour::Lookup => ("Lookup", "Lookup"),
            Flavour::Customer => ("Lookup", "Customer"),
            Flavour::Owner => ("Lookup", "Owner"),
        },
    }
}

/// The properties that only this type of attribute has.
fn of_kind(table: &Table, column: &Column) -> Map<String, Json> {
    object(match &column.kind {
        Kind::Text { max } => {
            let format = match column.format {
                Format::Email => "Email",
                Format::Phone => "Phone",
                Format::Url => "Url",
                _ => "Text",
            };
            json!({"MaxLength": max, "Format": format, "FormatName": {"Value": format}})
        }
        Kind::Memo { max } => json!({"MaxLength": max, "Format": "TextArea"}),
        Kind::Int { min, max } => {
            let format = if column.format == Format::Duration {
                "Duration"
            } else {
                "None"
            };
            json!({"MinValue": min, "MaxValue": max, "Format": format})
        }
        Kind::BigInt => json!({"MinValue": i64::MIN, "MaxValue": i64::MAX}),
        Kind::Money { precision } => json!({
            "Precision": precision, "PrecisionSource": 0, "MinValue": 0.0, "MaxValue": 100_000_000_000_000.0,
            "IsBaseCurrency": false,
        }),
        Kind::Decimal {
            precision,
            min,
            max,
        }
        | Kind::Double {
            precision,
            min,
            max,
        } => {
            json!({"Precision": precision, "MinValue": min, "MaxValue": max})
        }
        Kind::Choices { options } => json!({
            "DefaultFormValue": -1,
            "OptionSet": option_set(table, column, "Picklist", options.iter().map(|(value, label)| option(*value, label))),
            "GlobalOptionSet": null,
        }),
        Kind::Date => json!({"Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}}),
        Kind::Bool { default, yes, no } => json!({
            "DefaultValue": default,
            "OptionSet": {
                "MetadataId": option_set_id(table, column), "Name": format!("{}_{}", table.name, column.name),
                "IsGlobal": false, "OptionSetType": "Boolean", "TrueOption": option(1, yes), "FalseOption": option(0, no),
            },
        }),
        Kind::Choice { options, default } => json!({
            "DefaultFormValue": default.unwrap_or(-1),
            "OptionSet": option_set(table, column, "Picklist", options.iter().map(|(value, label)| option(*value, label))),
            "GlobalOptionSet": null,
        }),
        Kind::State { options } => json!({
            "OptionSet": option_set(table, column, "State", options.iter().map(|(value, label)| option(*value, label))),
            "GlobalOptionSet": null,
        }),
        Kind::Status { options } => {
            let options = options.iter().map(|(value, state, label)| {
                let mut option = option(*value, label);
                option["State"] = json!(state);
                option
            });
            json!({"OptionSet": option_set(table, column, "Status", options), "GlobalOptionSet": null})
        }
        Kind::Time => {
            let behavior = if column.format == Format::TimeZoneIndependent {
                "TimeZoneIndependent"
            } else {
                "UserLocal"
            };
            json!({"Format": "DateAndTime", "DateTimeBehavior": {"Value": behavior}})
        }
        Kind::Lookup { targets, .. } => {
            json!({"Targets": targets.iter().map(|target| target.table).collect::<Vec<_>>()})
        }
        Kind::Id => json!({}),
    })
}

pub(super) fn keys(table: &Table) -> Vec<Map<String, Json>> {
    let key = |key: &crate::emulator::schema::Key| {
        let columns: Vec<&str> = key
            .columns
            .iter()
            .map(|&column| table.columns[column].name)
            .collect();
        object(json!({
            "MetadataId": Uuid::new_v5(&table.metadata_id(), key.name.as_bytes()),
            "SchemaName": key.name,
            "LogicalName": key.name,
            "EntityLogicalName": table.name,
            "DisplayName": label(&key.name),
            "KeyAttributes": columns,
            "EntityKeyIndexStatus": "Active",
            "IsCustomizable": managed("iscustomizable"),
            "IsManaged": false,
            "AsyncJob": null,
        }))
    };
    table.keys.iter().map(key).collect()
}

/// The many-to-one relationships of a table: one for each target of each lookup.
pub(super) fn relationships_of(table: &Table) -> Vec<Map<String, Json>> {
    let mut relationships = Vec::new();
    for column in &table.columns {
        for target in column.targets() {
            let name = target.relationship.as_str();
            relationships.push(object(json!({
                "MetadataId": Uuid::new_v5(&table.metadata_id(), name.as_bytes()),
                "SchemaName": name,
                "RelationshipType": "OneToManyRelationship",
                "ReferencingEntity": table.name,
                "ReferencingAttribute": column.name,
                "ReferencingEntityNavigationPropertyName": target.navigation,
                "ReferencedEntity": target.table,
                "ReferencedAttribute": format!("{}id", target.table),
                "ReferencedEntityNavigationPropertyName": name,
                "IsHierarchical": false,
                "IsManaged": true,
                "CascadeConfiguration": {"Delete": if target.cascade { "Cascade" } else { "RemoveLink" }},
            })));
        }
    }
    relationships
}

/// The many-to-many relationships in which a table stands on one side.
pub(super) fn many_to_many_of(schema: &Schema, id: TableId) -> Vec<Map<String, Json>> {
    let own = schema
        .many_to_many()
        .iter()
        .filter(|own| own.sides.iter().any(|(side, _)| *side == id));
    own.map(|own| {
        let [(first, first_column), (second, second_column)] = own.sides;
        let intersect = schema.table(own.intersect);
        object(json!({
            "MetadataId": Uuid::new_v5(&Uuid::NAMESPACE_OID, own.name.as_bytes()),
            "SchemaName": own.name,
            "RelationshipType": "ManyToManyRelationship",
            "IntersectEntityName": intersect.name,
            "Entity1LogicalName": schema.table(first).name,
            "Entity1IntersectAttribute": intersect.columns[first_column].name,
            "Entity1NavigationPropertyName": own.name,
            "Entity2LogicalName": schema.table(second).name,
            "Entity2IntersectAttribute": intersect.columns[second_column].name,
            "Entity2NavigationPropertyName": own.name,
            "IsManaged": true,
        }))
    })
    .collect()
}

fn option_set(
    table: &Table,
    column: &Column,
    kind: &str,
    options: impl Iterator<Item = Json>,
) -> Json {
    json!({
        "MetadataId": option_set_id(table, column),
        "Name": format!("{}_{}", table.name, column.name),
        "IsGlobal": false,
        "OptionSetType": kind,
        "Options": options.collect::<Vec<_>>(),
    })
}

fn option_set_id(table: &Table, column: &Column) -> Uuid {
    Uuid::new_v5(
        &table.metadata_id(),
        format!("{}/options", column.name).as_bytes(),
    )
}

fn option(value: i64, text: &str) -> Json {
    json!({"Value": value, "Label": label(text), "Color": null, "IsManaged": true})
}

fn label(text: &str) -> Json {
    let own = json!({
        "Label": text, "LanguageCode": 1033, "IsManaged": true,
        "MetadataId": Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()), "HasChanged": null,
    });
    json!({"LocalizedLabels": [own], "UserLocalizedLabel": own})
}

fn managed(name: &str) -> Json {
    json!({"Value": true, "CanBeChanged": true, "ManagedPropertyLogicalName": name})
}

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}
