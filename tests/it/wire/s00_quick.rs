//! Section 0, the table to code against: each of its rows, and each failure that it names.

use super::Mark::{Doc, Enum, Inferred, NotFound, Obs};
use super::{Golden, golden};

const ACCOUNT: &str =
    "POST accounts\n\n{\"accountid\":\"«1»\",\"name\":\"Acme\",\"accountnumber\":\"A-1\"}";

pub const GOLDENS: &[Golden] = &[
    golden(
        "0",
        &[Doc],
        "quick: GET WhoAmI",
        &[],
        "GET WhoAmI",
        "200\nOData-Version: 4.0\n\n{\"@odata.context\":\"«root»$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse\",\
         \"BusinessUnitId\":\"«guid»\",\"UserId\":\"«guid»\",\"OrganizationId\":\"«guid»\"}",
    ),
    golden(
        "0",
        &[Doc],
        "quick: GET set(id)",
        &[ACCOUNT],
        "GET accounts(«1»)?$select=name",
        "200\nETag: W/\"«int»\"\n\n{\"@odata.context\":\"«root»$metadata#accounts(name)/$entity\",\
         \"@odata.etag\":\"W/\\\"«int»\\\"\",\"name\":\"Acme\",\"accountid\":\"«1»\"}",
    ),
    golden(
        "0",
        &[Doc],
        "quick: GET set(id), no such row",
        &[],
        "GET accounts(«1»)",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x80040217\",\"message\":\"account With Id = «1» Does Not Exist\"}}",
    ),
    golden(
        "0",
        &[Doc],
        "quick: GET set(id) If-None-Match, not changed",
        &[
            "POST accounts\nPrefer: return=representation\nbind etag = /@odata.etag\n\n{\"accountid\":\"«1»\"}",
        ],
        "GET accounts(«1»)\nIf-None-Match: «etag»",
        "304",
    ),
    golden(
        "0",
        &[Doc],
        "quick: GET set(key)",
        &[ACCOUNT],
        "GET accounts(accountnumber='A-1')?$select=name",
        "200\n\n{\"name\":\"Acme\",\"accountid\":\"«1»\",\"…\":0}",
    ),
    golden(
        "0",
        &[Obs],
        "quick: GET set(key), no such row",
        &[],
        "GET accounts(accountnumber='A-1')",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x80060891\",\
         \"message\":\"A record with the specified key values does not exist in account entity\"}}",
    ),
    golden(
        "0",
        &[Obs, NotFound],
        "quick: GET set(key), undeclared",
        &[],
        "GET accounts(name='Acme')",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80060888\",\"message\":\"The key in the request URI is not valid for resource \
         'Microsoft.Dynamics.CRM.account'. Ensure that the names and number of key properties match «any»\"}}",
    ),
    golden(
        "0",
        &[Doc],
        "quick: POST set",
        &[],
        "POST accounts\n\n{\"name\":\"Acme\"}",
        "204\nOData-Version: 4.0\nOData-EntityId: «root»accounts(«guid»)",
    ),
    golden(
        "0",
        &[Obs],
        "quick: POST set, same primary key",
        &[ACCOUNT],
        "POST accounts\n\n{\"accountid\":\"«1»\"}",
        "412 PreconditionFailed\n\n{\"error\":{\"code\":\"0x80040237\",\
         \"message\":\"A record with matching key values already exists.\"}}",
    ),
    golden(
        "0",
        &[Obs],
        "quick: POST set, same alternate key",
        &[ACCOUNT],
        "POST accounts\n\n{\"accountnumber\":\"A-1\"}",
        "412 PreconditionFailed\n\n{\"error\":{\"code\":\"0x80060892\",\"message\":\"Entity Key «any» violated. A record \
         with the same value for «any» already exists. A duplicate record cannot be created. Select one or more unique \
         values and try again.\"}}",
    ),
    golden(
        "0",
        &[Obs],
        "quick: POST set, bind target missing",
        &[],
        "POST accounts\n\n{\"primarycontactid@odata.bind\":\"/contacts(«2»)\"}",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x80040217\",\"message\":\"Entity 'Contact' With Id = «2» Does Not Exist\"}}",
    ),
    golden(
        "0",
        &[Doc],
        "quick: POST set, return=representation",
        &[],
        "POST accounts?$select=name\nPrefer: return=representation\n\n{\"accountid\":\"«1»\",\"name\":\"Acme\"}",
        "201\nPreference-Applied: return=representation\nOData-EntityId: «absent»\n\n\
         {\"@odata.context\":\"«root»$metadata#accounts(name)/$entity\",\"@odata.etag\":\"W/\\\"«int»\\\"\",\
         \"name\":\"Acme\",\"accountid\":\"«1»\"}",
    ),
    golden(
        "0",
        &[Doc],
        "quick: PATCH set(id), no row: it is created",
        &[],
        "PATCH accounts(«1»)\n\n{\"name\":\"Acme\"}",
        "204\nOData-EntityId: «root»accounts(«1»)",
    ),
    golden(
        "0",
        &[Doc, Inferred],
        "quick: PATCH set(id) If-Match: *, no row",
        &[],
        "PATCH accounts(«1»)\nIf-Match: *\n\n{\"name\":\"Acme\"}",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x80040217\",\"message\":\"account With Id = «1» Does Not Exist\"}}",
    ),
    golden(
        "0",
        &[Obs],
        "quick: PATCH set(id) If-None-Match: *, a row",
        &[ACCOUNT],
        "PATCH accounts(«1»)\nIf-None-Match: *\n\n{\"name\":\"Acme\"}",
        "412 PreconditionFailed\n\n{\"error\":{\"code\":\"0x80040237\",\
         \"message\":\"A record with matching key values already exists.\"}}",
    ),
    golden(
        "0",
        &[Doc, Enum],
        "quick: PATCH set(id) If-Match, stale",
        &[ACCOUNT],
        "PATCH accounts(«1»)\nIf-Match: W/\"1\"\n\n{\"name\":\"Acme\"}",
        "412 PreconditionFailed\n\n{\"error\":{\"code\":\"0x80060882\",\
         \"message\":\"The version of the existing record doesn't match the RowVersion property provided.\"}}",
    ),
    golden(
        "0",
        &[Doc],
        "quick: PATCH set(key) echoes the key",
        &[],
        "PATCH accounts(accountnumber='A-1')\n\n{\"name\":\"Acme\"}",
        "204\nOData-EntityId: «root»accounts(accountnumber='A-1')",
    ),
    golden(
        "0",
        &[Obs],
        "quick: PATCH set(id) takes another row's key",
        &[ACCOUNT],
        "PATCH accounts(«2»)\n\n{\"accountnumber\":\"A-1\"}",
        "412 PreconditionFailed\n\n{\"error\":{\"code\":\"0x80060892\",\"…\":0}}",
    ),
    golden(
        "0",
        &[Doc],
        "quick: DELETE set(id)",
        &[ACCOUNT],
        "DELETE accounts(«1»)",
        "204",
    ),
    golden(
        "0",
        &[Doc],
        "quick: DELETE set(id), no such row",
        &[],
        "DELETE accounts(«1»)",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x80040217\",\"message\":\"account With Id = «1» Does Not Exist\"}}",
    ),
    golden(
        "0",
        &[Doc, Enum],
        "quick: DELETE set(id) If-Match, stale",
        &[ACCOUNT],
        "DELETE accounts(«1»)\nIf-Match: W/\"1\"",
        "412 PreconditionFailed\n\n{\"error\":{\"code\":\"0x80060882\",\"…\":0}}",
    ),
    golden(
        "0",
        &[Doc],
        "quick: GET set with track-changes",
        &[ACCOUNT],
        "GET accounts?$select=name\nPrefer: odata.track-changes",
        "200\nPreference-Applied: odata.track-changes\n\n{\"@odata.deltaLink\":\"«root»accounts?$select=name&$deltatoken=«any»\",\
         \"value\":[{\"name\":\"Acme\",\"…\":0}],\"…\":0}",
    ),
    golden(
        "0",
        &[Enum, NotFound],
        "quick: track-changes on a table without it",
        &[],
        "GET sdkmessages?$select=name\nPrefer: odata.track-changes",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80072491\",\
         \"message\":\"Entity sdkmessage isn't enabled for change tracking.\"}}",
    ),
];
