//! Section 5: `$batch` and the messages for many rows.

use super::Mark::{Doc, Inferred, NotFound};
use super::{Golden, golden};

const ROW: &str =
    "POST accounts\n\n{\"accountid\":\"«1»\",\"name\":\"Acme\",\"accountnumber\":\"A-1\"}";

pub const GOLDENS: &[Golden] = &[
    golden(
        "5.1",
        &[Doc],
        "a change set and a read",
        &[],
        "POST $batch\nContent-Type: multipart/mixed; boundary=\"batch_1\"\n\n\
--batch_1
Content-Type: multipart/mixed; boundary=\"changeset_1\"

--changeset_1
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

POST /api/data/v9.2/accounts HTTP/1.1
Content-Type: application/json; type=entry

{\"accountid\":\"«1»\",\"name\":\"Acme\"}
--changeset_1
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

POST /api/data/v9.2/contacts HTTP/1.1
Content-Type: application/json; type=entry

{\"contactid\":\"«2»\",\"lastname\":\"L\",\"parentcustomerid_account@odata.bind\":\"$1\"}
--changeset_1--
--batch_1
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /api/data/v9.2/accounts?$select=name&$top=1 HTTP/1.1
Accept: application/json

--batch_1--
",
        "200\nContent-Type: multipart/mixed; boundary=batchresponse_«guid»\n\n\
--batchresponse_«guid»
Content-Type: multipart/mixed; boundary=changesetresponse_«guid»

--changesetresponse_«guid»
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 1

HTTP/1.1 204 No Content
«any»OData-EntityId: «root»accounts(«1»)
«any»
--changesetresponse_«guid»
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

HTTP/1.1 204 No Content
«any»OData-EntityId: «root»contacts(«2»)
«any»
--changesetresponse_«guid»--
--batchresponse_«guid»
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 200 OK
«any»\"name\":\"Acme\"«any»
--batchresponse_«guid»--",
    ),
    golden(
        "5.1",
        &[Doc, Inferred],
        "a failure ends the batch",
        &[],
        "POST $batch\nContent-Type: multipart/mixed; boundary=b\n\n\
--b
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /api/data/v9.2/accounts(«9») HTTP/1.1
Accept: application/json

--b
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /api/data/v9.2/WhoAmI HTTP/1.1
Accept: application/json

--b--
",
        "400\nContent-Type: multipart/mixed; boundary=batchresponse_«guid»\n\n\
--batchresponse_«guid»
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 404 Not Found
«any»{\"error\":{\"code\":\"0x80040217\",\"message\":\"account With Id = «9» Does Not Exist\"}}
--batchresponse_«guid»--",
    ),
    golden(
        "5.1",
        &[Doc],
        "a batch that goes on after a failure",
        &[],
        "POST $batch\nContent-Type: multipart/mixed; boundary=b\nPrefer: odata.continue-on-error\n\n\
--b
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /api/data/v9.2/accounts(«9») HTTP/1.1
Accept: application/json

--b
Content-Type: application/http
Content-Transfer-Encoding: binary

GET /api/data/v9.2/WhoAmI HTTP/1.1
Accept: application/json

--b--
",
        "200\n\n\
--batchresponse_«guid»
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 404 Not Found
«any»REQ_ID: «guid»
«any»{\"error\":{\"code\":\"0x80040217\",\"message\":\"account With Id = «9» Does Not Exist\"}}
--batchresponse_«guid»
Content-Type: application/http
Content-Transfer-Encoding: binary

HTTP/1.1 200 OK
«any»
--batchresponse_«guid»--",
    ),
    golden(
        "5.1",
        &[Doc, Inferred],
        "a reference to nothing",
        &[],
        "POST $batch\nContent-Type: multipart/mixed; boundary=b\n\n\
--b
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: application/http
Content-Transfer-Encoding: binary
Content-ID: 2

POST /api/data/v9.2/contacts HTTP/1.1
Content-Type: application/json

{\"lastname\":\"L\",\"parentcustomerid_account@odata.bind\":\"$1\"}
--c--
--b--
",
        "400\n\n«any»HTTP/1.1 400 Bad Request\n«any»Content-ID Reference: '$1' does not exist in the batch context.«any»",
    ),
    golden(
        "5.1",
        &[Doc],
        "a batch in a batch",
        &[],
        "POST $batch\nContent-Type: multipart/mixed; boundary=b\n\n\
--b
Content-Type: application/http
Content-Transfer-Encoding: binary

POST /api/data/v9.2/$batch HTTP/1.1
Content-Type: multipart/mixed; boundary=c

--c--
--b--
",
        "400\n\n«any»",
    ),
    golden(
        "5.1",
        &[Inferred],
        "a batch that is not multipart",
        &[],
        "POST $batch\n\n{}",
        "400 Invalid\n\n{\"error\":{\"code\":\"«any»\",\"message\":\"«any»\"}}",
    ),
    golden(
        "5.1",
        &[Inferred],
        "a batch without its end",
        &[],
        "POST $batch\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/http\n",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80048d19\",\"message\":\"«any»\"}}",
    ),
    golden(
        "5.2",
        &[Doc],
        "CreateMultiple answers the ids",
        &[],
        "POST accounts/Microsoft.Dynamics.CRM.CreateMultiple\n\n{\"Targets\":[\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"name\":\"A\",\"accountid\":\"«1»\"},\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"name\":\"B\"}]}",
        "200\n\n{\"@odata.context\":\"«root»$metadata#Microsoft.Dynamics.CRM.CreateMultipleResponse\",\
         \"Ids\":[\"«1»\",\"«guid»\"]}",
    ),
    golden(
        "5.2",
        &[Doc],
        "UpdateMultiple answers nothing",
        &[ROW],
        "POST accounts/Microsoft.Dynamics.CRM.UpdateMultiple\n\n{\"Targets\":[\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"name\":\"B\",\"accountid\":\"«1»\"}]}",
        "204",
    ),
    golden(
        "5.2",
        &[Doc],
        "UpsertMultiple answers nothing",
        &[ROW],
        "POST accounts/Microsoft.Dynamics.CRM.UpsertMultiple\n\n{\"Targets\":[\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"@odata.id\":\"accounts(accountnumber='A-1')\",\"name\":\"B\"},\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"accountid\":\"«2»\",\"name\":\"C\"}]}",
        "204",
    ),
    golden(
        "5.2",
        &[Doc, NotFound],
        "DeleteMultiple is for elastic tables",
        &[],
        "POST accounts/Microsoft.Dynamics.CRM.DeleteMultiple\n\n{\"Targets\":[]}",
        "501 Invalid\n\n{\"error\":{\"code\":\"«any»\",\"message\":\"DeleteMultiple has not yet been implemented.\"}}",
    ),
    golden(
        "5.2",
        &[Doc],
        "one bad row and nothing is done",
        &[],
        "POST accounts/Microsoft.Dynamics.CRM.CreateMultiple\n\n{\"Targets\":[\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"name\":\"A\"},\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"name\":\"«x 161»\"}]}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80044331\",\"…\":0}}",
    ),
    golden(
        "5.2",
        &[Doc, Inferred],
        "a target without its type",
        &[],
        "POST accounts/Microsoft.Dynamics.CRM.CreateMultiple\n\n{\"Targets\":[{\"name\":\"A\"}]}",
        "400 Invalid\n\n{\"error\":{\"…\":0}}",
    ),
    golden(
        "5.2",
        &[Doc, Inferred],
        "the same row twice in UpsertMultiple",
        &[],
        "POST accounts/Microsoft.Dynamics.CRM.UpsertMultiple\n\n{\"Targets\":[\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"accountid\":\"«1»\",\"name\":\"A\"},\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"accountid\":\"«1»\",\"name\":\"B\"}]}",
        "400 Invalid\n\n{\"error\":{\"…\":0}}",
    ),
    golden(
        "5.2",
        &[Doc],
        "a table's messages are looked up",
        &[],
        "GET sdkmessagefilters?$select=sdkmessagefilterid&$filter=sdkmessageid/name eq @m and \
         primaryobjecttypecode eq @t&@m='CreateMultiple'&@t='account'",
        "200\n\n{\"value\":[{\"sdkmessagefilterid\":\"«guid»\",\"…\":0}],\"…\":0}",
    ),
];
