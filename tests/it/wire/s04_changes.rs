//! Section 4: change tracking.

use super::Mark::{Doc, Enum, Inferred, NotFound};
use super::{Golden, golden};

const ROW: &str =
    "POST accounts\n\n{\"accountid\":\"«1»\",\"name\":\"Acme\",\"accountnumber\":\"A-1\"}";
const TWO: &str = "POST accounts\n\n{\"accountid\":\"«2»\",\"name\":\"Gone\"}";
const TRACK: &str = "GET accounts?$select=name,accountnumber\nPrefer: odata.track-changes\nbind delta = /@odata.deltaLink";

pub const GOLDENS: &[Golden] = &[
    golden(
        "4.2",
        &[Doc],
        "the first call tells all rows",
        &[ROW],
        "GET accounts?$select=name,accountnumber\nPrefer: odata.track-changes",
        "200\nPreference-Applied: odata.track-changes\n\n\
         {\"@odata.context\":\"«root»$metadata#accounts(name,accountnumber)\",\
         \"@odata.deltaLink\":\"«root»accounts?$select=name,accountnumber&$deltatoken=«int»%21«any»\",\
         \"value\":[{\"@odata.etag\":\"W/\\\"«int»\\\"\",\"name\":\"Acme\",\"accountnumber\":\"A-1\",\"accountid\":\"«1»\"}]}",
    ),
    golden(
        "4.2",
        &[Doc, Inferred],
        "the link comes with the last page",
        &[ROW, TWO],
        "GET accounts?$select=name\nPrefer: odata.track-changes,odata.maxpagesize=1",
        "200\n\n{\"@odata.context\":\"«any»\",\"value\":[{\"…\":0}],\"@odata.nextLink\":\"«any»\"}",
    ),
    golden(
        "4.3",
        &[Doc],
        "changes, and deletions last",
        &[
            ROW,
            TWO,
            TRACK,
            "DELETE accounts(«2»)",
            "PATCH accounts(«1»)\n\n{\"name\":\"Acme 2\"}",
        ],
        "GET «delta»",
        "200\n\n{\"@odata.context\":\"«root»$metadata#accounts(name,accountnumber)/$delta\",\
         \"@odata.deltaLink\":\"«root»accounts?$select=name,accountnumber&$deltatoken=«any»\",\"value\":[\
         {\"@odata.etag\":\"W/\\\"«int»\\\"\",\"name\":\"Acme 2\",\"accountnumber\":\"A-1\",\"accountid\":\"«1»\"},\
         {\"@odata.context\":\"«root»$metadata#accounts/$deletedEntity\",\"id\":\"«2»\",\"reason\":\"deleted\"}]}",
    ),
    golden(
        "4.3",
        &[Doc],
        "no change",
        &[ROW, TRACK],
        "GET «delta»",
        "200\n\n{\"@odata.context\":\"«root»$metadata#accounts(name,accountnumber)/$delta\",\
         \"@odata.deltaLink\":\"«any»\",\"value\":[]}",
    ),
    golden(
        "4.3",
        &[Doc],
        "a filter is refused",
        &[],
        "GET accounts?$select=name&$filter=statecode eq 0\nPrefer: odata.track-changes",
        "400 Invalid\n\n{\"error\":{\"code\":\"«any»\",\
         \"message\":\"The \\\"$filter\\\" query parameter isn't supported when Change Tracking is enabled.\"}}",
    ),
    golden(
        "4.3",
        &[Doc],
        "an order is refused",
        &[],
        "GET accounts?$select=name&$orderby=name\nPrefer: odata.track-changes",
        "400 Invalid\n\n{\"error\":{\"code\":\"«any»\",\
         \"message\":\"The \\\"$orderby\\\" query parameter isn't supported when Change Tracking is enabled.\"}}",
    ),
    golden(
        "4.4",
        &[Doc, Enum, NotFound],
        "a token that has expired",
        &[ROW, TRACK, "POST /emulator/clock\n\n{\"advance_s\":691200}"],
        "GET «delta»",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80044352\",\
         \"message\":\"Version stamp associated with the client has expired. Please perform a full sync.\"}}",
    ),
    golden(
        "4.4",
        &[Enum, NotFound],
        "a table without change tracking",
        &[],
        "GET sdkmessages?$select=name\nPrefer: odata.track-changes",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80072491\",\
         \"message\":\"Entity sdkmessage isn't enabled for change tracking.\"}}",
    ),
];
