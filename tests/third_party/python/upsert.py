"""client.records.upsert: one row by key, many rows at once, and what is refused."""

from uuid import UUID

from PowerPlatform.Dataverse.models.upsert import UpsertItem
from support import equal, mark, new_id, raises, refused


def _named(client, number):
    rows = client.records.list(
        "account", filter=f"accountnumber eq '{number}'", select=["name", "telephone1"]
    )
    return [row["name"] for row in rows]


def one_row(client):
    number = mark("u")[:20]
    item = UpsertItem(alternate_key={"accountnumber": number}, record={"name": "Made"})
    equal("it says nothing", client.records.upsert("account", [item]), None)
    equal("created with its key", _named(client, number), ["Made"])
    client.records.upsert(
        "account", [{"alternate_key": {"accountnumber": number}, "record": {"name": "Changed"}}]
    )
    equal("then updated", _named(client, number), ["Changed"])


def by_primary_key(client):
    account = new_id()
    client.records.upsert("account", [UpsertItem({"accountid": UUID(account)}, {"name": "By id"})])
    row = client.records.retrieve("account", account, select=["name"])
    equal("created with that id", row and row["name"], "By id")


def many_rows(client):
    prefix = mark("m")[:14]
    numbers = [f"{prefix}-{index}" for index in range(5)]
    client.records.create("account", {"name": "Old", "accountnumber": numbers[0]})
    client.records.upsert(
        "account", [UpsertItem({"accountnumber": n}, {"name": f"New {n}"}) for n in numbers]
    )
    for number in numbers:
        equal(number[-1], _named(client, number), [f"New {number}"])


def quotes_in_keys(client):
    prefix = mark("o")[:9]
    numbers = [f"{prefix} O'B {index}" for index in range(2)]
    items = [UpsertItem({"accountnumber": n}, {"name": "Quoted"}) for n in numbers]
    client.records.upsert("account", items)
    client.records.upsert("account", items)
    rows = client.records.list(
        "account", filter=f"startswith(accountnumber,'{prefix}')", select=["accountnumber"]
    )
    equal("once each", sorted(row["accountnumber"] for row in rows), numbers)


def all_or_nothing(client):
    prefix = mark("a")[:14]
    items = [
        UpsertItem({"accountnumber": f"{prefix}-1"}, {"name": "Good"}),
        UpsertItem({"accountnumber": f"{prefix}-2"}, {"name": "x" * 161}),
    ]
    refused("one bad row", 400, "0x80044331", lambda: client.records.upsert("account", items))
    equal("no row", _named(client, f"{prefix}-1"), [])


def the_same_row_twice(client):
    number = mark("d")[:20]
    items = [UpsertItem({"accountnumber": number}, {"name": name}) for name in ["One", "Two"]]
    refused("twice in one message", 400, None, lambda: client.records.upsert("account", items))
    equal("no row", _named(client, number), [])


def a_key_that_is_none(client):
    item = UpsertItem({"telephone1": "1"}, {"name": "x"})
    refused("one row", 400, "0x80060888", lambda: client.records.upsert("account", [item]))


def impossible_arguments(client):
    raises("nothing", TypeError, "non-empty", lambda: client.records.upsert("account", []))
    raises(
        "a key and a body that differ",
        ValueError,
        "conflicts",
        lambda: client.records.upsert(
            "account",
            [
                UpsertItem({"accountnumber": "1"}, {"accountnumber": "2", "name": "x"}),
                UpsertItem({"accountnumber": "3"}, {"name": "x"}),
            ],
        ),
    )
