//! Section 2: records, conditions, alternate keys, relationships, and what clients get wrong.

use super::Mark::{Doc, Enum, Inferred, NotFound, Obs};
use super::{Golden, golden};

const ACCOUNT: &str =
    "POST accounts\n\n{\"accountid\":\"«1»\",\"name\":\"Acme\",\"accountnumber\":\"A-1\"}";
const CONTACT: &str =
    "POST contacts\n\n{\"contactid\":\"«2»\",\"firstname\":\"Ada\",\"lastname\":\"L\"}";
const BOUND: &str = "POST accounts\n\n{\"accountid\":\"«1»\",\"name\":\"Acme\",\"primarycontactid@odata.bind\":\"/contacts(«2»)\"}";
const SEEN: &str = "GET accounts(«1»)\nbind etag = /@odata.etag";
const CHANGED: &str = "PATCH accounts(«1»)\n\n{\"name\":\"Changed\"}";
const MISSING: &str = "404 NotFound\n\n{\"error\":{\"code\":\"0x80040217\",\"message\":\"account With Id = «1» Does Not Exist\"}}";
const EXISTS: &str = "412 PreconditionFailed\n\n{\"error\":{\"code\":\"0x80040237\",\
     \"message\":\"A record with matching key values already exists.\"}}";
const STALE: &str = "412 PreconditionFailed\n\n{\"error\":{\"code\":\"0x80060882\",\
     \"message\":\"The version of the existing record doesn't match the RowVersion property provided.\"}}";
const NO_KEY: &str = "404 NotFound\n\n{\"error\":{\"code\":\"0x80060891\",\
     \"message\":\"A record with the specified key values does not exist in account entity\"}}";
const KEY_TAKEN: &str = "412 PreconditionFailed\n\n{\"error\":{\"code\":\"0x80060892\",\"message\":\"Entity Key «any» violated. \
     A record with the same value for «any» already exists. A duplicate record cannot be created. Select one or more \
     unique values and try again.\"}}";
const BAD_KEY: &str = "400 Invalid\n\n{\"error\":{\"code\":\"0x80060888\",\"message\":\"The key in the request URI is not valid \
     for resource 'Microsoft.Dynamics.CRM.account'. Ensure that the names and number of key properties match «any»\"}}";
const NO_CONTACT: &str = "404 NotFound\n\n{\"error\":{\"code\":\"0x80040217\",\
     \"message\":\"Entity 'Contact' With Id = «9» Does Not Exist\"}}";
const PAYLOAD: &str = "400 Invalid\n\n{\"error\":{\"code\":\"0x80048d19\",\
     \"message\":\"Error identified in Payload provided by the user for Entity :«any»\"}}";

