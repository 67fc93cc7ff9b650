//! A definition as JSON, in the parts that Dataverse tells apart: what every definition of its sort has, what only its
//! own type has, and what has to be expanded. And the definitions of tables and keys.
//!
//! Only the properties that clients are known to read, not the hundred that Dataverse has.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::emulator::schema::{Key, Ownership, Table, Writes};
use crate::emulator::security::privilege;
use crate::emulator::value::TableId;

/// One definition.
#[derive(Clone, Debug, Default)]
pub(super) struct Definition {
    /// The type without its namespace: `StringAttributeMetadata`.
    pub(super) type_name: String,
    pub(super) common: Map<String, Json>,
    /// Properties that can be named only behind a cast.
    pub(super) derived: Map<String, Json>,
    /// Navigation properties that can be named only behind a cast, and how they are expanded.
    pub(super) links: Map<String, Json>,
    /// The table whose lists belong to it.
    pub(super) table: Option<TableId>,
}

impl Definition {
    /// The definition behind a cast to its own type: all properties are its own.
    pub(super) fn cast(mut self) -> Definition {
        self.common.append(&mut self.derived);
        self
    }

    /// What a property or path of properties holds, if it can be named.
    pub(super) fn property(&self, path: &str) -> Option<&Json> {
        let mut names = path.split('/');
        let first = names.next().and_then(|name| self.common.get(name));
        names.fold(first, |json, name| json.and_then(|json| json.get(name)))
    }
}

pub(super) fn table(id: TableId, table: &Table) -> Definition {
    let plural = capitalised(table);
    let common = object(json!({
        "MetadataId": table.metadata_id(),
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "EntitySetName": table.set,
        "LogicalCollectionName": table.set,
        "CollectionSchemaName": plural,
        "PrimaryIdAttribute": table.columns[table.id].name,
        "PrimaryNameAttribute": table.columns[table.primary_name].name,
        "PrimaryImageAttribute": null,
        "ObjectTypeCode": table.type_code,
        "ChangeTrackingEnabled": table.change_tracking,
        "EnforceStateTransitions": !table.transitions.is_empty(),
        "CanChangeTrackingBeEnabled": managed("canchangetrackingbeenabled", table.ownership != Ownership::None),
        "IsOptimisticConcurrencyEnabled": table.optimistic_concurrency,
        "IsAuditEnabled": managed("canmodifyauditsettings", false),
        "IsDuplicateDetectionEnabled": managed("canmodifyduplicatedetectionsettings", false),
        "IsManaged": true,
        "IsCustomEntity": false,
        "IsActivity": false,
        "IsIntersect": table.ownership == Ownership::None,
        "IsLogicalEntity": false,
        "IsPrivate": false,
        "IsValidForAdvancedFind": true,
        "IsCustomizable": managed("iscustomizable", table.writes == Writes::All),
        "CanCreateAttributes": managed("cancreateattributes", table.writes == Writes::All),
        "DisplayName": label(table.label),
        "DisplayCollectionName": label(&plural_label(table.label)),
        "Description": label(""),
        "DataProviderId": null,
        "DataSourceId": null,
        "TableType": "Standard",
        "OwnershipType": ownership(table.ownership),
        "Privileges": privileges(table),
        "HasChanged": null,
    }));
    Definition {
        type_name: "EntityMetadata".to_owned(),
        common,
        table: Some(id),
        ..Definition::default()
    }
}

/// What can be done with the rows of a table, and by which privilege.
fn privileges(table: &Table) -> Vec<Json> {
    let of_table = privilege::of_table(table);
    let shown = of_table.map(|(access, name)| {
        json!({
            "CanBeBasic": table.ownership == Ownership::User,
            "CanBeDeep": table.ownership == Ownership::User,
            "CanBeGlobal": true,
            "CanBeLocal": table.ownership == Ownership::User,
            "CanBeEntityReference": false,
            "CanBeParentEntityReference": false,
            "Name": name,
            "PrivilegeId": privilege::id(&name),
            "PrivilegeType": access.name(),
        })
    });
    shown.collect()
}

fn capitalised(table: &Table) -> String {
    let rest = table.set.get(table.name.len().saturating_sub(1)..);
    let stem = table
        .schema_name
        .get(..table.schema_name.len().saturating_sub(1));
    match (stem, rest) {
        (Some(stem), Some(rest)) if table.name.len() == table.schema_name.len() => {
            format!("{stem}{rest}")
        }
        _ => table.set.to_owned(),
    }
}

fn plural_label(label: &str) -> String {
    match label.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if label.ends_with('s') => format!("{label}es"),
        None => format!("{label}s"),
    }
}

fn ownership(ownership: Ownership) -> &'static str {
    match ownership {
        Ownership::User => "UserOwned",
        Ownership::BusinessUnit => "BusinessOwned",
        Ownership::Organization => "OrganizationOwned",
        Ownership::None => "None",
    }
}

/// The keys of a table with the state of their indexes.
pub(super) fn keys(table: &Table, now: DateTime<Utc>) -> Vec<Definition> {
    table.keys().map(|own| key(table, own, now)).collect()
}

fn key(table: &Table, key: &Key, now: DateTime<Utc>) -> Definition {
    let columns: Vec<&str> = key
        .columns
        .iter()
        .map(|&column| table.columns[column].name)
        .collect();
    let common = object(json!({
        "MetadataId": key.id,
        "SchemaName": key.name,
        "LogicalName": key.name.to_lowercase(),
        "EntityLogicalName": table.name,
        "DisplayName": label(&key.label),
        "KeyAttributes": columns,
        "EntityKeyIndexStatus": key.index.status(now),
        "IsCustomizable": managed("iscustomizable", true),
        "IsManaged": false,
        "IsSynchronous": false,
        "IsExportKey": false,
        "IsSecondaryKey": false,
        "IntroducedVersion": "1.0.0.0",
        "HasChanged": null,
    }));
    Definition {
        type_name: "EntityKeyMetadata".to_owned(),
        common,
        links: object(json!({"AsyncJob": null})),
        ..Definition::default()
    }
}

/// A text in the one language that is installed.
pub(super) fn label(text: &str) -> Json {
    if text.is_empty() {
        return json!({"LocalizedLabels": [], "UserLocalizedLabel": null});
    }
    let own = json!({
        "Label": text, "LanguageCode": 1033, "IsManaged": true,
        "MetadataId": Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()), "HasChanged": null,
    });
    json!({"LocalizedLabels": [own], "UserLocalizedLabel": own})
}

/// A managed property.
pub(super) fn managed(name: &str, value: bool) -> Json {
    json!({"Value": value, "CanBeChanged": true, "ManagedPropertyLogicalName": name})
}

pub(super) fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}
