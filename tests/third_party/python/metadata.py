"""client.tables and the discovery helpers of client.query: what the tables, columns and relationships are."""

from PowerPlatform.Dataverse.core.errors import MetadataError
from support import GUID, connect, equal, raises, true

_TABLES = {
    "account": ("Account", "accounts", "accountid", "name"),
    "contact": ("Contact", "contacts", "contactid", "fullname"),
    "incident": ("Incident", "incidents", "incidentid", "title"),
    "systemuser": ("SystemUser", "systemusers", "systemuserid", "fullname"),
    "team": ("Team", "teams", "teamid", "name"),
    "businessunit": ("BusinessUnit", "businessunits", "businessunitid", "name"),
    "organization": ("Organization", "organizations", "organizationid", "name"),
    "transactioncurrency": (
        "TransactionCurrency",
        "transactioncurrencies",
        "transactioncurrencyid",
        "currencyname",
    ),
}


def every_table(client):
    for name, (schema, entity_set, key, primary) in _TABLES.items():
        table = client.tables.get(name)
        if table is None:
            true(f"{name} is known", False)
            continue
        seen = (
            table.schema_name,
            table.entity_set_name,
            table.primary_id_attribute,
            table.primary_name_attribute,
        )
        equal(name, seen, (schema, entity_set, key, primary))
        true(f"{name} has an id", GUID.match(table.metadata_id), table.metadata_id)
    equal("a table that is not there", client.tables.get("nosuchtable"), None)


def list_tables(client):
    names = {row["LogicalName"] for row in client.tables.list(select=["LogicalName"])}
    true("all of ours", set(_TABLES) <= names, set(_TABLES) - names)
    rows = client.tables.list(
        filter="LogicalName eq 'account'", select=["LogicalName", "SchemaName"]
    )
    equal("filtered", [row["SchemaName"] for row in rows], ["Account"])


def columns(client):
    rows = client.tables.list_columns(
        "account", select=["LogicalName", "AttributeType", "SchemaName"]
    )
    types = {row["LogicalName"]: row["AttributeType"] for row in rows}
    for column, kind in {
        "accountid": "Uniqueidentifier",
        "name": "String",
        "description": "Memo",
        "numberofemployees": "Integer",
        "revenue": "Money",
        "creditonhold": "Boolean",
        "customertypecode": "Picklist",
        "primarycontactid": "Lookup",
        "ownerid": "Owner",
        "statecode": "State",
        "statuscode": "Status",
        "createdon": "DateTime",
        "versionnumber": "BigInt",
    }.items():
        equal(f"type of {column}", types.get(column), kind)


def columns_filtered(client):
    rows = client.tables.list_columns(
        "account", filter="AttributeType ne 'Virtual'", select=["LogicalName"]
    )
    true("many", len(rows) > 15, len(rows))
    rows = client.tables.list_columns(
        "account",
        filter="AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Money'",
        select=["LogicalName"],
    )
    true("by the enum literal", "revenue" in {row["LogicalName"] for row in rows}, rows)
    rows = client.tables.list_columns("account", filter="LogicalName eq 'name'")
    equal("one", len(rows), 1)


def one_column(client):
    column = client.tables.get_column(
        "account", "name", select=["LogicalName", "AttributeType", "RequiredLevel"]
    )
    equal("its type", column["AttributeType"], "String")
    equal("its requirement", column["RequiredLevel"]["Value"], "ApplicationRequired")
    equal("one that is not there", client.tables.get_column("account", "nosuchcolumn"), None)
    raises(
        "a table that is not there",
        MetadataError,
        "not found",
        lambda: client.tables.get_column("nosuchtable", "name"),
    )


def typed_columns(client):
    columns = {
        column["LogicalName"]: column
        for column in client.tables.list_columns("account", typed=True)
    }
    equal("a length", columns["name"]["MaxLength"], 160)
    true("a range", columns["numberofemployees"]["MinValue"] == 0, columns["numberofemployees"])
    column = client.tables.get_column("account", "accountnumber", typed=True)
    equal("one typed", (column["LogicalName"], column["MaxLength"]), ("accountnumber", 20))
    equal("none typed", client.tables.get_column("account", "nosuchcolumn", typed=True), None)
    raises(
        "a table that is not there",
        MetadataError,
        "not found",
        lambda: client.tables.list_columns("nosuchtable", typed=True),
    )


def relationships(client):
    found = client.tables.get_relationship("contact_customer_accounts")
    equal("its type", found.relationship_type, "one_to_many")
    equal("its ends", (found.referenced_entity, found.referencing_entity), ("account", "contact"))
    equal("none", client.tables.get_relationship("no_such_relationship"), None)
    rows = client.tables.list_relationships(filter="SchemaName eq 'contact_customer_accounts'")
    equal("listed", len(rows), 1)
    names = {row["SchemaName"] for row in client.tables.list_table_relationships("account")}
    true(
        "both directions", {"contact_customer_accounts", "account_primary_contact"} <= names, names
    )
    raises(
        "a table that is not there",
        MetadataError,
        "not found",
        lambda: client.tables.list_table_relationships("nosuchtable"),
    )


def sql_columns(client):
    columns = client.query.sql_columns("account")
    equal("the key first", (columns[0]["name"], columns[0]["is_pk"]), ("accountid", True))
    equal("the name next", (columns[1]["name"], columns[1]["is_name"]), ("name", True))
    true("a label", columns[1]["label"], columns[1])
    names = {column["name"] for column in columns}
    true("no system columns", "versionnumber" not in names, names)
    names = {column["name"] for column in client.query.sql_columns("account", include_system=True)}
    true("unless asked for", "versionnumber" in names, names)


def discovery_for_queries(client):
    columns = client.query.odata_select("contact")
    true("select", {"contactid", "fullname"} <= set(columns), columns)
    rows = client.records.list("contact", select=["fullname"], top=1)
    equal("usable", len(rows), 1)
    expands = client.query.odata_expands("contact")
    found = [row for row in expands if row["nav_property"] == "parentcustomerid_account"]
    equal("expands", [row["target_entity_set"] for row in found], ["accounts"])
    equal("expand", client.query.odata_expand("account", "contact"), "primarycontactid")
    contact = client.records.create("contact", {"lastname": "Bound"})
    bind = client.query.odata_bind("account", "contact", contact)
    account = client.records.create("account", {"name": "x", **bind})
    row = client.records.retrieve("account", account, select=["_primarycontactid_value"])
    equal("bind", row["_primarycontactid_value"], contact)
    raises(
        "no way there",
        ValueError,
        "no navigation property",
        lambda: client.query.odata_expand("contact", "incident"),
    )


def picklists_are_cached(_client):
    with connect() as client:
        client.records.create("account", {"name": "Cache", "customertypecode": "Press"})
        equal("one table", client.flush_cache("picklist"), 1)
        equal("then none", client.flush_cache("picklist"), 0)