pub const GOLDENS: &[Golden] = &[
    // 2.1
    golden(
        "2.1",
        &[Doc],
        "a create answers with the row's URL",
        &[CONTACT],
        "POST accounts\n\n{\"name\":\"Acme\",\"accountnumber\":\"A-1\",\"primarycontactid@odata.bind\":\"/contacts(«2»)\"}",
        "204\nOData-Version: 4.0\nOData-EntityId: «root»accounts(«guid»)\nContent-Type: «absent»",
    ),
    golden(
        "2.1",
        &[Doc],
        "a representation has the row as it is read",
        &[],
        "POST accounts?$select=name,accountnumber\nPrefer: return=representation\n\n\
         {\"accountid\":\"«1»\",\"name\":\"Acme\",\"accountnumber\":\"A-1\"}",
        "201\nPreference-Applied: return=representation\nOData-EntityId: «absent»\n\n\
         {\"@odata.context\":\"«root»$metadata#accounts(name,accountnumber)/$entity\",\"@odata.etag\":\"W/\\\"«int»\\\"\",\
         \"accountid\":\"«1»\",\"name\":\"Acme\",\"accountnumber\":\"A-1\"}",
    ),
    golden(
        "2.1",
        &[Doc],
        "a deep insert answers with the outer row only",
        &[],
        "POST accounts\n\n{\"name\":\"Acme\",\"primarycontactid\":{\"lastname\":\"L\"},\
         \"contact_customer_accounts\":[{\"lastname\":\"M\"}]}",
        "204\nOData-EntityId: «root»accounts(«guid»)",
    ),
    golden(
        "2.1",
        &[Doc],
        "a bind may be a whole URL",
        &[CONTACT],
        "POST accounts\n\n{\"primarycontactid@odata.bind\":\"«root»contacts(«2»)\"}",
        "204\nOData-EntityId: «root»accounts(«guid»)",
    ),
    // 2.2
    golden(
        "2.2",
        &[Doc],
        "a row is read with its annotations",
        &[CONTACT, BOUND],
        "GET accounts(«1»)?$select=name,_primarycontactid_value\nPrefer: odata.include-annotations=\"*\"",
        "200\nPreference-Applied: odata.include-annotations=\"*\"\n\n\
         {\"@odata.context\":\"«root»$metadata#accounts(name,_primarycontactid_value)/$entity\",\
         \"@odata.etag\":\"W/\\\"«int»\\\"\",\"accountid\":\"«1»\",\"name\":\"Acme\",\
         \"_primarycontactid_value@OData.Community.Display.V1.FormattedValue\":\"Ada L\",\
         \"_primarycontactid_value@Microsoft.Dynamics.CRM.associatednavigationproperty\":\"primarycontactid\",\
         \"_primarycontactid_value@Microsoft.Dynamics.CRM.lookuplogicalname\":\"contact\",\
         \"_primarycontactid_value\":\"«2»\"}",
    ),
    golden(
        "2.2",
        &[Doc],
        "a selected column without a value is null",
        &[ACCOUNT],
        "GET accounts(«1»)?$select=telephone1",
        "200\n\n{\"@odata.context\":\"«root»$metadata#accounts(telephone1)/$entity\",\"@odata.etag\":\"W/\\\"«int»\\\"\",\
         \"telephone1\":null,\"accountid\":\"«1»\"}",
    ),
    golden(
        "2.2",
        &[Doc],
        "one property is read by itself",
        &[ACCOUNT],
        "GET accounts(«1»)/name",
        "200\n\n{\"@odata.context\":\"«root»$metadata#accounts(«1»)/name\",\"value\":\"Acme\"}",
    ),
    golden(
        "2.2",
        &[Doc, Inferred],
        "one property is read as text",
        &[ACCOUNT],
        "GET accounts(«1»)/name/$value",
        "200\nContent-Type: text/plain«any»\n\nAcme",
    ),
    golden(
        "2.2",
        &[Doc],
        "a row that is missing",
        &[],
        "GET accounts(«1»)",
        MISSING,
    ),
    golden(
        "2.2",
        &[Doc],
        "a row is read with the names of what it refers to",
        &[CONTACT, BOUND],
        "GET accounts(«1»)?$select=name,_primarycontactid_value,modifiedon,_modifiedby_value,createdon,_createdby_value\n\
         Prefer: odata.maxpagesize=5000,odata.include-annotations=\"OData.Community.Display.V1.FormattedValue,Microsoft.Dynamics.CRM.lookuplogicalname\"",
        "200\n\n{\"name\":\"Acme\",\"_primarycontactid_value\":\"«2»\",\
         \"_primarycontactid_value@OData.Community.Display.V1.FormattedValue\":\"Ada L\",\"modifiedon\":\"«date»\",\"…\":0}",
    ),
    golden(
        "2.2",
        &[Doc],
        "a row that is missing is not found by our client",
        &[],
        "GET accounts(«9»)?$select=name,modifiedon,_modifiedby_value,createdon,_createdby_value\n\
         Prefer: odata.maxpagesize=5000,odata.include-annotations=\"OData.Community.Display.V1.FormattedValue,Microsoft.Dynamics.CRM.lookuplogicalname\"",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x80040217\",\"message\":\"account With Id = «9» Does Not Exist\"}}",
    ),
    // 2.3
    golden(
        "2.3",
        &[Doc],
        "an update says nothing",
        &[ACCOUNT],
        "PATCH accounts(«1»)\n\n{\"name\":\"Acme 2\"}",
        "204\nOData-EntityId: «root»accounts(«1»)",
    ),
    golden(
        "2.3",
        &[Doc],
        "an update with representation is a 200",
        &[ACCOUNT],
        "PATCH accounts(«1»)?$select=name\nPrefer: return=representation\n\n{\"name\":\"Acme 2\"}",
        "200\nPreference-Applied: return=representation\n\n{\"name\":\"Acme 2\",\"accountid\":\"«1»\",\"…\":0}",
    ),
    golden(
        "2.3",
        &[Doc],
        "a property is put",
        &[ACCOUNT],
        "PUT accounts(«1»)/name\n\n{\"value\":\"New\"}",
        "204",
    ),
    golden(
        "2.3",
        &[Doc],
        "a property is deleted",
        &[ACCOUNT],
        "DELETE accounts(«1»)/description",
        "204",
    ),
    golden(
        "2.3",
        &[Doc],
        "a lookup is cleared by null",
        &[CONTACT, BOUND],
        "PATCH accounts(«1»)\n\n{\"primarycontactid@odata.bind\":null}",
        "204",
    ),
    golden(
        "2.3",
        &[Doc, Enum],
        "a column that the system requires can't be emptied",
        &[
            ACCOUNT,
            "POST incidents\n\n{\"incidentid\":\"«3»\",\"title\":\"t\",\"customerid_account@odata.bind\":\"/accounts(«1»)\"}",
        ],
        "PATCH incidents(«3»)\n\n{\"customerid_account@odata.bind\":null}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80040200\",\"message\":\"«any»customerid«any»\"}}",
    ),
    // 2.5: the matrix
    golden(
        "2.5",
        &[Doc],
        "GET If-None-Match: absent",
        &[],
        "GET accounts(«1»)\nIf-None-Match: W/\"1\"",
        MISSING,
    ),
    golden(
        "2.5",
        &[Doc],
        "GET If-None-Match: the same version",
        &[ACCOUNT, SEEN],
        "GET accounts(«1»)?$select=name\nIf-None-Match: «etag»",
        "304",
    ),
    golden(
        "2.5",
        &[Doc],
        "GET If-None-Match: another version",
        &[ACCOUNT, SEEN, CHANGED],
        "GET accounts(«1»)?$select=name\nIf-None-Match: «etag»",
        "200\n\n{\"name\":\"Changed\",\"…\":0}",
    ),
    golden(
        "1.2",
        &[Doc],
        "If-None-Match: null is no condition",
        &[ACCOUNT],
        "PATCH accounts(«1»)\nIf-None-Match: null\n\n{\"name\":\"Acme\"}",
        "204",
    ),
    golden(
        "2.5",
        &[Doc],
        "PATCH: absent",
        &[],
        "PATCH accounts(«1»)\n\n{\"name\":\"Acme\"}",
        "204",
    ),
    golden(
        "2.5",
        &[Doc],
        "PATCH: present",
        &[ACCOUNT],
        "PATCH accounts(«1»)\n\n{\"name\":\"Acme\"}",
        "204",
    ),
    golden(
        "2.5",
        &[Doc, Inferred],
        "PATCH If-Match: *: absent",
        &[],
        "PATCH accounts(«1»)\nIf-Match: *\n\n{\"name\":\"Acme\"}",
        MISSING,
    ),
    golden(
        "2.5",
        &[Doc],
        "PATCH If-Match: *: present",
        &[ACCOUNT],
        "PATCH accounts(«1»)\nIf-Match: *\n\n{\"name\":\"Acme\"}",
        "204",
    ),
    golden(
        "2.5",
        &[Doc],
        "PATCH If-None-Match: *: absent",
        &[],
        "PATCH accounts(«1»)\nIf-None-Match: *\n\n{\"name\":\"Acme\"}",
        "204",
    ),
    golden(
        "2.5",
        &[Obs],
        "PATCH If-None-Match: *: present",
        &[ACCOUNT],
        "PATCH accounts(«1»)\nIf-None-Match: *\n\n{\"name\":\"Acme\"}",
        EXISTS,
    ),
    golden(
        "2.5",
        &[NotFound],
        "PATCH If-Match with a version: absent",
        &[],
        "PATCH accounts(«1»)\nIf-Match: W/\"1\"\n\n{\"name\":\"Acme\"}",
        MISSING,
    ),
    golden(
        "2.5",
        &[Doc],
        "PATCH If-Match with a version: the same",
        &[ACCOUNT, SEEN],
        "PATCH accounts(«1»)\nIf-Match: «etag»\n\n{\"name\":\"Acme\"}",
        "204",
    ),
    golden(
        "2.5",
        &[Doc, Enum],
        "PATCH If-Match with a version: another",
        &[ACCOUNT, SEEN, CHANGED],
        "PATCH accounts(«1»)\nIf-Match: «etag»\n\n{\"name\":\"Acme\"}",
        STALE,
    ),
    golden(
        "2.5",
        &[NotFound],
        "DELETE If-Match with a version: absent",
        &[],
        "DELETE accounts(«1»)\nIf-Match: W/\"1\"",
        MISSING,
    ),
    golden(
        "2.5",
        &[Doc],
        "DELETE If-Match with a version: the same",
        &[ACCOUNT, SEEN],
        "DELETE accounts(«1»)\nIf-Match: «etag»",
        "204",
    ),
    golden(
        "2.5",
        &[Doc, Enum],
        "DELETE If-Match with a version: another",
        &[ACCOUNT, SEEN, CHANGED],
        "DELETE accounts(«1»)\nIf-Match: «etag»",
        STALE,
    ),
    golden(
        "2.5",
        &[Doc],
        "a create that must not exist creates",
        &[CONTACT],
        "PATCH accounts(«1»)?tag=tandem\nIf-None-Match: *\n\n\
         {\"name\":\"Acme\",\"primarycontactid@odata.bind\":\"/contacts(«2»)\"}",
        "204\nOData-EntityId: «root»accounts(«1»)",
    ),
    golden(
        "2.5",
        &[Obs],
        "a create that must not exist meets a row",
        &[ACCOUNT],
        "PATCH accounts(«1»)?tag=tandem\nIf-None-Match: *\n\n{\"name\":\"Acme\"}",
        EXISTS,
    ),
    golden(
        "2.5",
        &[Doc],
        "an update of the version that was seen",
        &[ACCOUNT, SEEN],
        "PATCH accounts(«1»)?tag=tandem\nIf-Match: «etag»\n\n{\"name\":\"Acme\"}",
        "204\nOData-EntityId: «root»accounts(«1»)",
    ),
    // 2.6
    golden(
        "2.6",
        &[Doc],
        "a key's quotes are doubled",
        &["POST accounts\n\n{\"accountid\":\"«1»\",\"accountnumber\":\"O'Brien 1\"}"],
        "GET accounts(accountnumber='O''Brien 1')?$select=accountnumber",
        "200\n\n{\"accountnumber\":\"O'Brien 1\",\"accountid\":\"«1»\",\"…\":0}",
    ),
    golden(
        "2.6",
        &[Doc],
        "the primary key may be named",
        &[ACCOUNT],
        "GET accounts(accountid=«1»)?$select=name",
        "200\n\n{\"name\":\"Acme\",\"…\":0}",
    ),
    golden(
        "2.6",
        &[Obs, NotFound],
        "columns that are no key",
        &[],
        "GET accounts(name='Acme')",
        BAD_KEY,
    ),
    golden(
        "2.6",
        &[Obs, NotFound],
        "more columns than the key has",
        &[],
        "GET accounts(accountnumber='A-1',name='Acme')",
        BAD_KEY,
    ),
    golden(
        "2.6",
        &[Obs],
        "a key that no row has",
        &[],
        "GET accounts(accountnumber='none')",
        NO_KEY,
    ),
    golden(
        "2.6",
        &[Obs],
        "a value that another row has, on create",
        &[ACCOUNT],
        "POST accounts\n\n{\"accountnumber\":\"A-1\"}",
        KEY_TAKEN,
    ),
    golden(
        "2.6",
        &[Obs],
        "a value that another row has, on update",
        &[ACCOUNT, "POST accounts\n\n{\"accountid\":\"«2»\"}"],
        "PATCH accounts(«2»)\nIf-Match: *\n\n{\"accountnumber\":\"A-1\"}",
        KEY_TAKEN,
    ),
    golden(
        "2.6",
        &[Doc],
        "a value that can't stand in an address, even encoded",
        &["POST accounts\n\n{\"accountid\":\"«1»\",\"accountnumber\":\"M&M\"}"],
        "GET accounts(accountnumber='M%26M')",
        "400 Invalid\n\n{\"error\":{\"code\":\"«any»\",\"message\":\"«any»\"}}",
    ),
    golden(
        "2.6",
        &[Doc],
        "an alias in a key",
        &[],
        "GET accounts(accountnumber=@p1)?@p1='A-1'",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80060888\",\"…\":0}}",
    ),
    golden(
        "2.6",
        &[Doc],
        "a row is found by its alternate key",
        &["POST accounts\n\n{\"accountid\":\"«1»\",\"accountnumber\":\"O'B 1\"}"],
        "GET accounts(accountnumber=%27O%27%27B%201%27)?$select=modifiedon,_modifiedby_value,createdon,_createdby_value\n\
         Prefer: odata.maxpagesize=5000,odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\"",
        "200\n\n{\"accountid\":\"«1»\",\"…\":0}",
    ),
    golden(
        "2.6",
        &[Obs],
        "a key that no row has is not found",
        &[],
        "GET accounts(accountnumber='none')?$select=modifiedon,_modifiedby_value,createdon,_createdby_value\n\
         Prefer: odata.maxpagesize=5000,odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\"",
        NO_KEY,
    ),
    golden(
        "2.6",
        &[Doc],
        "a value that can't stand in an address is filtered for",
        &["POST accounts\n\n{\"accountid\":\"«1»\",\"accountnumber\":\"M&M\"}"],
        "GET accounts?$select=modifiedon,_modifiedby_value,createdon,_createdby_value&$filter=accountnumber eq 'M%26M'&$top=2\n\
         Prefer: odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\"",
        "200\n\n{\"value\":[{\"accountid\":\"«1»\",\"…\":0}],\"…\":0}",
    ),
    // 2.7
    golden(
        "2.7",
        &[Doc],
        "an upsert by key, created",
        &[],
        "PATCH accounts(accountnumber='A-1')\nPrefer: return=representation\n\n{\"name\":\"Acme\"}",
        "201\nETag: W/\"«int»\"\n\n{\"accountnumber\":\"A-1\",\"name\":\"Acme\",\"…\":0}",
    ),
    golden(
        "2.7",
        &[Doc],
        "an upsert by key, updated",
        &[ACCOUNT],
        "PATCH accounts(accountnumber='A-1')\nPrefer: return=representation\n\n{\"name\":\"B\",\"accountnumber\":\"Z\"}",
        "200\nETag: W/\"«int»\"\n\n{\"accountnumber\":\"A-1\",\"name\":\"B\",\"accountid\":\"«1»\",\"…\":0}",
    ),
    golden(
        "2.7",
        &[Doc],
        "an upsert by key that may only update",
        &[],
        "PATCH accounts(accountnumber='A-1')\nIf-Match: *\n\n{\"name\":\"B\"}",
        NO_KEY,
    ),
    golden(
        "2.7",
        &[Doc, Inferred],
        "an upsert by key that may only create",
        &[ACCOUNT],
        "PATCH accounts(accountnumber='A-1')\nIf-None-Match: *\n\n{\"name\":\"B\"}",
        "412 PreconditionFailed\n\n{\"error\":{\"…\":0}}",
    ),
    // 2.8
    golden(
        "2.8",
        &[Doc],
        "a reference is put",
        &[ACCOUNT, CONTACT],
        "PUT contacts(«2»)/parentcustomerid_account/$ref\n\n{\"@odata.id\":\"«root»accounts(«1»)\"}",
        "204",
    ),
    golden(
        "2.8",
        &[Doc],
        "a reference is added to a collection",
        &[ACCOUNT, CONTACT],
        "POST accounts(«1»)/contact_customer_accounts/$ref\n\n{\"@odata.id\":\"«root»contacts(«2»)\"}",
        "204",
    ),
    golden(
        "2.8",
        &[Doc],
        "a reference is removed from a collection",
        &[
            ACCOUNT,
            "POST contacts\n\n{\"contactid\":\"«2»\",\"parentcustomerid_account@odata.bind\":\"/accounts(«1»)\"}",
        ],
        "DELETE accounts(«1»)/contact_customer_accounts(«2»)/$ref",
        "204",
    ),
    golden(
        "2.8",
        &[Doc],
        "a reference is removed by its URL",
        &[
            ACCOUNT,
            "POST contacts\n\n{\"contactid\":\"«2»\",\"parentcustomerid_account@odata.bind\":\"/accounts(«1»)\"}",
        ],
        "DELETE accounts(«1»)/contact_customer_accounts/$ref?$id=«root»contacts(«2»)",
        "204",
    ),
    golden(
        "2.8",
        &[Doc],
        "a reference is cleared",
        &[CONTACT, BOUND],
        "DELETE accounts(«1»)/primarycontactid/$ref",
        "204",
    ),
    golden(
        "2.8",
        &[Doc],
        "a customer without its target's name",
        &[ACCOUNT],
        "POST incidents\n\n{\"title\":\"Printer on fire\",\"customerid@odata.bind\":\"/accounts(«1»)\"}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80048d19\",\"message\":\"«any»An undeclared property 'customerid' which only \
         has property annotations «any»\"}}",
    ),
    golden(
        "2.8",
        &[Doc],
        "a ticket for an account",
        &[ACCOUNT, CONTACT],
        "POST incidents\n\n{\"title\":\"Printer on fire\",\"customerid_account@odata.bind\":\"/accounts(«1»)\",\
         \"primarycontactid@odata.bind\":\"/contacts(«2»)\"}",
        "204\nOData-EntityId: «root»incidents(«guid»)",
    ),
    // 2.9
    golden(
        "2.9",
        &[Obs],
        "a bind to a row that is missing",
        &[],
        "POST accounts\n\n{\"primarycontactid@odata.bind\":\"/contacts(«9»)\"}",
        NO_CONTACT,
    ),
    golden(
        "2.9",
        &[Obs, Inferred],
        "a bind by a key that no row has",
        &[],
        "POST contacts\n\n{\"parentcustomerid_account@odata.bind\":\"/accounts(accountnumber='none')\"}",
        NO_KEY,
    ),
    golden(
        "2.9",
        &[Doc, Inferred],
        "a bind to a row that is missing, among many",
        &[],
        "POST accounts/Microsoft.Dynamics.CRM.CreateMultiple\n\n{\"Targets\":[\
         {\"@odata.type\":\"Microsoft.Dynamics.CRM.account\",\"primarycontactid@odata.bind\":\"/contacts(«9»)\"}]}",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x80040217\",\"message\":\"Contact With Ids = «9» Do Not Exist\"}}",
    ),
    golden(
        "2.9",
        &[Obs],
        "a bind to a set that is none",
        &[ACCOUNT],
        "POST contacts\n\n{\"parentcustomerid_account@odata.bind\":\"/account(«1»)\"}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80060888\",\"message\":\"URL was not parsed due to an \
         ODataUnrecognizedPathException. Resource not found for the segment provided in the URL.\"}}",
    ),
    // 2.10
    golden(
        "2.10",
        &[Doc],
        "a set in the wrong case",
        &[],
        "GET Accounts",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x8006088a\",\"message\":\"Resource not found for the segment 'Accounts'.\"}}",
    ),
    golden(
        "2.10",
        &[Doc],
        "a table's name in place of its set's",
        &[],
        "GET account",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x8006088a\",\"message\":\"Resource not found for the segment 'account'.\"}}",
    ),
    golden(
        "2.10",
        &[Doc],
        "a selected column in the wrong case",
        &[],
        "GET accounts?$select=Name",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x0\",\
         \"message\":\"Could not find a property named 'Name' on type 'Microsoft.Dynamics.CRM.account'.\"}}",
    ),
    golden(
        "2.10",
        &[Doc],
        "a filtered column in the wrong case",
        &[],
        "GET accounts?$filter=Name eq 'x'",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x0\",\
         \"message\":\"Could not find a property named 'Name' on type 'Microsoft.Dynamics.CRM.account'.\"}}",
    ),
    golden(
        "2.10",
        &[Doc],
        "an ordering column in the wrong case",
        &[],
        "GET accounts?$orderby=Name",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x0\",\
         \"message\":\"Could not find a property named 'Name' on type 'Microsoft.Dynamics.CRM.account'.\"}}",
    ),
    golden(
        "2.10",
        &[Doc],
        "a written column in the wrong case",
        &[],
        "POST accounts\n\n{\"Name\":\"Acme\"}",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Doc],
        "a lookup by its own name",
        &[ACCOUNT],
        "POST contacts\n\n{\"parentcustomerid@odata.bind\":\"/accounts(«1»)\"}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80048d19\",\"message\":\"Error identified in Payload provided by the user for \
         Entity :'contacts'«any»An undeclared property 'parentcustomerid' which only has property annotations «any»\"}}",
    ),
    golden(
        "2.10",
        &[Doc],
        "a batch with bare line feeds",
        &[],
        "POST $batch\nContent-Type: multipart/mixed; boundary=b\n\n«lf»--b\nContent-Type: application/http\n\
         Content-Transfer-Encoding: binary\n\nGET /api/data/v9.2/WhoAmI HTTP/1.1\n\n--b--\n",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80048d19\",\"message\":\"«any»Stream was not readable.«any»\"}}",
    ),
    golden(
        "2.10",
        &[Doc],
        "a text that is too long",
        &[],
        "POST accounts\n\n{\"name\":\"«x 161»\"}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80044331\",\"message\":\"A validation error occurred.  The length of the 'name' \
         attribute of the 'account' entity exceeded the maximum allowed length of '160'.\"}}",
    ),
    golden(
        "2.10",
        &[Inferred],
        "a body that is not JSON",
        &[],
        "POST accounts\n\nname=Acme",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a body that is cut",
        &[],
        "POST accounts\n\n{\"name\":",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a body that is a list",
        &[],
        "POST accounts\n\n[]",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a number for a text",
        &[],
        "POST accounts\n\n{\"name\":5}",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a text for a number",
        &[],
        "POST accounts\n\n{\"numberofemployees\":\"5\"}",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a text for a yes or no",
        &[],
        "POST accounts\n\n{\"creditonhold\":\"true\"}",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a text that is no id",
        &[],
        "POST accounts\n\n{\"accountid\":\"x\"}",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a lookup by its value",
        &[],
        "POST accounts\n\n{\"_primarycontactid_value\":\"«2»\"}",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a date that is none",
        &[],
        "POST accounts\n\n{\"overriddencreatedon\":\"yesterday\"}",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a date that is a number",
        &[],
        "POST accounts\n\n{\"overriddencreatedon\":5}",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "a text for money",
        &[],
        "POST accounts\n\n{\"revenue\":\"10\"}",
        PAYLOAD,
    ),
    golden(
        "2.10",
        &[Inferred],
        "an option that a choice does not have",
        &[],
        "POST accounts\n\n{\"customertypecode\":99}",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x8004431a\",\"message\":\"A validation error occurred.  The value of \
         'customertypecode' on record of type 'account' is outside the valid range.\"}}",
    ),
    golden(
        "2.10",
        &[Doc],
        "an expanded column in the wrong case",
        &[],
        "GET accounts?$expand=primarycontactid($select=FullName)",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x0\",\
         \"message\":\"Could not find a property named 'FullName' on type 'Microsoft.Dynamics.CRM.contact'.\"}}",
    ),
    golden(
        "2.10",
        &[Inferred],
        "a $top that is no number",
        &[],
        "GET accounts?$top=x",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80060888\",\"message\":\"«any»$top«any»\"}}",
    ),
    golden(
        "2.10",
        &[Inferred],
        "an address that is no id",
        &[],
        "GET accounts(1)",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x80060888\",\"message\":\"«any»\"}}",
    ),
    golden(
        "2.10",
        &[Doc, Inferred],
        "a bound message without its namespace",
        &[],
        "POST accounts/CreateMultiple\n\n{\"Targets\":[]}",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x8006088a\",\"message\":\"Resource not found for the segment 'CreateMultiple'.\"}}",
    ),
    golden(
        "2.10",
        &[Doc, Inferred],
        "a function that there is not",
        &[],
        "GET Nonsense()",
        "404 NotFound\n\n{\"error\":{\"code\":\"0x8006088a\",\"message\":\"Resource not found for the segment 'Nonsense'.\"}}",
    ),
    golden(
        "2.10",
        &[Doc],
        "a filter through a navigation that there is not",
        &[],
        "GET accounts?$filter=PrimaryContactId/lastname eq 'L'",
        "400 Invalid\n\n{\"error\":{\"code\":\"0x0\",\
         \"message\":\"Could not find a property named 'PrimaryContactId' on type 'Microsoft.Dynamics.CRM.account'.\"}}",
    ),
];
