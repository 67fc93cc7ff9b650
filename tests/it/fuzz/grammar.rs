//! The languages that the emulator reads: valid samples of each, and the pieces that they are bent with.

/// The way by which a text reaches its parser.
pub enum Door {
    /// As the path below the service root.
    Path,
    /// As the whole query of a list.
    Query,
    /// As the value of a query option: what stands before it.
    Option(&'static str),
    /// As a JSON body: method and path.
    Body(&'static str, &'static str),
    /// As the body of a batch.
    Batch,
    /// As the value of a header: its name, and the path that is read.
    Header(&'static str, &'static str),
    /// As a form: the path.
    Form(&'static str),
    /// As a rule that is armed, and taken back at once.
    Fault,
    /// Not over a socket.
    Call,
}

pub struct Grammar {
    pub door: Door,
    pub samples: &'static [&'static str],
    pub pieces: &'static [&'static str],
}

pub const PATH: Grammar = Grammar {
    door: Door::Path,
    samples: &[
        "accounts(00000000-0000-4000-8000-000000000001)",
        "accounts(accountnumber='A-1')/name",
        "accounts(00000000-0000-4000-8000-000000000001)/name/$value",
        "accounts(00000000-0000-4000-8000-000000000001)/contact_customer_accounts",
        "accounts/$count",
        "EntityDefinitions(LogicalName='account')/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "RetrieveTotalRecordCount(EntityNames=@p1)?@p1=[\"account\"]",
        "RetrieveVersion()",
        "$metadata",
    ],
    pieces: &[
        "(", ")", "'", "''", "%27", "%", "%FF", "%2F", "/", "//", "..", "=", ",", "@p1", "$ref", "$value", "$count",
        "accounts", "contacts", "Microsoft.Dynamics.CRM.", "EntityDefinitions", "LogicalName", "name", "é", "💥", "?",
    ],
};

pub const QUERY: Grammar = Grammar {
    door: Door::Query,
    samples: &[
        "$select=name,accountnumber&$filter=name%20eq%20'a'&$orderby=name desc&$top=1&$count=true",
        "$expand=primarycontactid($select=fullname)&$top=5",
        "$apply=aggregate($count as n)",
        "$filter=name eq @p1&@p1='a'&tag=x",
        "fetchXml=<fetch><entity name='account'/></fetch>",
    ],
    pieces: &[
        "$select", "$filter", "$orderby", "$top", "$count", "$expand", "$apply", "$skiptoken", "$deltatoken", "fetchXml",
        "sql", "savedQuery", "=", "&", "+", "%20", "%26", "%", "%zz", "@p1", "@p2", "true", "-1", "99999999999999999999",
        "name", "'", "é",
    ],
};

pub const FILTER: Grammar = Grammar {
    door: Door::Option("accounts?$select=name&$filter="),
    samples: &[
        "(name eq 'a' or contains(accountnumber,'A-')) and not (statecode eq 1)",
        "primarycontactid/lastname eq 'L' and revenue gt 10.5",
        "contact_customer_accounts/any(c:c/lastname eq 'M' and c/statecode eq 0)",
        "Microsoft.Dynamics.CRM.In(PropertyName='accountnumber',PropertyValues=[\"A-1\",\"A-2\"])",
        "Microsoft.Dynamics.CRM.LastXDays(PropertyName='modifiedon',PropertyValue=3)",
        "modifiedon ge 2024-06-01T00:00:00Z and _primarycontactid_value eq null",
        "accountid eq 00000000-0000-4000-8000-000000000001",
        "name eq accountnumber",
    ],
    pieces: &[
        "(", ")", "not ", " and ", " or ", " eq ", " ne ", " gt ", "'", "''", "null", "true", "name", "revenue", "/", "any(",
        "all(", "c:", "()", "[", "]", "\"", ",", "-", "1e999", "0.0000000000000000000000000001", "99999999999999999999",
        "9999-12-31T23:59:59Z", "0000-00-00", "%", "_", "[^", "Microsoft.Dynamics.CRM.", "Between(", "PropertyName=",
        "PropertyValue=", "@p1", "é", "💥", "\u{0}",
    ],
};

pub const ORDER: Grammar = Grammar {
    door: Door::Option("accounts?$select=name&$orderby="),
    samples: &["name desc,createdon asc", "primarycontactid/fullname,accountid", "_primarycontactid_value desc"],
    pieces: &[",", " asc", " desc", " ", "name", "revenue", "/", "accountid", "(", "@p1", "é", "'"],
};

pub const EXPAND: Grammar = Grammar {
    door: Door::Option("accounts?$select=name&$expand="),
    samples: &[
        "primarycontactid($select=fullname,emailaddress1),contact_customer_accounts($select=fullname;$top=5;$orderby=createdon desc)",
        "primarycontactid($select=fullname;$expand=parentcustomerid_account($select=name))",
        "contact_customer_accounts($filter=lastname eq 'a;)';$select=lastname)",
        "primarycontactid/$ref",
    ],
    pieces: &[
        "(", ")", ";", ",", "$select=", "$filter=", "$orderby=", "$top=", "$expand=", "$levels=", "/$ref", "primarycontactid",
        "contact_customer_accounts", "primarycontactid($expand=", "*", "'", "0", "é",
    ],
};

pub const APPLY: Grammar = Grammar {
    door: Door::Option("accounts?$apply="),
    samples: &[
        "filter(statecode eq 0)/groupby((statuscode),aggregate($count as n,revenue with sum as total))",
        "aggregate(revenue with average as a,revenue with min as b)",
        "groupby((primarycontactid/fullname))",
    ],
    pieces: &[
        "(", ")", "((", "))", "/", ",", "filter(", "groupby(", "aggregate(", " with ", " as ", "sum", "average", "countdistinct",
        "$count", "revenue", "name", "n", "'", "é",
    ],
};

pub const FETCH: Grammar = Grammar {
    door: Door::Option("accounts?fetchXml="),
    samples: &[
        "<fetch count='2' page='1'><entity name='account'><attribute name='name'/><order attribute='name' descending='true'/>\
         <filter type='or'><condition attribute='name' operator='like' value='a%'/><condition attribute='revenue' \
         operator='null'/></filter></entity></fetch>",
        "<fetch aggregate='true'><entity name='account'><attribute name='revenue' alias='a' aggregate='sum'/></entity></fetch>",
        "<fetch distinct='true'><entity name='account'><attribute name='name'/><link-entity name='contact' from='contactid' \
         to='primarycontactid' link-type='outer' alias='c'><attribute name='fullname'/></link-entity></entity></fetch>",
        "<fetch><entity name='account'><all-attributes/><filter><condition attribute='accountnumber' operator='in'>\
         <value>A-1</value><value>A-2</value></condition></filter></entity></fetch>",
    ],
    pieces: &[
        "<", ">", "/>", "</", "'", "=", "<filter>", "</filter>", "<entity name='account'>", "<link-entity ", "<condition ",
        "operator='", "attribute='", "value='", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "&b;", "&#0;", "&amp;", "<![CDATA[", "]]>",
        "<?xml version='1.0'?>", "page='0'", "count='99999999999999999999'", "paging-cookie='%'", "xmlns='x'", "é", "💥",
    ],
};

pub const SQL: Grammar = Grammar {
    door: Door::Option("accounts?sql="),
    samples: &[
        "SELECT TOP 2 name, accountnumber FROM account WHERE name = 'a' ORDER BY name DESC",
        "SELECT name FROM account WHERE revenue > 10 AND (accountnumber LIKE 'A%' OR name IS NOT NULL)",
        "SELECT a.name, c.fullname FROM account a LEFT JOIN contact c ON a.primarycontactid = c.contactid",
        "SELECT COUNT(*) AS n FROM account",
    ],
    pieces: &[
        "SELECT ", "DISTINCT ", "TOP ", " FROM ", " WHERE ", " JOIN ", " ON ", " AND ", " OR ", " NOT ", " IN (", " LIKE ",
        " BETWEEN ", " IS NULL", " GROUP BY ", " ORDER BY ", "COUNT(", "SUM(", "(", ")", "'", ",", ".", "*", "-", "--", "/*", ";",
        "[", "]", "\"", "1e999", "99999999999999999999", "account", "name", "é", "💥",
    ],
};

pub const PAYLOAD: Grammar = Grammar {
    door: Door::Body("PATCH", "accounts(00000000-0000-4000-8000-000000000001)"),
    samples: &[
        "{\"name\":\"b\",\"revenue\":10.25,\"numberofemployees\":5,\"creditonhold\":true,\"telephone1\":null}",
        "{\"description\":\"\\u00e9\\ud83d\\ude00\",\"accountnumber\":\"A-1\"}",
        "{\"parentaccountid@odata.bind\":null,\"primarycontactid@odata.bind\":null}",
        "{\"ownerid@odata.type\":\"#x\",\"customertypecode\":1,\"statecode\":0,\"statuscode\":1}",
    ],
    pieces: &[
        "{", "}", "[", "]", ":", ",", "\"", "\\", "\\ud800", "\\u0000", "null", "true", "1e400", "-0", "1E-400",
        "99999999999999999999999999999999999999", "\"name\":", "\"revenue\":", "\"statecode\":", "\"accountid\":",
        "\"createdon\":", "\"primarycontactid\":", "\"contact_customer_accounts\":[", "\"primarycontactid@odata.bind\":",
        "\"/contacts(\"", "\"$1\"", "\"@odata.type\":", "\"@odata.id\":", "{\"a\":", "\"2024-01-01T00:00:00Z\"", "é",
    ],
};

pub const BATCH: Grammar = Grammar {
    door: Door::Batch,
    samples: &[
        "--b\nContent-Type: application/http\nContent-Transfer-Encoding: binary\n\nGET /api/data/v9.2/WhoAmI HTTP/1.1\n\
         Accept: application/json\n\n\n--b--\n",
        "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\nContent-Type: application/http\n\
         Content-Transfer-Encoding: binary\nContent-ID: 1\n\nPATCH \
         /api/data/v9.2/accounts(00000000-0000-4000-8000-000000000001) HTTP/1.1\nContent-Type: application/json\n\n\
         {\"name\":\"c\"}\n--c\nContent-Type: application/http\nContent-Transfer-Encoding: binary\nContent-ID: 2\n\n\
         PATCH $1 HTTP/1.1\nContent-Type: application/json\n\n{\"parentaccountid@odata.bind\":\"$1\"}\n--c--\n--b--\n",
    ],
    pieces: &[
        "--b", "--c", "--b--", "--c--", "--", "\n", "\n\n", "\r", ": ", "Content-Type", "Content-ID: 1\n", "Content-Length: 5\n",
        "multipart/mixed; boundary=c", "multipart/mixed; boundary=\"", "application/http", "HTTP/1.1", "HTTP/9", "GET ", "POST ",
        "PATCH ", "DELETE ", "$1", "$2", "$", "/api/data/v9.2/", "$batch", "http://elsewhere/", "WhoAmI", " ", "{", "}",
        "Prefer: odata.continue-on-error\n", "If-Match: *\n", "\u{0}", "é",
    ],
};

pub const PREFER: Grammar = Grammar {
    door: Door::Header("Prefer", "accounts?$select=name,revenue"),
    samples: &[
        "odata.maxpagesize=7,odata.include-annotations=\"*\"",
        "odata.include-annotations=\"Microsoft.Dynamics.CRM.*,OData.Community.Display.V1.FormattedValue\", return=representation",
        "odata.continue-on-error",
        "odata.track-changes",
    ],
    pieces: &[
        "=", ",", ";", "\"", "*", "-", ".", " ", "odata.maxpagesize", "odata.include-annotations", "return", "representation",
        "minimal", "odata.track-changes", "respond-async", "0", "-1", "99999999999999999999",
    ],
};

pub const TOKEN: Grammar = Grammar {
    door: Door::Form("/contoso/oauth2/v2.0/token"),
    samples: &[
        "client_id=app&scope=ORIGIN%2F.default&client_secret=TOKEN&grant_type=client_credentials",
        "grant_type=client_credentials&client_id=app2&client_secret=TOKEN&scope=ORIGIN/.default",
    ],
    pieces: &[
        "&", "=", "%", "%ZZ", "%00", "+", "client_id", "client_secret", "grant_type", "scope", "client_assertion",
        "client_assertion_type", "client_credentials", "password", "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code", "device_code", ".default", "unknown", "https://x/", "é",
    ],
};

/// No outages: a port that is closed answers nobody.
pub const FAULT: Grammar = Grammar {
    door: Door::Fault,
    samples: &[
        "{\"method\":\"GET\",\"path\":\"/nowhere\",\"status\":503,\"retry_after\":5,\"count\":2}",
        "{\"table\":\"account\",\"share\":0.5,\"seed\":7,\"delay_ms\":5,\"after_s\":3,\"for_s\":2}",
        "{\"path\":\"/nowhere\",\"truncate\":10,\"count\":null}",
        "{\"path\":\"/nowhere\",\"gzip\":\"cut\",\"slow_body_bps\":100}",
        "{\"path\":\"/nowhere\",\"next_link\":\"loop\"}",
    ],
    pieces: &[
        "{", "}", "[", "]", ":", ",", "\"", "null", "true", "-1", "1e400", "0", "99999999999999999999", "\"status\":", "\"body\":",
        "\"reset\":", "\"before\"", "\"after\"", "\"hang\":", "\"truncate\":", "\"length_off\":", "\"chunk_cut\":", "\"half\"",
        "\"list\":", "\"empty\"", "\"paging\":", "\"date_skew_s\":", "\"count\":\"all\"", "\"nonsense\":", "é",
    ],
};

pub const WEBHOOK: Grammar = Grammar {
    door: Door::Body("POST", "serviceendpoints"),
    samples: &[
        "{\"name\":\"h\",\"contract\":8,\"connectionmode\":1,\"url\":\"https://127.0.0.1/h\",\"authtype\":4,\"authvalue\":\"V\"}",
        "{\"name\":\"h\",\"contract\":8,\"connectionmode\":1,\"url\":\"http://127.0.0.1:80/h?x=1\",\"authtype\":5,\
         \"authvalue\":\"<settings><setting name='a' value='b'/></settings>\"}",
        "{\"name\":\"h\",\"contract\":8,\"connectionmode\":1,\"url\":\"https://h.example/\",\"authtype\":6,\
         \"authvalue\":\"<settings><setting name='a' value='b'/></settings>\"}",
    ],
    pieces: &[
        "{", "}", ":", ",", "\"", "\"contract\":", "\"authtype\":", "\"authvalue\":", "\"url\":", "4", "5", "6", "7", "-1", "null",
        "<settings>", "</settings>", "<setting ", "name='", "/>", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "&b;", "https://", "http://[",
        "://", "@", ":443", ":99999", "file:", "é", "\\u0000", "\\r\\n",
    ],
};

pub const SCENARIO: Grammar = Grammar {
    door: Door::Call,
    samples: &[
        include_str!("../../../assets/scenarios/calm.toml"),
        "story = \"x\"\n[[events]]\nat = \"5s\"\ninstance = \"europe\"\nwhat = \"organization\"\norganization = { state = \
         \"disabled\" }\nfor = \"2s\"\n",
    ],
    pieces: &[
        "[", "]", "[[events]]", "=", "\"", "'", "\"\"\"", "\n", "{", "}", ",", ".", "#", "at", "for", "what", "instance", "story",
        "seed", "5s", "-5s", "99999999999999999999h", "nan", "inf", "1979-05-27T07:32:00Z", "0x", "true", "a.b.c", "é", "\\u",
    ],
};
