"""client.records: create, retrieve, update, delete of single rows, and the values that come back."""

from PowerPlatform.Dataverse.core.errors import MetadataError
from support import GUID, equal, mark, new_id, raises, refused, true


def create_returns_the_id(client):
    name = mark("create")
    account = client.records.create("account", {"name": name, "telephone1": "555-0100"})
    true("the id is a GUID", GUID.match(account), account)
    row = client.records.retrieve("account", account, select=["name", "telephone1"])
    equal("name as written", row["name"], name)
    equal("telephone as written", row["telephone1"], "555-0100")
    equal("the primary key comes along", row["accountid"], account)
    true("an etag comes along", (row.etag or "").startswith('W/"'), row.etag)


def every_type_comes_back(client):
    values = {
        "name": mark("types"),
        "numberofemployees": 42,
        "revenue": 1234.5,
        "creditonhold": True,
        "customertypecode": 3,
        "description": "first line\nsecond line",
        "websiteurl": "https://example.com/?a=1&b=2",
    }
    account = client.records.create("account", values)
    row = client.records.retrieve("account", account, select=list(values))
    for column, value in values.items():
        equal(column, row[column], value)


def text_of_every_script_comes_back(client):
    for text in [
        "Ærøskøbing Æble A/S",
        "東京 株式会社",
        "Smile 🙂",
        'O\'Brien "& Sons" <x> 100% a+b',
    ]:
        account = client.records.create("account", {"name": text})
        equal(text, client.records.retrieve("account", account, select=["name"])["name"], text)


def choice_by_its_label(client):
    account = client.records.create(
        "account", {"name": mark("label"), "customertypecode": "Customer"}
    )
    row = client.records.retrieve("account", account, select=["customertypecode"])
    equal("label became its value", row["customertypecode"], 3)
    client.records.update("account", account, {"customertypecode": "supplier"})
    row = client.records.retrieve("account", account, select=["customertypecode"])
    equal("case of the label does not matter", row["customertypecode"], 10)


def column_names_in_any_case(client):
    account = client.records.create("Account", {"Name": "Case", "AccountNumber": mark("c")[:20]})
    row = client.records.retrieve("ACCOUNT", account, select=["Name"])
    equal("the SDK lowers names", row["name"], "Case")


def create_with_my_own_id(client):
    account = new_id()
    equal(
        "the id that was given",
        client.records.create("account", {"accountid": account, "name": "Own id"}),
        account,
    )
    refused(
        "the same id twice",
        412,
        "0x80040237",
        lambda: client.records.create("account", {"accountid": account, "name": "Again"}),
    )
    row = client.records.retrieve("account", account, select=["name"])
    equal("the refusal changed nothing", row["name"], "Own id")


def defaults_and_computed_columns(client):
    contact = client.records.create("contact", {"firstname": "Ada", "lastname": "Lovelace"})
    row = client.records.retrieve("contact", contact)
    equal("full name is made by the service", row["fullname"], "Ada Lovelace")
    equal("state", row["statecode"], 0)
    equal("status", row["statuscode"], 1)
    equal("two-option default", row["donotemail"], False)
    true("created on, whole seconds in UTC", row["createdon"].endswith("Z"), row["createdon"])
    true("an owner", GUID.match(row["_ownerid_value"]), row["_ownerid_value"])


def update_changes_what_it_names(client):
    account = client.records.create("account", {"name": "Before", "telephone1": "1"})
    before = client.records.retrieve("account", account)
    client.records.update("account", account, {"name": "After"})
    after = client.records.retrieve("account", account)
    equal("changed", after["name"], "After")
    equal("kept", after["telephone1"], "1")
    true("a new etag", after.etag != before.etag, after.etag)
    true("a higher version", int(after["versionnumber"]) > int(before["versionnumber"]))


def update_to_null(client):
    account = client.records.create("account", {"name": "Null", "telephone1": "1"})
    client.records.update("account", account, {"telephone1": None})
    row = client.records.retrieve("account", account, select=["telephone1"])
    true("a null column is there", "telephone1" in row)
    equal("and is null", row["telephone1"], None)


def update_never_creates(client):
    account = new_id()
    refused(
        "update of a missing row",
        404,
        "0x80040217",
        lambda: client.records.update("account", account, {"name": "Ghost"}),
    )
    equal("no row was made", client.records.retrieve("account", account), None)


def status_goes_with_its_state(client):
    account = client.records.create("account", {"name": mark("state")})
    client.records.update("account", account, {"statecode": 1, "statuscode": 2})
    row = client.records.retrieve("account", account, select=["statecode", "statuscode"])
    equal("inactive", (row["statecode"], row["statuscode"]), (1, 2))
    refused(
        "a status of another state",
        400,
        "0x80048408",
        lambda: client.records.update("account", account, {"statecode": 0, "statuscode": 2}),
    )


def delete_removes(client):
    account = client.records.create("account", {"name": "Gone"})
    equal("delete says nothing", client.records.delete("account", account), None)
    equal("it is gone", client.records.retrieve("account", account), None)
    refused("deleted twice", 404, "0x80040217", lambda: client.records.delete("account", account))


def retrieve_selects(client):
    account = client.records.create("account", {"name": "Narrow", "telephone1": "1"})
    row = client.records.retrieve("account", account, select=["name"])
    equal("only the column and the key", sorted(row.keys()), ["accountid", "name"])
    row = client.records.retrieve("account", account)
    true("all columns without a select", len(row) > 15, len(row))


def the_older_get(client):
    name = mark("get")
    account = client.records.create("account", {"name": name})
    equal("by id", client.records.get("account", account, select=["name"])["name"], name)
    pages = list(client.records.get("account", filter=f"name eq '{name}'", select=["name"]))
    equal("by filter", [[row["name"] for row in page] for page in pages], [[name]])
    refused("a missing row", 404, "0x80040217", lambda: client.records.get("account", new_id()))


def wrong_input(client):
    account = client.records.create("account", {"name": "Right"})
    refused(
        "a column that is not there",
        400,
        None,
        lambda: client.records.create("account", {"name": "x", "nosuchcolumn": 1}),
    )
    refused(
        "text that is too long",
        400,
        "0x80044331",
        lambda: client.records.create("account", {"name": "x" * 161}),
    )
    refused(
        "text where a number belongs",
        400,
        "0x80048d19",
        lambda: client.records.create("account", {"numberofemployees": "many"}),
    )
    refused(
        "a number out of range",
        400,
        "0x8004431a",
        lambda: client.records.create("account", {"name": "x", "numberofemployees": -1}),
    )
    refused(
        "a column that is not there, selected",
        400,
        "0x0",
        lambda: client.records.retrieve("account", account, select=["nosuchcolumn"]),
    )


def read_only_columns_are_not_written(client):
    contact = client.records.create(
        "contact", {"firstname": "Grace", "lastname": "Hopper", "fullname": "Somebody Else"}
    )
    row = client.records.retrieve("contact", contact, select=["fullname"])
    equal("full name stays computed", row["fullname"], "Grace Hopper")


def a_table_that_is_not_there(client):
    raises(
        "create",
        MetadataError,
        "unable to resolve",
        lambda: client.records.create("nosuchtable", {"name": "x"}),
    )
    raises(
        "a plural name gets a hint",
        MetadataError,
        "plural",
        lambda: client.records.retrieve("accounts", new_id()),
    )


def impossible_arguments(client):
    raises("create of text", TypeError, "dict", lambda: client.records.create("account", "x"))
    raises(
        "update with a number", TypeError, "str", lambda: client.records.update("account", 1, {})
    )
    equal("delete of nothing", client.records.delete("account", []), None)
