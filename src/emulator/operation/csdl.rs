//! `$metadata`: the model as CSDL XML, of the tables, functions and actions that are served.
//!
//! Without the types of metadata itself, which Dataverse lists too.

mod message;
mod xml;

use std::collections::BTreeMap;

use http::StatusCode;

use self::xml::Xml;
use super::Call;
use crate::emulator::refusal::Outcome;
use crate::emulator::reply::{self, Reply};
use crate::emulator::schema::{Column, Kind, Read, Schema, Table};

const EDMX: &str = "http://docs.oasis-open.org/odata/ns/edmx";
const EDM: &str = "http://docs.oasis-open.org/odata/ns/edm";
const CORE: &str = "Org.OData.Core.V1";
const CAPABILITIES: &str = "Org.OData.Capabilities.V1";
const KEYS: &str = "OData.Community.Keys.V1";

pub(crate) fn answer(call: &Call) -> Outcome<Reply> {
    call.query.only(&["annotations"])?;
    let asked = call.query.get("annotations") == Some("true");
    let annotated = asked
        || call
            .preferences
            .annotations
            .wants("Org.OData.Core.V1.Description");
    let text = document(&call.schema, annotated);
    Ok(reply::text(StatusCode::OK, "application/xml", text))
}

fn document(schema: &Schema, annotated: bool) -> String {
    let mut xml = Xml::new();
    xml.open("edmx:Edmx", &[("Version", "4.0"), ("xmlns:edmx", EDMX)]);
    reference(
        &mut xml,
        "http://vocabularies.odata.org/OData.Community.Keys.V1.xml",
        KEYS,
        "Keys",
    );
    reference(
        &mut xml,
        "http://docs.oasis-open.org/odata/odata/v4.0/os/vocabularies/Org.OData.Core.V1.xml",
        CORE,
        "Core",
    );
    reference(
        &mut xml,
        "http://docs.oasis-open.org/odata/odata/v4.0/os/vocabularies/Org.OData.Capabilities.V1.xml",
        CAPABILITIES,
        "Capabilities",
    );
    xml.open("edmx:DataServices", &[]);
    let own = [
        ("Namespace", "Microsoft.Dynamics.CRM"),
        ("Alias", "mscrm"),
        ("xmlns", EDM),
    ];
    xml.open("Schema", &own);
    xml.leaf(
        "EntityType",
        &[("Name", "crmbaseentity"), ("Abstract", "true")],
    );
    for (_, table) in schema.tables() {
        entity_type(&mut xml, schema, table, annotated);
    }
    message::declare(&mut xml, schema);
    container(&mut xml, schema, annotated);
    for tag in ["Schema", "edmx:DataServices", "edmx:Edmx"] {
        xml.close(tag);
    }
    xml.finish()
}

fn reference(xml: &mut Xml, uri: &str, namespace: &str, alias: &str) {
    xml.open("edmx:Reference", &[("Uri", uri)]);
    xml.leaf(
        "edmx:Include",
        &[("Namespace", namespace), ("Alias", alias)],
    );
    xml.close("edmx:Reference");
}

fn entity_type(xml: &mut Xml, schema: &Schema, table: &Table, annotated: bool) {
    xml.open(
        "EntityType",
        &[("Name", table.name), ("BaseType", "mscrm.crmbaseentity")],
    );
    xml.open("Key", &[]);
    xml.leaf("PropertyRef", &[("Name", table.columns[table.id].name)]);
    xml.close("Key");
    for (index, column) in table.columns.iter().enumerate() {
        if column.read != Read::Nobody || column.create {
            property(xml, column, index == table.id, annotated);
        }
    }
    for (name, navigation) in navigations(schema, table) {
        navigation.write(xml, &name);
    }
    if annotated {
        text(xml, &format!("{CORE}.Description"), table.label);
    }
    alternate_keys(xml, table);
    xml.close("EntityType");
}

fn property(xml: &mut Xml, column: &Column, is_key: bool, annotated: bool) {
    let mut attributes = vec![
        ("Name", column.wire_name.as_str()),
        ("Type", column.kind.edm()),
    ];
    if is_key {
        attributes.push(("Nullable", "false"));
    }
    if matches!(
        column.kind,
        Kind::Text { .. } | Kind::Memo { .. } | Kind::Choices { .. }
    ) {
        attributes.push(("Unicode", "false"));
    }
    if matches!(column.kind, Kind::Decimal { .. } | Kind::Money { .. }) {
        attributes.push(("Scale", "Variable"));
    }
    if !annotated {
        return xml.leaf("Property", &attributes);
    }
    xml.open("Property", &attributes);
    text(xml, &format!("{CORE}.Description"), &column.schema_name);
    if matches!(column.kind, Kind::Lookup { .. }) || !(column.create || column.update) {
        let computed = format!("{CORE}.Computed");
        xml.leaf("Annotation", &[("Term", &computed), ("Bool", "true")]);
        let term = format!("{CORE}.Permissions");
        xml.open("Annotation", &[("Term", &term)]);
        xml.element("EnumMember", &format!("{CORE}.PermissionType/Read"));
        xml.close("Annotation");
    }
    xml.close("Property");
}

fn text(xml: &mut Xml, term: &str, text: &str) {
    xml.leaf("Annotation", &[("Term", term), ("String", text)]);
}

