//! Section 3: query options, filters, pages, counts, `$expand`, `$apply`, and their refusals.

use super::Mark::{Doc, Inferred, NotFound};
use super::{Golden, golden};

const A: &str = "POST accounts\n\n{\"accountid\":\"«1»\",\"name\":\"A\",\"accountnumber\":\"A-1\",\"revenue\":10}";
const B: &str = "POST accounts\n\n{\"accountid\":\"«2»\",\"name\":\"B\",\"accountnumber\":\"A-2\",\"revenue\":20}";
const C: &str = "POST accounts\n\n{\"accountid\":\"«3»\",\"name\":\"C\"}";
const THREE: &[&str] = &[A, B, C];
const FAMILY: &[&str] = &[
    "POST contacts\n\n{\"contactid\":\"«2»\",\"firstname\":\"Ada\",\"lastname\":\"L\"}",
    "POST accounts\n\n{\"accountid\":\"«1»\",\"name\":\"Acme\",\"primarycontactid@odata.bind\":\"/contacts(«2»)\"}",
    "POST contacts\n\n{\"contactid\":\"«3»\",\"lastname\":\"M\",\"parentcustomerid_account@odata.bind\":\"/accounts(«1»)\"}",
];
const BOTH: &str =
    "200\n\n{\"value\":[{\"accountid\":\"«1»\",\"…\":0},{\"accountid\":\"«2»\",\"…\":0}],\"…\":0}";
const FIRST: &str = "200\n\n{\"value\":[{\"accountid\":\"«1»\",\"…\":0}],\"…\":0}";
const URL: &str = "400 Invalid\n\n{\"error\":{\"code\":\"0x80060888\",\"message\":\"«any»\"}}";

