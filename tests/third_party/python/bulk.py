"""CreateMultiple, UpdateMultiple and BulkDelete, as records.create, update and delete of lists send them."""

from support import GUID, equal, mark, new_id, refused, true


def create_many(client):
    prefix = mark("cm")
    ids = client.records.create("account", [{"name": f"{prefix} {index}"} for index in range(10)])
    equal("an id each", len(set(ids)), 10)
    true("GUIDs", all(GUID.match(identity) for identity in ids), ids)
    row = client.records.retrieve("account", ids[7], select=["name"])
    equal("in order", row["name"], f"{prefix} 7")


def create_many_with_lookups(client):
    account = client.records.create("account", {"name": mark("parent")})
    contacts = client.records.create(
        "contact",
        [
            {
                "lastname": f"Child {index}",
                "parentcustomerid_account@odata.bind": f"/accounts({account})",
            }
            for index in range(3)
        ],
    )
    rows = client.records.list("contact", filter=f"_parentcustomerid_value eq {account}")
    equal("all bound", sorted(row["contactid"] for row in rows), sorted(contacts))


def create_many_is_all_or_nothing(client):
    prefix = mark("cf")
    refused(
        "one row is wrong",
        400,
        "0x80044331",
        lambda: client.records.create("account", [{"name": prefix}, {"name": "x" * 161}]),
    )
    refused(
        "one bind is missing",
        404,
        "0x80040217",
        lambda: client.records.create(
            "account",
            [
                {"name": prefix},
                {"name": prefix, "primarycontactid@odata.bind": f"/contacts({new_id()})"},
            ],
        ),
    )
    equal("no row stayed", len(client.records.list("account", filter=f"name eq '{prefix}'")), 0)


def the_same_change_for_many(client):
    prefix = mark("um")
    ids = client.records.create("account", [{"name": prefix} for _ in range(4)])
    client.records.update("account", ids, {"address1_city": "Turin"})
    rows = client.records.list("account", filter=f"name eq '{prefix}'", select=["address1_city"])
    equal("all changed", [row["address1_city"] for row in rows], ["Turin"] * 4)


def a_change_each(client):
    ids = client.records.create("account", [{"name": mark("ue")} for _ in range(3)])
    client.records.update("account", ids, [{"telephone1": str(index)} for index in range(3)])
    numbers = [
        client.records.retrieve("account", i, select=["telephone1"])["telephone1"] for i in ids
    ]
    equal("its own", numbers, ["0", "1", "2"])


def update_many_is_all_or_nothing(client):
    account = client.records.create("account", {"name": "Stays"})
    refused(
        "one row is missing",
        404,
        "0x80040217",
        lambda: client.records.update("account", [account, new_id()], {"name": "Changed"}),
    )
    row = client.records.retrieve("account", account, select=["name"])
    equal("unchanged", row["name"], "Stays")


def bulk_delete(client):
    prefix = mark("bd")
    ids = client.records.create("account", [{"name": prefix} for _ in range(3)])
    kept = client.records.create("account", {"name": prefix})
    job = client.records.delete("account", ids)
    true("a job's id", job and GUID.match(job), job)
    left = None
    for _ in range(50):
        left = client.records.list("account", filter=f"name eq '{prefix}'", select=["name"])
        if len(left) == 1:
            break
    equal("only the other is left", [row["accountid"] for row in left], [kept])


def delete_one_after_the_other(client):
    ids = client.records.create("account", [{"name": mark("d1")} for _ in range(2)])
    equal("no job", client.records.delete("account", ids, use_bulk_delete=False), None)
    equal("gone", [client.records.retrieve("account", i) for i in ids], [None, None])
    refused(
        "a missing one",
        404,
        "0x80040217",
        lambda: client.records.delete("account", [new_id()], use_bulk_delete=False),
    )
