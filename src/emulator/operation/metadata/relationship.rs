//! The definitions of relationships: one for each target of each lookup, and the many-to-many ones.
//!
//! Both sides of a many-to-many relationship see it under one name, which is also their navigation property.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::definition::{Definition, managed, object};
use crate::emulator::schema::{Column, ManyToMany, Schema, Table, Target};
use crate::emulator::value::TableId;

/// Whether a cast, without its namespace, names a type of relationship.
pub(super) fn is_type(cast: &str) -> bool {
    matches!(
        cast,
        "OneToManyRelationshipMetadata" | "ManyToManyRelationshipMetadata"
    )
}

/// All relationships, each once.
pub(super) fn all(schema: &Schema) -> Vec<Definition> {
    let mut found: Vec<Definition> = Vec::new();
    for (_, table) in schema.tables() {
        found.extend(many_to_one(schema, table));
    }
    found.extend(
        schema
            .many_to_many()
            .iter()
            .map(|own| many_to_many(schema, own)),
    );
    found
}

/// The relationships in which a table's lookups name others.
pub(super) fn many_to_one(schema: &Schema, table: &Table) -> Vec<Definition> {
    let mut found = Vec::new();
    for column in &table.columns {
        for target in column.targets() {
            found.extend(lookup(schema, table, column, target));
        }
    }
    found
}

/// The relationships in which others' lookups name a table.
pub(super) fn one_to_many(schema: &Schema, table: &Table) -> Vec<Definition> {
    let from = schema
        .tables()
        .flat_map(|(_, from)| many_to_one(schema, from));
    from.filter(|own| {
        own.derived.get("ReferencedEntity").and_then(Json::as_str) == Some(table.name)
    })
    .collect()
}

/// The many-to-many relationships in which a table stands on one side.
pub(super) fn many_to_many_of(schema: &Schema, id: TableId) -> Vec<Definition> {
    let own = schema.many_to_many().iter();
    own.filter(|own| own.sides.iter().any(|(side, _)| *side == id))
        .map(|own| many_to_many(schema, own))
        .collect()
}

fn lookup(schema: &Schema, table: &Table, column: &Column, target: &Target) -> Option<Definition> {
    let named = schema.table(schema.by_name(target.table)?);
    let delete = match (target.cascade, target.restricts) {
        (true, _) => "Cascade",
        (_, true) => "Restrict",
        _ => "RemoveLink",
    };
    // Two relationships of one owner column share their name, not their id.
    let id = format!("{}/{}/{}", target.relationship, table.name, named.name);
    let derived = object(json!({
        "ReferencingEntity": table.name,
        "ReferencingAttribute": column.name,
        "ReferencingEntityNavigationPropertyName": target.navigation,
        "ReferencedEntity": named.name,
        "ReferencedAttribute": named.columns[named.id].name,
        "ReferencedEntityNavigationPropertyName": target.relationship,
        "EntityKey": null,
        "IsHierarchical": table.name == named.name,
        "RelationshipBehavior": 1,
        "CascadeConfiguration": {
            "Assign": if target.cascade { "Cascade" } else { "NoCascade" }, "Delete": delete, "Merge": "NoCascade",
            "Reparent": "NoCascade", "Share": "NoCascade", "Unshare": "NoCascade", "RollupView": "NoCascade",
        },
        "AssociatedMenuConfiguration": null,
    }));
    Some(definition(&target.relationship, &id, "OneToMany", derived))
}

fn many_to_many(schema: &Schema, own: &ManyToMany) -> Definition {
    let [(first, first_column), (second, second_column)] = own.sides;
    let intersect = schema.table(own.intersect);
    let derived = object(json!({
        "IntersectEntityName": intersect.name,
        "Entity1LogicalName": schema.table(first).name,
        "Entity1IntersectAttribute": intersect.columns[first_column].name,
        "Entity1NavigationPropertyName": own.name,
        "Entity2LogicalName": schema.table(second).name,
        "Entity2IntersectAttribute": intersect.columns[second_column].name,
        "Entity2NavigationPropertyName": own.name,
    }));
    definition(own.name, own.name, "ManyToMany", derived)
}

fn definition(
    name: &str,
    id: &str,
    kind: &str,
    derived: serde_json::Map<String, Json>,
) -> Definition {
    let common = object(json!({
        "MetadataId": Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes()),
        "SchemaName": name,
        "RelationshipType": format!("{kind}Relationship"),
        "SecurityTypes": "Append",
        "IsCustomRelationship": false,
        "IsManaged": true,
        "IsCustomizable": managed("iscustomizable", true),
        "IsValidForAdvancedFind": true,
        "IntroducedVersion": "5.0.0.0",
        "HasChanged": null,
    }));
    Definition {
        type_name: format!("{kind}RelationshipMetadata"),
        common,
        derived,
        ..Definition::default()
    }
}
