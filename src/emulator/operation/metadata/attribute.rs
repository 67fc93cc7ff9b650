//! The definitions of columns, each of its own type, and of the options of choices.
//!
//! What a type has beyond the others stands apart, because a client has to cast before it may name it.

use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::definition::{Definition, label, managed, object};
use crate::emulator::schema::{
    Column, Flavour, Format, Kind, Read, Required, Schema, Source, Table,
};

/// Every type of attribute that there is in Dataverse and that a client may cast to.
const TYPES: [&str; 20] = [
    "BigInt",
    "Boolean",
    "DateTime",
    "Decimal",
    "Double",
    "EntityName",
    "Enum",
    "File",
    "Image",
    "Integer",
    "Lookup",
    "ManagedProperty",
    "Memo",
    "Money",
    "MultiSelectPicklist",
    "Picklist",
    "State",
    "Status",
    "String",
    "UniqueIdentifier",
];

/// Whether a cast, without its namespace, names a type of attribute.
pub(super) fn is_type(cast: &str) -> bool {
    cast.strip_suffix("AttributeMetadata")
        .is_some_and(|name| TYPES.contains(&name))
}

pub(super) fn all(table: &Table) -> Vec<Definition> {
    table
        .columns
        .iter()
        .enumerate()
        .map(|(number, column)| attribute(table, number, column))
        .collect()
}

fn attribute(table: &Table, number: usize, column: &Column) -> Definition {
    let (metadata_type, attribute_type) = types(column);
    let type_name = if metadata_type == "MultiSelectPicklist" {
        metadata_type
    } else {
        attribute_type
    };
    let custom = column.name.contains('_') && column.name.starts_with("new_");
    let common = object(json!({
        "MetadataId": Uuid::new_v5(&table.metadata_id(), column.name.as_bytes()),
        "LogicalName": column.name,
        "SchemaName": column.schema_name,
        "EntityLogicalName": table.name,
        "AttributeType": attribute_type,
        "AttributeTypeName": {"Value": format!("{type_name}Type")},
        "AttributeOf": attribute_of(table, column),
        "ColumnNumber": number + 1,
        "DisplayName": label(&display_name(column)),
        "Description": label(""),
        "RequiredLevel": {
            "Value": column.required.name(),
            "CanBeChanged": column.required != Required::System,
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
        },
        "IsPrimaryId": number == table.id,
        "IsPrimaryName": number == table.primary_name,
        "IsValidForCreate": column.create,
        "IsValidForRead": column.read != Read::Nobody,
        "IsValidForUpdate": column.update,
        "IsValidODataAttribute": true,
        "IsCustomAttribute": custom,
        "IsManaged": !custom,
        "IsLogical": column.name.starts_with("address1_"),
        "IsSecured": column.secured(),
        "CanBeSecuredForRead": number != table.id,
        "CanBeSecuredForCreate": column.create && number != table.id,
        "CanBeSecuredForUpdate": column.update && number != table.id,
        "IsFilterable": true,
        "IsSearchable": false,
        "IsRetrievable": column.read != Read::Nobody,
        "IsValidForAdvancedFind": managed("canmodifysearchsettings", true),
        "IsAuditEnabled": managed("canmodifyauditsettings", true),
        "IsCustomizable": managed("iscustomizable", true),
        "IsRenameable": managed("isrenameable", true),
        "DeprecatedVersion": null,
        "IntroducedVersion": "5.0.0.0",
        "SourceType": source(column),
        "AutoNumberFormat": column.auto_number,
        "HasChanged": null,
    }));
    let (derived, links) = of_kind(table, column);
    Definition {
        type_name: format!("{metadata_type}AttributeMetadata"),
        common,
        derived: object(derived),
        links: object(links),
        table: None,
    }
}

/// The column to which a computed one belongs.
fn attribute_of(table: &Table, column: &Column) -> Option<&'static str> {
    let name = column.name.strip_suffix("_base")?;
    let owner = table.column(name)?;
    Some(table.columns[owner].name)
}

/// Where the values come from; a lookup's has no source.
fn source(column: &Column) -> Option<i32> {
    match (&column.kind, column.source) {
        (Kind::Lookup { .. } | Kind::Id, _) => None,
        (_, Source::Simple) => Some(0),
        (_, Source::Calculated) => Some(1),
    }
}

