//! `$metadata`: read by an XML parser and held against the rules of CSDL, and against the service itself.

use std::collections::{HashMap, HashSet};

use roxmltree::{Document, Node};

use crate::support::emulated::Emulated;

const EDM: &str = "http://docs.oasis-open.org/odata/ns/edm";

fn children<'a>(node: Node<'a, 'a>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children()
        .filter(move |child| child.has_tag_name((EDM, tag)))
}

fn name<'a>(node: Node<'a, 'a>) -> &'a str {
    node.attribute("Name").unwrap()
}

/// A type without `Collection()` and without the alias.
fn element(kind: &str) -> &str {
    let inner = kind
        .strip_prefix("Collection(")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or(kind);
    inner.strip_prefix("mscrm.").unwrap_or(inner)
}

#[tokio::test]
async fn the_model_is_valid_and_complete() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let answer = us.get("$metadata").await;
    assert_eq!(answer.header("content-type"), "application/xml");
    assert!(!answer.text.contains("Core.V1.Computed"));
    for path in ["$metadata", "$metadata?annotations=true"] {
        let text = us.get(path).await.text;
        let document = Document::parse(&text).unwrap();
        let schema = document
            .descendants()
            .find(|node| node.has_tag_name((EDM, "Schema")))
            .unwrap();
        assert_eq!(
            schema.attribute("Namespace"),
            Some("Microsoft.Dynamics.CRM")
        );
        let mut declared = HashSet::new();
        for tag in ["EntityType", "ComplexType", "EnumType"] {
            for node in children(schema, tag) {
                assert!(
                    declared.insert(name(node)),
                    "{} is declared twice",
                    name(node)
                );
            }
        }
        let types: HashMap<&str, Node> = children(schema, "EntityType")
            .map(|node| (name(node), node))
            .collect();
        for node in types.values() {
            check_type(*node, &types, &declared);
        }
        check_messages(schema, &declared);
        let container = children(schema, "EntityContainer").next().unwrap();
        let sets: HashMap<&str, &str> = children(container, "EntitySet")
            .map(|set| (name(set), element(set.attribute("EntityType").unwrap())))
            .collect();
        let listed = us.column("", "name").await;
        let mut names: Vec<&str> = sets.keys().copied().collect();
        names.sort_unstable();
        assert_eq!(listed, names);
        for set in children(container, "EntitySet") {
            let own = types[sets[name(set)]];
            for binding in children(set, "NavigationPropertyBinding") {
                let path = binding.attribute("Path").unwrap();
                let bound = children(own, "NavigationProperty")
                    .find(|own| name(*own) == path)
                    .unwrap();
                assert_eq!(
                    element(bound.attribute("Type").unwrap()),
                    sets[binding.attribute("Target").unwrap()],
                    "{path}"
                );
            }
        }
    }
}

fn check_type(node: Node, types: &HashMap<&str, Node>, declared: &HashSet<&str>) {
    if node.attribute("Abstract") == Some("true") {
        return;
    }
    assert!(types.contains_key(element(node.attribute("BaseType").unwrap())));
    let mut names = HashSet::new();
    for property in children(node, "Property").chain(children(node, "NavigationProperty")) {
        assert!(
            names.insert(name(property)),
            "{}.{} is declared twice",
            name(node),
            name(property)
        );
        let kind = element(property.attribute("Type").unwrap());
        assert!(
            kind.starts_with("Edm.") || declared.contains(kind),
            "{kind} is not declared"
        );
    }
    for reference in children(children(node, "Key").next().unwrap(), "PropertyRef") {
        let key = children(node, "Property").find(|own| name(*own) == name(reference));
        assert_eq!(key.unwrap().attribute("Nullable"), Some("false"));
    }
    for navigation in children(node, "NavigationProperty") {
        let other = types[element(navigation.attribute("Type").unwrap())];
        if let Some(partner) = navigation.attribute("Partner") {
            let partner = children(other, "NavigationProperty").find(|own| name(*own) == partner);
            let partner = partner
                .unwrap_or_else(|| panic!("{}.{} has no partner", name(node), name(navigation)));
            assert_eq!(element(partner.attribute("Type").unwrap()), name(node));
            assert_eq!(partner.attribute("Partner"), Some(name(navigation)));
        }
        for constraint in children(navigation, "ReferentialConstraint") {
            assert!(names.contains(constraint.attribute("Property").unwrap()));
            let key = constraint.attribute("ReferencedProperty").unwrap();
            assert!(children(other, "Property").any(|own| name(own) == key));
        }
    }
}

fn check_messages(schema: Node, declared: &HashSet<&str>) {
    let functions: HashSet<&str> = children(schema, "Function").map(name).collect();
    let actions: HashSet<&str> = children(schema, "Action").map(name).collect();
    for message in children(schema, "Function").chain(children(schema, "Action")) {
        for part in children(message, "Parameter").chain(children(message, "ReturnType")) {
            let kind = element(part.attribute("Type").unwrap());
            assert!(
                kind.starts_with("Edm.") || declared.contains(kind),
                "{kind} is not declared"
            );
        }
    }
    let container = children(schema, "EntityContainer").next().unwrap();
    for import in children(container, "FunctionImport") {
        assert!(functions.contains(element(import.attribute("Function").unwrap())));
    }
    for import in children(container, "ActionImport") {
        assert!(actions.contains(element(import.attribute("Action").unwrap())));
    }
}

#[tokio::test]
async fn what_rows_have_is_in_the_model() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let text = us.get("$metadata?annotations=true").await.text;
    let document = Document::parse(&text).unwrap();
    let found = |kind: &str| {
        document
            .descendants()
            .find(|node| node.attribute("Name") == Some(kind))
            .unwrap()
    };
    for (kind, set) in [
        ("systemuser", "systemusers"),
        ("organization", "organizations"),
        ("sdkmessage", "sdkmessages"),
    ] {
        let row = us.get(&format!("{set}?$top=1")).await.json()["value"][0].clone();
        let row = row.as_object().unwrap();
        let properties: Vec<&str> = children(found(kind), "Property").map(name).collect();
        let own: Vec<&str> = row
            .keys()
            .map(String::as_str)
            .filter(|name| !name.contains('@'))
            .collect();
        assert_eq!(properties, own);
    }
    let account = found("account");
    let property = |wanted: &str| {
        children(account, "Property")
            .find(|own| name(*own) == wanted)
            .unwrap()
    };
    for (wanted, kind, computed) in [
        ("revenue", "Edm.Decimal", false),
        ("revenue_base", "Edm.Decimal", true),
        ("address1_latitude", "Edm.Double", false),
        ("versionnumber", "Edm.Int64", true),
        ("_ownerid_value", "Edm.Guid", true),
        ("new_serviceregions", "Edm.String", false),
        ("creditonhold", "Edm.Boolean", false),
    ] {
        assert_eq!(property(wanted).attribute("Type"), Some(kind), "{wanted}");
        let term = |own: Node| own.attribute("Term") == Some("Org.OData.Core.V1.Computed");
        assert_eq!(
            children(property(wanted), "Annotation").any(term),
            computed,
            "{wanted}"
        );
    }
    let tracked = document
        .descendants()
        .filter(|node| node.attribute("Term") == Some("Org.OData.Capabilities.V1.ChangeTracking"));
    assert_eq!(tracked.count(), 3);
    assert_eq!(us.get("$metadata?$select=x").await.status, 400);
    assert_eq!(us.get("$metadata/x").await.status, 404);
}
