//! A table as its instance describes it, from `EntityDefinitions` (contract 9.1): pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::domain::table::{
    AlternateKey, BadName, Column, ColumnName, ColumnType, EntitySet, LookupTarget, Origin,
    Requirement, TableKind, TableName, TableSchema,
};

/// The table itself, with its keys.
pub(super) const TABLE: &str = "?$select=LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,\
IsOptimisticConcurrencyEnabled,ChangeTrackingEnabled,TableType,IsActivity,IsIntersect,DataProviderId&$expand=Keys($select=SchemaName,KeyAttributes,EntityKeyIndexStatus)";
/// Its columns, whole: their limits are properties of derived types, which `$select` can't name.
pub(super) const COLUMNS: &str = "/Attributes";
/// The names that its lookups are bound by.
pub(super) const LOOKUPS: &str = "/ManyToOneRelationships\
?$select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName";

type IsKind = fn(&ColumnType) -> bool;

/// The types of columns that have options, which `/Attributes` doesn't show.
pub(super) const WITH_OPTIONS: [(&str, IsKind); 4] = [
    ("Picklist", |kind| matches!(kind, ColumnType::Choice)),
    ("MultiSelectPicklist", |kind| {
        matches!(kind, ColumnType::Choices)
    }),
    ("State", |kind| matches!(kind, ColumnType::State)),
    ("Status", |kind| matches!(kind, ColumnType::Status)),
];

/// Where the options of all columns of one type stand.
pub(super) fn options_path(table: &TableName, kind: &str) -> String {
    format!(
        "{}/Attributes/Microsoft.Dynamics.CRM.{kind}AttributeMetadata?$select=LogicalName\
         &$expand=OptionSet($select=Options),GlobalOptionSet($select=Options)",
        path(table)
    )
}

