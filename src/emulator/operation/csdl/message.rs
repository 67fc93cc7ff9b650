//! The functions and actions of the model, with the types of their parameters and answers.
//!
//! `RetrieveMetadataChanges` is not declared: its types are those of metadata itself.

use super::xml::Xml;
use crate::emulator::schema::Schema;

/// The types of answers, each with its properties.
const TYPES: [(&str, &[(&str, &str)]); 7] = [
    (
        "WhoAmIResponse",
        &[
            ("BusinessUnitId", "Edm.Guid"),
            ("UserId", "Edm.Guid"),
            ("OrganizationId", "Edm.Guid"),
        ],
    ),
    ("RetrieveVersionResponse", &[("Version", "Edm.String")]),
    (
        "EntityRecordCountCollection",
        &[
            ("Count", "Edm.Int32"),
            ("IsReadOnly", "Edm.Boolean"),
            ("Keys", "Collection(Edm.String)"),
            ("Values", "Collection(Edm.Int64)"),
        ],
    ),
    (
        "RetrieveTotalRecordCountResponse",
        &[(
            "EntityRecordCountCollection",
            "mscrm.EntityRecordCountCollection",
        )],
    ),
    (
        "EndpointCollection",
        &[
            ("Count", "Edm.Int32"),
            ("IsReadOnly", "Edm.Boolean"),
            ("Keys", "Collection(Edm.String)"),
            ("Values", "Collection(Edm.String)"),
        ],
    ),
    (
        "OrganizationDetail",
        &[
            ("OrganizationId", "Edm.Guid"),
            ("FriendlyName", "Edm.String"),
            ("OrganizationVersion", "Edm.String"),
            ("EnvironmentId", "Edm.String"),
            ("DatacenterId", "Edm.Guid"),
            ("Geo", "Edm.String"),
            ("TenantId", "Edm.String"),
            ("UrlName", "Edm.String"),
            ("UniqueName", "Edm.String"),
            ("State", "Edm.String"),
            ("Endpoints", "mscrm.EndpointCollection"),
        ],
    ),
    (
        "RetrieveCurrentOrganizationResponse",
        &[("Detail", "mscrm.OrganizationDetail")],
    ),
];

/// The functions, each with its parameter.
const FUNCTIONS: [(&str, Option<(&str, &str)>); 4] = [
    ("WhoAmI", None),
    ("RetrieveVersion", None),
    (
        "RetrieveCurrentOrganization",
        Some(("AccessType", "mscrm.EndpointAccessType")),
    ),
    (
        "RetrieveTotalRecordCount",
        Some(("EntityNames", "Collection(Edm.String)")),
    ),
];

/// Declares types, functions and actions.
pub(super) fn declare(xml: &mut Xml, schema: &Schema) {
    for (name, properties) in TYPES {
        xml.open("ComplexType", &[("Name", name)]);
        for (name, kind) in properties {
            xml.leaf("Property", &[("Name", name), ("Type", kind)]);
        }
        xml.close("ComplexType");
    }
    xml.open("ComplexType", &[("Name", "CreateMultipleResponse")]);
    required(xml, "Property", Some("Ids"), "Collection(Edm.Guid)");
    xml.close("ComplexType");
    xml.open("EnumType", &[("Name", "EndpointAccessType")]);
    for (name, value) in [("Default", "0"), ("Internet", "1"), ("Intranet", "2")] {
        xml.leaf("Member", &[("Name", name), ("Value", value)]);
    }
    xml.close("EnumType");
    for (name, parameter) in FUNCTIONS {
        xml.open("Function", &[("Name", name)]);
        if let Some((parameter, kind)) = parameter {
            required(xml, "Parameter", Some(parameter), kind);
        }
        required(xml, "ReturnType", None, &format!("mscrm.{name}Response"));
        xml.close("Function");
    }
    xml.open("Action", &[("Name", "ReactivateEntityKey")]);
    for parameter in ["EntityLogicalName", "EntityKeyLogicalName"] {
        required(xml, "Parameter", Some(parameter), "Edm.String");
    }
    xml.close("Action");
    bulk(xml, schema);
}

/// The bound actions that write many rows.
fn bulk(xml: &mut Xml, schema: &Schema) {
    for (_, table) in schema.tables().filter(|(_, table)| table.writes.create()) {
        let rows = format!("Collection(mscrm.{})", table.name);
        for name in ["CreateMultiple", "UpdateMultiple", "UpsertMultiple"] {
            xml.open("Action", &[("Name", name), ("IsBound", "true")]);
            for parameter in ["entityset", "Targets"] {
                required(xml, "Parameter", Some(parameter), &rows);
            }
            if name == "CreateMultiple" {
                required(xml, "ReturnType", None, "mscrm.CreateMultipleResponse");
            }
            xml.close("Action");
        }
    }
}

/// Makes what is bound to nothing callable.
pub(super) fn import(xml: &mut Xml) {
    for (name, _) in FUNCTIONS {
        let function = format!("mscrm.{name}");
        xml.leaf("FunctionImport", &[("Name", name), ("Function", &function)]);
    }
    let name = "ReactivateEntityKey";
    xml.leaf(
        "ActionImport",
        &[("Name", name), ("Action", "mscrm.ReactivateEntityKey")],
    );
}

fn required(xml: &mut Xml, tag: &str, name: Option<&str>, kind: &str) {
    let mut attributes = vec![("Type", kind), ("Nullable", "false")];
    if let Some(name) = name {
        attributes.insert(0, ("Name", name));
    }
    xml.leaf(tag, &attributes);
}
