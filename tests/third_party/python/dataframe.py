"""client.dataframe: rows from and to pandas, with the ids and the nulls that a user expects."""

import pandas as pd
from support import GUID, equal, make, mark, new_id, raises, refused, true


def there_and_back(client):
    name = mark("df")
    ids = client.dataframe.create(
        "account",
        pd.DataFrame(
            [
                {"name": name, "telephone1": "1", "numberofemployees": 5},
                {"name": name, "telephone1": None, "numberofemployees": 6},
            ],
            index=["one", "two"],
        ),
    )
    equal("index kept", list(ids.index), ["one", "two"])
    true("ids", all(GUID.match(identity) for identity in ids), list(ids))
    frame = client.dataframe.get(
        "account",
        filter=f"name eq '{name}'",
        select=["telephone1", "numberofemployees"],
        orderby=["numberofemployees"],
    )
    equal("values", list(frame["numberofemployees"]), [5, 6])
    true("a null", pd.isna(frame["telephone1"][1]), frame)
    single = client.dataframe.get("account", record_id=ids["one"], select=["telephone1"])
    equal("one row", list(single["telephone1"]), ["1"])
    client.dataframe.update(
        "account",
        pd.DataFrame({"accountid": list(ids), "telephone1": ["7", "8"]}),
        id_column="accountid",
    )
    equal("updated", client.records.retrieve("account", ids["two"])["telephone1"], "8")
    client.dataframe.update(
        "account",
        pd.DataFrame({"accountid": [ids["two"]], "telephone1": [None]}),
        id_column="accountid",
        clear_nulls=True,
    )
    equal("cleared", client.records.retrieve("account", ids["two"])["telephone1"], None)
    equal("deleted", client.dataframe.delete("account", ids, use_bulk_delete=False), None)
    equal("gone", len(client.records.list("account", filter=f"name eq '{name}'")), 0)


def pages_become_one_frame(client):
    name = mark("dp")
    make(client, "account", [{"name": name} for _ in range(5)])
    frame = client.dataframe.get("account", filter=f"name eq '{name}'", page_size=2)
    equal("rows", len(frame), 5)


def bulk_delete(client):
    name = mark("db")
    ids = client.dataframe.create("account", pd.DataFrame([{"name": name}, {"name": name}]))
    job = client.dataframe.delete("account", ids)
    true("a job", job and GUID.match(job), job)


def nothing_found(client):
    frame = client.dataframe.get("account", filter="name eq 'no such name'", select=["name"])
    equal("an empty frame with its columns", (len(frame), list(frame.columns)), (0, ["name"]))


def refusals(client):
    refused(
        "a missing row",
        404,
        "0x80040217",
        lambda: client.dataframe.get("account", record_id=new_id()),
    )
    raises("no frame", TypeError, "DataFrame", lambda: client.dataframe.create("account", []))
    raises(
        "no id column",
        ValueError,
        "id_column",
        lambda: client.dataframe.update("account", pd.DataFrame([{"name": "x"}]), "accountid"),
    )