/// Below the service root, where a table is described.
pub(super) fn path(table: &TableName) -> String {
    format!("EntityDefinitions(LogicalName='{table}')")
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of the service's answer"
)]
pub(super) struct TableBody {
    logical_name: String,
    entity_set_name: String,
    primary_id_attribute: String,
    primary_name_attribute: Option<String>,
    #[serde(default)]
    is_optimistic_concurrency_enabled: bool,
    table_type: Option<String>,
    #[serde(default)]
    is_activity: bool,
    #[serde(default)]
    is_intersect: bool,
    data_provider_id: Option<String>,
    #[serde(default)]
    change_tracking_enabled: bool,
    #[serde(default)]
    keys: Vec<KeyBody>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyBody {
    schema_name: String,
    key_attributes: Vec<String>,
    entity_key_index_status: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Listed<T> {
    pub(super) value: Vec<T>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ColumnBody {
    logical_name: String,
    attribute_type: Option<String>,
    attribute_type_name: Option<Wrapped>,
    required_level: Option<Wrapped>,
    #[serde(default)]
    is_valid_for_create: bool,
    #[serde(default)]
    is_valid_for_update: bool,
    max_length: Option<u32>,
    precision: Option<u32>,
    default_value: Option<serde_json::Value>,
    date_time_behavior: Option<Wrapped>,
    default_form_value: Option<i64>,
    source_type: Option<i64>,
    attribute_of: Option<String>,
    auto_number_format: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OptionsBody {
    logical_name: String,
    option_set: Option<OptionSetBody>,
    global_option_set: Option<OptionSetBody>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OptionSetBody {
    #[serde(default)]
    options: Vec<OptionBody>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OptionBody {
    value: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wrapped {
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LookupBody {
    referencing_attribute: String,
    referenced_entity: String,
    referencing_entity_navigation_property_name: String,
}

/// Puts the three answers together.
pub(super) fn schema(
    table: TableBody,
    columns: Listed<ColumnBody>,
    lookups: Listed<LookupBody>,
) -> Result<TableSchema, BadName> {
    let table_kind = kind_of(&table);
    let mut targets: BTreeMap<String, Vec<LookupTarget>> = BTreeMap::new();
    for lookup in lookups.value {
        let target = LookupTarget {
            table: TableName::new(&lookup.referenced_entity)?,
            bind: lookup.referencing_entity_navigation_property_name,
        };
        targets
            .entry(lookup.referencing_attribute)
            .or_default()
            .push(target);
    }
    let mut known = BTreeMap::new();
    for body in columns.value {
        // A column with a name that no URL could hold can't be on a link either.
        let Ok(name) = ColumnName::new(&body.logical_name) else {
            continue;
        };
        let targets = targets.remove(name.as_str()).unwrap_or_default();
        let column = Column {
            kind: kind(&body, targets),
            required: required(&body),
            creatable: body.is_valid_for_create,
            updatable: body.is_valid_for_update,
            origin: origin(&body),
            options: BTreeSet::new(),
            has_default: has_default(&body),
            name: name.clone(),
        };
        known.insert(name, column);
    }
    let keys = table.keys.into_iter().map(|key| {
        let columns: Result<Vec<ColumnName>, BadName> = key
            .key_attributes
            .iter()
            .map(|name| ColumnName::new(name))
            .collect();
        let active = key.entity_key_index_status.as_deref() == Some("Active");
        columns.map(|columns| AlternateKey {
            name: key.schema_name,
            columns,
            active,
        })
    });
    Ok(TableSchema {
        name: TableName::new(&table.logical_name)?,
        set: EntitySet::new(&table.entity_set_name)?,
        primary_id: ColumnName::new(&table.primary_id_attribute)?,
        primary_name: table
            .primary_name_attribute
            .and_then(|name| ColumnName::new(&name).ok()),
        columns: known,
        keys: keys.collect::<Result<_, _>>()?,
        optimistic_concurrency: table.is_optimistic_concurrency_enabled,
        change_tracking: table.change_tracking_enabled,
        kind: table_kind,
    })
}

/// Takes in the options of columns.
pub(super) fn add_options(table: &mut TableSchema, bodies: Listed<OptionsBody>) {
    for body in bodies.value {
        let name = ColumnName::new(&body.logical_name).ok();
        let Some(column) = name.and_then(|name| table.columns.get_mut(&name)) else {
            continue;
        };
        let sets = [body.option_set, body.global_option_set];
        let options = sets.into_iter().flatten().flat_map(|set| set.options);
        column.options.extend(options.map(|option| option.value));
    }
}

fn kind_of(table: &TableBody) -> TableKind {
    match table.table_type.as_deref() {
        Some("Virtual") => TableKind::Virtual,
        Some("Elastic") => TableKind::Elastic,
        _ if table.data_provider_id.is_some() => TableKind::Virtual,
        _ if table.is_activity => TableKind::Activity,
        _ if table.is_intersect => TableKind::Intersect,
        _ => TableKind::Standard,
    }
}

fn required(body: &ColumnBody) -> Requirement {
    let level = body.required_level.as_ref();
    match level.and_then(|level| level.value.as_deref()) {
        Some("SystemRequired") => Requirement::Server,
        Some("ApplicationRequired") => Requirement::Forms,
        _ => Requirement::Nobody,
    }
}

/// `SourceType` is 0 for what is written, 1 calculated, 2 rollup, 3 formula.
fn origin(body: &ColumnBody) -> Origin {
    match body.source_type {
        Some(1) => return Origin::Calculated,
        Some(2) => return Origin::Rollup,
        Some(3) => return Origin::Formula,
        _ => {}
    }
    let is_put_together =
        body.logical_name == "fullname" || body.logical_name.ends_with("_composite");
    if body.attribute_of.is_some() || is_put_together {
        return Origin::Composite;
    }
    match &body.auto_number_format {
        Some(format) if !format.is_empty() => Origin::AutoNumber,
        _ => Origin::Written,
    }
}

/// Two options always have one, an owner is whoever creates the row, and a choice may have one.
fn has_default(body: &ColumnBody) -> bool {
    let kind = body.attribute_type.as_deref().unwrap_or_default();
    matches!(kind, "Boolean" | "Owner" | "State" | "Status")
        || body.default_form_value.is_some_and(|value| value >= 0)
}

fn kind(body: &ColumnBody, targets: Vec<LookupTarget>) -> ColumnType {
    let precision = body.precision.unwrap_or(2);
    let attribute = body.attribute_type.as_deref().unwrap_or_default();
    let name = body
        .attribute_type_name
        .as_ref()
        .and_then(|name| name.value.as_deref())
        .unwrap_or_default();
    match (attribute, name) {
        (_, "MultiSelectPicklistType") => ColumnType::Choices,
        ("String" | "Memo", _) => ColumnType::Text {
            max_length: body.max_length,
        },
        ("Integer" | "BigInt", _) => ColumnType::Integer,
        ("Decimal" | "Double", _) => ColumnType::Decimal { precision },
        ("Money", _) => ColumnType::Money { precision },
        ("Boolean", _) => {
            let default = body
                .default_value
                .as_ref()
                .and_then(serde_json::Value::as_bool)
                .unwrap_or_default();
            ColumnType::Boolean { default }
        }
        ("Picklist", _) => ColumnType::Choice,
        ("State", _) => ColumnType::State,
        ("Status", _) => ColumnType::Status,
        // By its behaviour, not by its format: one that is only shown as a day travels as a moment.
        ("DateTime", _) if is_a_day(body) => ColumnType::Date,
        ("DateTime", _) => ColumnType::DateTime,
        ("Lookup" | "Customer" | "Owner", _) => ColumnType::Lookup { targets },
        ("Uniqueidentifier", _) => ColumnType::Id,
        // What a virtual column is, its type's name tells: `FileType`, `ImageType`.
        ("Virtual", name) if !name.is_empty() => {
            ColumnType::Unsupported(name.trim_end_matches("Type").to_owned())
        }
        (other, _) => ColumnType::Unsupported(other.to_owned()),
    }
}

fn is_a_day(body: &ColumnBody) -> bool {
    let behaviour = body.date_time_behavior.as_ref();
    behaviour.and_then(|behaviour| behaviour.value.as_deref()) == Some("DateOnly")
}

#[cfg(test)]
mod tests;