/// A navigation property: where it leads, and its partner on the other side.
struct Navigation {
    kind: String,
    partner: Option<String>,
    /// The property that holds the id, and the property that it equals.
    constraint: Option<(String, &'static str)>,
}

impl Navigation {
    fn write(&self, xml: &mut Xml, name: &str) {
        let mut attributes = vec![("Name", name), ("Type", self.kind.as_str())];
        if self.kind.starts_with("Collection(") {
            // A collection is never null, so it may not say so.
        } else {
            attributes.push(("Nullable", "true"));
        }
        if let Some(partner) = &self.partner {
            attributes.push(("Partner", partner));
        }
        let Some((own, referenced)) = &self.constraint else {
            return xml.leaf("NavigationProperty", &attributes);
        };
        xml.open("NavigationProperty", &attributes);
        xml.leaf(
            "ReferentialConstraint",
            &[("Property", own), ("ReferencedProperty", referenced)],
        );
        xml.close("NavigationProperty");
    }
}

/// All navigation properties of a table, each name once: an owner's leads to a user or a team, so to any row.
fn navigations(schema: &Schema, table: &Table) -> BTreeMap<String, Navigation> {
    let mut found = BTreeMap::new();
    let own = schema.by_name(table.name);
    for column in &table.columns {
        for target in column.targets() {
            let Some(named) = schema.by_name(target.table).map(|id| schema.table(id)) else {
                continue;
            };
            let is_shared = column
                .targets()
                .iter()
                .filter(|other| other.navigation == target.navigation)
                .count()
                > 1;
            let navigation = if is_shared {
                Navigation {
                    kind: "mscrm.crmbaseentity".to_owned(),
                    partner: None,
                    constraint: None,
                }
            } else {
                Navigation {
                    kind: format!("mscrm.{}", named.name),
                    partner: Some(target.relationship.clone()),
                    constraint: Some((column.wire_name.clone(), named.columns[named.id].name)),
                }
            };
            found
                .entry(target.navigation.to_owned())
                .or_insert(navigation);
        }
    }
    for (_, child) in schema.tables() {
        for column in &child.columns {
            for target in column
                .targets()
                .iter()
                .filter(|target| target.table == table.name)
            {
                let is_shared = column
                    .targets()
                    .iter()
                    .filter(|other| other.navigation == target.navigation)
                    .count()
                    > 1;
                found
                    .entry(target.relationship.clone())
                    .or_insert(Navigation {
                        kind: format!("Collection(mscrm.{})", child.name),
                        partner: (!is_shared).then(|| target.navigation.to_owned()),
                        constraint: None,
                    });
            }
        }
    }
    for relationship in schema.many_to_many() {
        for (this, that) in [(0, 1), (1, 0)] {
            let (sides, name) = (relationship.sides, relationship.name);
            if Some(sides[this].0) == own {
                found.insert(
                    name.to_owned(),
                    Navigation {
                        kind: format!("Collection(mscrm.{})", schema.table(sides[that].0).name),
                        partner: Some(name.to_owned()),
                        constraint: None,
                    },
                );
            }
        }
    }
    found
}

/// The alternate keys that can be used in an address.
fn alternate_keys(xml: &mut Xml, table: &Table) {
    let active: Vec<_> = table
        .keys()
        .filter(|key| table.key(&key.columns).is_some())
        .collect();
    if active.is_empty() {
        return;
    }
    let term = format!("{KEYS}.AlternateKeys");
    xml.open("Annotation", &[("Term", &term)]);
    xml.open("Collection", &[]);
    for key in active {
        xml.open(
            "Record",
            &[("Type", "OData.Community.Keys.V1.AlternateKey")],
        );
        xml.open("PropertyValue", &[("Property", "Key")]);
        xml.open("Collection", &[]);
        for &column in &key.columns {
            let name = table.columns[column].wire_name.as_str();
            xml.open("Record", &[("Type", "OData.Community.Keys.V1.PropertyRef")]);
            xml.leaf("PropertyValue", &[("Property", "Alias"), ("String", name)]);
            xml.leaf(
                "PropertyValue",
                &[("Property", "Name"), ("PropertyPath", name)],
            );
            xml.close("Record");
        }
        for tag in ["Collection", "PropertyValue", "Record"] {
            xml.close(tag);
        }
    }
    xml.close("Collection");
    xml.close("Annotation");
}

fn container(xml: &mut Xml, schema: &Schema, annotated: bool) {
    xml.open("EntityContainer", &[("Name", "System")]);
    for (_, table) in schema.tables() {
        let kind = format!("mscrm.{}", table.name);
        xml.open("EntitySet", &[("Name", table.set), ("EntityType", &kind)]);
        for (name, navigation) in navigations(schema, table) {
            let target = navigation
                .kind
                .trim_start_matches("Collection(")
                .trim_end_matches(')');
            let target = target
                .strip_prefix("mscrm.")
                .and_then(|name| schema.by_name(name));
            if let Some(target) = target {
                let target = schema.table(target).set;
                xml.leaf(
                    "NavigationPropertyBinding",
                    &[("Path", &name), ("Target", target)],
                );
            }
        }
        if annotated && table.change_tracking {
            let term = format!("{CAPABILITIES}.ChangeTracking");
            xml.open("Annotation", &[("Term", &term)]);
            xml.open("Record", &[]);
            xml.leaf(
                "PropertyValue",
                &[("Property", "Supported"), ("Bool", "true")],
            );
            xml.close("Record");
            xml.close("Annotation");
        }
        xml.close("EntitySet");
    }
    message::import(xml);
    xml.close("EntityContainer");
}
