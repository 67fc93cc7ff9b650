"""Rows addressed by alternate key: read, update, delete, quotes and spaces, and keys that are none."""

from support import equal, mark, refused, true


def by_key(client):
    number = mark("k")[:20]
    account = client.records.create("account", {"name": "Keyed", "accountnumber": number})
    key = f"accountnumber='{number}'"
    row = client.records.retrieve("account", key, select=["name"])
    equal("the row of the key", row["accountid"], account)
    client.records.update("account", key, {"name": "By key"})
    row = client.records.retrieve("account", account, select=["name"])
    equal("updated by key", row["name"], "By key")
    client.records.delete("account", key)
    equal("deleted by key", client.records.retrieve("account", account), None)


def quote_and_space(client):
    number = "HO-O'Brien 1"
    account = client.records.create("account", {"name": "Quoted", "accountnumber": number})
    row = client.records.retrieve(
        "account", "(accountnumber='HO-O''Brien 1')", select=["accountnumber"]
    )
    equal("the row", row["accountid"], account)
    equal("its number", row["accountnumber"], number)
    client.records.delete("account", account)


def primary_key_as_a_key(client):
    account = client.records.create("account", {"name": "Named key"})
    row = client.records.retrieve("account", f"accountid={account}", select=["name"])
    equal("by its name", row["name"], "Named key")


def a_key_without_a_row(client):
    key = f"accountnumber='{mark('none')}'"
    equal("read", client.records.retrieve("account", key), None)
    refused(
        "update", 404, "0x80060891", lambda: client.records.update("account", key, {"name": "x"})
    )
    refused("delete", 404, "0x80060891", lambda: client.records.delete("account", key))


def a_key_that_is_none(client):
    error = refused(
        "a column that is no key",
        400,
        "0x80060888",
        lambda: client.records.update("account", "telephone1='1'", {"name": "x"}),
    )
    true("named as such", error and "key" in error.message.lower(), error)


def a_value_that_is_taken(client):
    number = mark("t")[:20]
    client.records.create("account", {"name": "First", "accountnumber": number})
    refused(
        "create",
        412,
        "0x80060892",
        lambda: client.records.create("account", {"name": "x", "accountnumber": number}),
    )
    other = client.records.create("account", {"name": "Second"})
    refused(
        "update",
        412,
        "0x80060892",
        lambda: client.records.update("account", other, {"accountnumber": number}),
    )