pub const GOLDENS: &[Golden] = &[
    golden(
        "3.1",
        &[Doc],
        "a collection",
        THREE,
        "GET accounts?$select=name&$orderby=name desc&$top=1",
        "200\n\n{\"@odata.context\":\"«root»$metadata#accounts(name)\",\
         \"value\":[{\"@odata.etag\":\"W/\\\"«int»\\\"\",\"name\":\"C\",\"accountid\":\"«3»\"}]}",
    ),
    golden(
        "3.1",
        &[Doc],
        "$skip is not supported",
        &[],
        "GET accounts?$skip=1",
        URL,
    ),
    golden(
        "3.1",
        &[Doc],
        "$search is not supported",
        &[],
        "GET accounts?$search=a",
        URL,
    ),
    golden(
        "3.1",
        &[Doc],
        "$format is not supported",
        &[],
        "GET accounts?$format=json",
        URL,
    ),
    golden(
        "3.1",
        &[Doc, Inferred],
        "an option in the wrong case",
        &[],
        "GET accounts?$Select=name",
        URL,
    ),
    golden(
        "3.1",
        &[Doc],
        "$top is ignored beside a page size",
        THREE,
        "GET accounts?$select=name&$top=1\nPrefer: odata.maxpagesize=2",
        "200\nPreference-Applied: odata.maxpagesize=2\n\n{\"value\":[{\"…\":0},{\"…\":0}],\"@odata.nextLink\":\"«any»\",\"…\":0}",
    ),
    golden(
        "3.1",
        &[Doc],
        "an alias stands for a value",
        THREE,
        "GET accounts?$select=name&$filter=name eq @p1&@p1='A'",
        FIRST,
    ),
    golden(
        "3.2",
        &[Doc],
        "texts are compared without case",
        THREE,
        "GET accounts?$filter=name eq 'a'",
        FIRST,
    ),
    golden(
        "3.2",
        &[Doc],
        "a filter with brackets, and, or",
        THREE,
        "GET accounts?$filter=(name eq 'A' or name eq 'B') and statecode eq 0&$orderby=name",
        BOTH,
    ),
    golden(
        "3.2",
        &[Doc],
        "startswith",
        THREE,
        "GET accounts?$filter=startswith(accountnumber,'A-')&$orderby=name",
        BOTH,
    ),
    golden(
        "3.2",
        &[Doc],
        "many values at once",
        THREE,
        "GET accounts?$filter=Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=[\"A-1\",\"A-2\"])&$orderby=name",
        BOTH,
    ),
    golden(
        "3.2",
        &[Doc],
        "a query function can't be negated",
        &[],
        "GET accounts?$filter=not Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=[\"A-1\"])",
        "400 Invalid\n\n{\"error\":{\"code\":\"«any»\",\
         \"message\":\"Not operator along with the Custom Named Condition operators is not allowed\"}}",
    ),
    golden(
        "3.2",
        &[Doc],
        "a literal that does not end",
        &[],
        "GET accounts?$filter=name eq 'O'Brien'",
        "400 Invalid\n\n{\"error\":{\"code\":\"«any»\",\
         \"message\":\"There is an unterminated literal at position 21 in 'name eq 'O'Brien''.\"}}",
    ),
    golden(
        "3.2",
        &[Doc],
        "a filter through a lookup",
        FAMILY,
        "GET accounts?$select=name&$filter=primarycontactid/lastname eq 'L'",
        FIRST,
    ),
    golden(
        "3.2",
        &[Doc],
        "a filter by a lookup's value",
        FAMILY,
        "GET accounts?$select=name&$filter=_primarycontactid_value eq «2»",
        FIRST,
    ),
    golden(
        "3.2",
        &[Doc],
        "a filter by any of a collection",
        FAMILY,
        "GET accounts?$select=name&$filter=contact_customer_accounts/any(c:c/lastname eq 'M')",
        FIRST,
    ),
    golden(
        "3.2",
        &[Doc],
        "rows are asked for by their ids",
        THREE,
        "GET accounts?$select=name,modifiedon,_modifiedby_value,createdon,_createdby_value&$filter=Microsoft.Dynamics.CRM.In(PropertyName='accountid',PropertyValues=[\"«1»\",\"«2»\"])\n\
         Prefer: odata.maxpagesize=5000,odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\"",
        BOTH,
    ),
    golden(
        "3.3",
        &[Doc],
        "a page links to the next",
        THREE,
        "GET accounts?$select=name\nPrefer: odata.maxpagesize=2",
        "200\nPreference-Applied: odata.maxpagesize=2\n\n{\"@odata.context\":\"«root»$metadata#accounts(name)\",\
         \"value\":[{\"…\":0},{\"…\":0}],\"@odata.nextLink\":\"«root»accounts?$select=name&$skiptoken=«any»\"}",
    ),
    golden(
        "3.3",
        &[Doc],
        "the last page has no link",
        &[
            A,
            B,
            C,
            "GET accounts?$select=name\nPrefer: odata.maxpagesize=2\nbind next = /@odata.nextLink",
        ],
        "GET «next»\nPrefer: odata.maxpagesize=2",
        "200\n\n{\"@odata.context\":\"«root»$metadata#accounts(name)\",\"value\":[{\"…\":0}]}",
    ),
    golden(
        "3.3",
        &[Doc],
        "a first page links to the next",
        THREE,
        "GET accounts?$select=name,modifiedon,_modifiedby_value,createdon,_createdby_value&$orderby=name asc\n\
         Prefer: odata.maxpagesize=2,odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\"",
        "200\n\n{\"value\":[{\"…\":0},{\"…\":0}],\"@odata.nextLink\":\"«root»accounts?«any»$skiptoken=«any»\",\"…\":0}",
    ),
    golden(
        "3.3",
        &[Doc],
        "the next page is asked for with the same preference",
        &[
            A,
            B,
            C,
            "GET accounts?$select=name,modifiedon,_modifiedby_value,createdon,_createdby_value&$orderby=name asc\n\
             Prefer: odata.maxpagesize=2,odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\"\n\
             bind next = /@odata.nextLink",
        ],
        "GET «next»\n\
         Prefer: odata.maxpagesize=2,odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\"",
        "200\n\n{\"@odata.context\":\"«any»\",\"value\":[{\"name\":\"C\",\"…\":0}]}",
    ),
    golden(
        "3.3",
        &[NotFound],
        "a token that is none",
        &[],
        "GET accounts?$skiptoken=nonsense",
        "400 Invalid\n\n{\"error\":{\"…\":0}}",
    ),
    golden(
        "3.4",
        &[Doc],
        "a count beside the rows",
        THREE,
        "GET accounts?$select=name&$count=true&$top=1",
        "200\n\n{\"@odata.count\":3,\"value\":[{\"…\":0}],\"…\":0}",
    ),
    golden(
        "3.4",
        &[Doc],
        "a count with its annotations",
        THREE,
        "GET accounts?$select=name&$count=true\nPrefer: odata.include-annotations=\"Microsoft.Dynamics.CRM.totalrecordcount,\
         Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded\"",
        "200\n\n{\"@odata.count\":3,\"@Microsoft.Dynamics.CRM.totalrecordcount\":3,\
         \"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded\":false,\"…\":0}",
    ),
    golden(
        "3.4",
        &[Doc],
        "without $count the annotation is -1",
        THREE,
        "GET accounts?$select=name\nPrefer: odata.include-annotations=\"Microsoft.Dynamics.CRM.totalrecordcount\"",
        "200\n\n{\"@Microsoft.Dynamics.CRM.totalrecordcount\":-1,\"…\":0}",
    ),
    golden(
        "3.4",
        &[Doc],
        "a count by itself",
        THREE,
        "GET accounts/$count",
        "200\nContent-Type: text/plain«any»\n\n\u{feff}3",
    ),
    golden(
        "3.5",
        &[Doc],
        "an expanded lookup",
        FAMILY,
        "GET accounts(«1»)?$select=name&$expand=primarycontactid($select=fullname)",
        "200\n\n{\"name\":\"Acme\",\"primarycontactid\":{\"fullname\":\"Ada L\",\"contactid\":\"«2»\",\"…\":0},\"…\":0}",
    ),
    golden(
        "3.5",
        &[Doc],
        "an expanded collection",
        FAMILY,
        "GET accounts(«1»)?$select=name&$expand=contact_customer_accounts($select=fullname;$top=5;$orderby=createdon desc)",
        "200\n\n{\"contact_customer_accounts\":[{\"fullname\":\"M\",\"contactid\":\"«3»\",\"…\":0}],\
         \"contact_customer_accounts@odata.nextLink\":\"«any»\",\"…\":0}",
    ),
    golden(
        "3.5",
        &[Doc],
        "a collection's references can't be expanded",
        &[],
        "GET accounts?$expand=contact_customer_accounts/$ref",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80060888\",\
         \"message\":\"Expand with $ref is only supported on lookup type navigation property.\"}}",
    ),
    golden(
        "3.5",
        &[Doc],
        "a nested collection has no order",
        &[],
        "GET contacts?$expand=parentcustomerid_account($expand=contact_customer_accounts($orderby=fullname))",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80060888\",\"message\":\"Only $select and $filter clause can be provided while \
         doing $expand on many-to-one relationship or nested one-to-many relationship.\"}}",
    ),
    golden(
        "3.6",
        &[Doc],
        "groups and totals",
        THREE,
        "GET accounts?$apply=filter(statecode eq 0)/groupby((statuscode),aggregate($count as n,revenue with sum as total))",
        "200\n\n{\"value\":[{\"statuscode\":1,\"n\":3,\"total\":\"«any»\",\"…\":0}],\"…\":0}",
    ),
    golden(
        "3.7",
        &[Inferred],
        "FetchXML",
        THREE,
        "GET accounts?fetchXml=<fetch><entity name='account'><attribute name='name'/><filter>\
         <condition attribute='name' operator='eq' value='A'/></filter></entity></fetch>",
        "200\n\n{\"value\":[{\"name\":\"A\",\"accountid\":\"«1»\",\"…\":0}],\"…\":0}",
    ),
];