/// The words of the schema name, as a form shows them.
fn display_name(column: &Column) -> String {
    match column.name {
        "statecode" => return "Status".to_owned(),
        "statuscode" => return "Status Reason".to_owned(),
        _ => {}
    }
    let name = column
        .schema_name
        .strip_prefix("new_")
        .unwrap_or(&column.schema_name);
    let name = match &column.kind {
        Kind::Lookup { .. } => name.strip_suffix("Id").unwrap_or(name),
        Kind::Choice { .. } => name.strip_suffix("Code").unwrap_or(name),
        _ => name,
    };
    let mut words = String::new();
    let mut last_is_lower = false;
    for char in name.chars() {
        if char == '_' || char == ':' {
            words.push_str(": ");
            last_is_lower = false;
            continue;
        }
        if last_is_lower && (char.is_uppercase() || char.is_ascii_digit()) {
            words.push(' ');
        }
        last_is_lower = char.is_lowercase();
        words.push(char);
    }
    words
}

/// The name of the metadata type and of the attribute type.
fn types(column: &Column) -> (&'static str, &'static str) {
    match &column.kind {
        Kind::Id => ("UniqueIdentifier", "Uniqueidentifier"),
        Kind::Text { .. } if column.format == Format::TableName => ("EntityName", "EntityName"),
        Kind::Text { .. } => ("String", "String"),
        Kind::Memo { .. } => ("Memo", "Memo"),
        Kind::Int { .. } => ("Integer", "Integer"),
        Kind::BigInt => ("BigInt", "BigInt"),
        Kind::Money { .. } => ("Money", "Money"),
        Kind::Decimal { .. } => ("Decimal", "Decimal"),
        Kind::Double { .. } => ("Double", "Double"),
        Kind::Choices { .. } => ("MultiSelectPicklist", "Virtual"),
        Kind::Date | Kind::Time => ("DateTime", "DateTime"),
        Kind::Bool { .. } => ("Boolean", "Boolean"),
        Kind::Choice { .. } => ("Picklist", "Picklist"),
        Kind::State { .. } => ("State", "State"),
        Kind::Status { .. } => ("Status", "Status"),
        Kind::Lookup { flavour, .. } => match flavour {
            Flavour::Lookup => ("Lookup", "Lookup"),
            Flavour::Customer => ("Lookup", "Customer"),
            Flavour::Owner => ("Lookup", "Owner"),
        },
    }
}

/// The properties and the navigation properties that only this type of attribute has.
fn of_kind(table: &Table, column: &Column) -> (Json, Json) {
    match &column.kind {
        Kind::Bool { .. }
        | Kind::Choice { .. }
        | Kind::Choices { .. }
        | Kind::State { .. }
        | Kind::Status { .. } => {
            let set = option_set(table, column);
            let local = if column.global_choice.is_some() {
                Json::Null
            } else {
                set.clone()
            };
            let global = if column.global_choice.is_some() {
                set
            } else {
                Json::Null
            };
            let default = match &column.kind {
                Kind::Bool { default, .. } => json!({"DefaultValue": default}),
                Kind::Choice { default, .. } => json!({"DefaultFormValue": default.unwrap_or(-1)}),
                Kind::State { .. } => json!({"DefaultFormValue": 0}),
                _ => json!({"DefaultFormValue": -1}),
            };
            (
                default,
                json!({"OptionSet": local, "GlobalOptionSet": global}),
            )
        }
        _ => (scalar(column), json!({})),
    }
}

fn scalar(column: &Column) -> Json {
    match &column.kind {
        Kind::Text { max } => {
            let format = match column.format {
                Format::Email => "Email",
                Format::Phone => "Phone",
                Format::Url => "Url",
                _ => "Text",
            };
            json!({"MaxLength": max, "DatabaseLength": max * 2, "Format": format, "FormatName": {"Value": format}, "ImeMode": "Auto"})
        }
        Kind::Memo { max } => {
            json!({"MaxLength": max, "Format": "TextArea", "FormatName": {"Value": "TextArea"}, "ImeMode": "Auto"})
        }
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
            "Precision": precision, "PrecisionSource": if column.name.ends_with("_base") { 2 } else { 0 },
            "MinValue": 0.0, "MaxValue": 100_000_000_000_000.0,
            "IsBaseCurrency": column.name.ends_with("_base"), "CalculationOf": null,
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
        Kind::Date => json!({
            "Format": "DateOnly", "DateTimeBehavior": {"Value": "DateOnly"}, "CanChangeDateTimeBehavior": {"Value": false},
        }),
        Kind::Time => {
            let behavior = if column.format == Format::TimeZoneIndependent {
                "TimeZoneIndependent"
            } else {
                "UserLocal"
            };
            json!({
                "Format": "DateAndTime", "DateTimeBehavior": {"Value": behavior}, "CanChangeDateTimeBehavior": {"Value": false},
            })
        }
        Kind::Lookup { targets, .. } => {
            json!({"Targets": targets.iter().map(|target| target.table).collect::<Vec<_>>()})
        }
        _ => json!({}),
    }
}

