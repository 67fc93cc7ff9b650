//! Section 10: the shape of an error, and the codes of the table in 10.2 that no other section has met.

use super::Mark::{Doc, Enum, Inferred, NotFound};
use super::{Golden, golden};

const ROW: &str = "POST accounts\n\n{\"accountid\":\"«1»\",\"name\":\"Acme\"}";

pub const GOLDENS: &[Golden] = &[
    golden(
        "10.1",
        &[Doc],
        "an error has a code and a message, and no more",
        &[],
        "GET accounts(«1»)",
        "404 NotFound\nContent-Type: application/json; odata.metadata=minimal\n\n\
         {\"error\":{\"code\":\"0x80040217\",\"message\":\"account With Id = «1» Does Not Exist\"}}",
    ),
    golden(
        "10.2",
        &[Enum, Inferred],
        "InvalidArgument: a state that a new row can't have",
        &[],
        "POST accounts\n\n{\"name\":\"Acme\",\"statecode\":1}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80040203\",\"message\":\"«any»statecode«any»\"}}",
    ),
    golden(
        "10.2",
        &[Enum, Inferred],
        "RequiredFieldMissing: a ticket without its customer",
        &[],
        "POST incidents\n\n{\"title\":\"t\"}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80040200\",\"message\":\"«any»customerid«any»\"}}",
    ),
    golden(
        "9.1",
        &[Inferred],
        "ApplicationRequired is not for the server",
        &[],
        "POST accounts\n\n{\"accountnumber\":\"A-1\"}",
        "204\nOData-EntityId: «root»accounts(«guid»)",
    ),
    golden(
        "10.2",
        &[Enum, Inferred],
        "QueryBuilderNoAttribute: FetchXML with no such column",
        &[],
        "GET accounts?fetchXml=<fetch><entity name='account'><attribute name='nonsense'/></entity></fetch>",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80041103\",\
         \"message\":\"'account' entity doesn't contain attribute with Name = 'nonsense'«any»\"}}",
    ),
    golden(
        "10.2",
        &[Enum, NotFound],
        "QueryBuilderNoEntity: FetchXML with no such table",
        &[],
        "GET accounts?fetchXml=<fetch><entity name='account'><link-entity name='nonsense' from='a' to='accountid'/>\
         </entity></fetch>",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80041102\",\"message\":\"«any»nonsense«any»\"}}",
    ),
    golden(
        "2.4",
        &[Doc],
        "CannotDeleteDueToAssociation: what others depend on",
        &["GET WhoAmI\nbind unit = /BusinessUnitId"],
        "DELETE businessunits(«unit»)",
        "405 Invalid\n\n{\"error\":{\"code\":\"0x80040227\",\"message\":\"«any»\"}}",
    ),
    golden(
        "10.2",
        &[Doc],
        "InvalidOperation: a method that a row does not have",
        &[ROW],
        "POST accounts(«1»)\n\n{}",
        "405 Invalid\n\n{\"error\":{\"code\":\"0x8004023b\",\"message\":\"«any»\"}}",
    ),
    golden(
        "10.2",
        &[Inferred],
        "what the emulator does not do is said by name",
        &[],
        "POST accounts/Microsoft.Dynamics.CRM.Merge\n\n{}",
        "501 Invalid\n\n{\"error\":{\"code\":\"0x80040315\",\"message\":\"«any»Merge«any» is not supported by this emulator yet\"}}",
    ),
    golden(
        "10.2",
        &[Enum, NotFound],
        "a deadlock, by a fault",
        &["POST /emulator/faults\n\n{\"path\":\"/WhoAmI\",\"status\":500,\"code\":\"0x80044150\"}"],
        "GET WhoAmI",
        "500 Unavailable\n\n{\"error\":{\"code\":\"0x80044150\",\"message\":\"«any»\"}}",
    ),
    golden(
        "10.2",
        &[Enum, NotFound],
        "a lock that can't be had, by a fault",
        &["POST /emulator/faults\n\n{\"path\":\"/WhoAmI\",\"status\":400,\"code\":\"0x80044339\"}"],
        "GET WhoAmI",
        "400 Unavailable\n\n{\"error\":{\"code\":\"0x80044339\",\"message\":\"«any»\"}}",
    ),
];