/// The global choices, each with its options as the first column that has them shows them.
pub(super) fn global_choices(schema: &Schema) -> Vec<Definition> {
    let mut found: Vec<Definition> = Vec::new();
    for (_, table) in schema.tables() {
        for column in &table.columns {
            let known =
                |own: &Definition| own.common.get("Name") == Some(&json!(column.global_choice));
            if column.global_choice.is_none() || found.iter().any(known) {
                continue;
            }
            found.push(choice_definition(option_set(table, column)));
        }
    }
    found
}

/// The definition of a set of options, whose options only its own type has.
pub(super) fn choice_definition(set: Json) -> Definition {
    let mut common = object(set);
    let mut derived = Map::new();
    for name in ["Options", "TrueOption", "FalseOption"] {
        if let Some(value) = common.shift_remove(name) {
            derived.insert(name.to_owned(), value);
        }
    }
    let type_name = if derived.contains_key("Options") {
        "OptionSetMetadata"
    } else {
        "BooleanOptionSetMetadata"
    };
    Definition {
        type_name: type_name.to_owned(),
        common,
        derived,
        ..Definition::default()
    }
}

fn option_set(table: &Table, column: &Column) -> Json {
    let own = format!("{}_{}", table.name, column.name);
    let name = column.global_choice.unwrap_or(&own);
    let kind = match column.kind {
        Kind::Bool { .. } => "Boolean",
        Kind::State { .. } => "State",
        Kind::Status { .. } => "Status",
        _ => "Picklist",
    };
    let mut set = json!({
        "MetadataId": Uuid::new_v5(&table.metadata_id(), format!("{name}/options").as_bytes()),
        "Name": name,
        "DisplayName": label(&display_name(column)),
        "Description": label(""),
        "IsGlobal": column.global_choice.is_some(),
        "IsCustomOptionSet": column.global_choice.is_some(),
        "IsManaged": column.global_choice.is_none(),
        "IsCustomizable": managed("iscustomizable", true),
        "OptionSetType": kind,
        "HasChanged": null,
    });
    match &column.kind {
        Kind::Bool { yes, no, .. } => {
            set["TrueOption"] = option(1, yes);
            set["FalseOption"] = option(0, no);
        }
        Kind::Choice { options, .. } | Kind::Choices { options } => {
            set["Options"] = options
                .iter()
                .map(|(value, text)| option(*value, text))
                .collect();
        }
        Kind::State { options } => {
            set["Options"] = options
                .iter()
                .map(|(value, text)| state(column, *value, text, table))
                .collect();
        }
        Kind::Status { options } => {
            let statuses = options.iter().map(|(value, state, text)| {
                let mut option = option(*value, text);
                option["@odata.type"] = json!("#Microsoft.Dynamics.CRM.StatusOptionMetadata");
                option["State"] = json!(state);
                option["TransitionData"] = transitions(table, *value);
                option
            });
            set["Options"] = statuses.collect();
        }
        _ => {}
    }
    set
}

/// Where a status may lead, as the service writes it; null where that is not enforced (the form is inferred from the
/// samples of solution files).
fn transitions(table: &Table, from: i64) -> Json {
    if table.transitions.is_empty() {
        return Json::Null;
    }
    let from_here = table
        .transitions
        .iter()
        .filter(|(source, _)| *source == from);
    let each = from_here.map(|(source, to)| {
        format!("<allowedtransition sourcestatusid=\"{source}\" tostatusid=\"{to}\" />")
    });
    let each: String = each.collect();
    let namespace = "http://schemas.microsoft.com/crm/2009/WebServices";
    json!(format!(
        "<allowedtransitions xmlns=\"{namespace}\">{each}</allowedtransitions>"
    ))
}

/// A state with the status that a row gets when it enters it.
fn state(column: &Column, value: i64, text: &str, table: &Table) -> Json {
    let mut state = option(value, text);
    let status = table
        .column("statuscode")
        .map(|status| &table.columns[status].kind);
    let default = match status {
        Some(Kind::Status { options }) => options
            .iter()
            .find(|(_, of, _)| *of == value)
            .map(|(status, _, _)| *status),
        _ => None,
    };
    state["@odata.type"] = json!("#Microsoft.Dynamics.CRM.StateOptionMetadata");
    state["DefaultStatus"] = json!(default);
    state["InvariantName"] = json!(text.replace(' ', ""));
    debug_assert!(
        matches!(column.kind, Kind::State { .. }),
        "only states have statuses"
    );
    state
}

fn option(value: i64, text: &str) -> Json {
    json!({
        "Value": value, "Label": label(text), "Description": label(""), "Color": null, "IsManaged": true,
        "ExternalValue": null, "MetadataId": null, "HasChanged": null,
    })
}
