"""client.batch: independent parts, change sets with references and rollback, errors and going on."""

import pandas as pd
from PowerPlatform.Dataverse.core.errors import ValidationError
from PowerPlatform.Dataverse.models.upsert import UpsertItem
from support import GUID, equal, mark, new_id, raises, true


def parts_in_order(client):
    name = mark("b")
    kept = client.records.create("account", {"name": name, "telephone1": "1"})
    gone = client.records.create("account", {"name": "Gone"})
    batch = client.batch.new()
    batch.records.create("account", {"name": f"{name} new"})
    batch.records.update("account", kept, {"telephone1": "2"})
    batch.records.retrieve("account", kept, select=["telephone1"])
    batch.records.delete("account", gone)
    result = batch.execute()
    equal("statuses", [part.status_code for part in result.responses], [204, 204, 200, 204])
    true("no errors", not result.has_errors, result.failed)
    made = result.responses[0].entity_id
    true("the new id", made and GUID.match(made), made)
    equal("later parts see earlier ones", result.responses[2].data["telephone1"], "2")
    equal("deleted", client.records.retrieve("account", gone), None)
    equal("created", client.records.retrieve("account", made)["name"], f"{name} new")


def lists_with_raw_urls(client):
    name = mark("b O'Brien")
    client.records.create("account", [{"name": f"{name} {index}"} for index in range(3)])
    quoted = name.replace("'", "''")
    batch = client.batch.new()
    batch.records.list(
        "account",
        filter=f"startswith(name,'{quoted}') and telephone1 eq null",
        select=["name"],
        orderby=["name desc"],
        top=2,
        count=True,
    )
    batch.records.list(
        "account", filter=f"startswith(name,'{quoted}')", page_size=2, include_annotations="*"
    )
    result = batch.execute()
    first, second = result.responses
    equal("rows", [row["name"][-1] for row in first.data["value"]], ["2", "1"])
    equal("count", first.data["@odata.count"], 3)
    equal("a page", len(second.data["value"]), 2)
    true("with a link", "@odata.nextLink" in second.data, list(second.data))


def expand_and_annotations(client):
    contact = client.records.create("contact", {"firstname": "Ada", "lastname": "Batch"})
    account = client.records.create(
        "account", {"name": mark("b"), "primarycontactid@odata.bind": f"/contacts({contact})"}
    )
    batch = client.batch.new()
    batch.records.retrieve(
        "account",
        account,
        select=["name", "statecode"],
        expand=["primarycontactid($select=fullname)"],
        include_annotations="OData.Community.Display.V1.FormattedValue",
    )
    batch.records.get("account", account, select=["name"])
    first, second = batch.execute().responses
    equal("expanded", first.data["primarycontactid"]["fullname"], "Ada Batch")
    equal("annotated", first.data["statecode@OData.Community.Display.V1.FormattedValue"], "Active")
    equal("the older get", second.status_code, 200)


def bulk_messages_in_a_batch(client):
    prefix = mark("bm")[:14]
    batch = client.batch.new()
    batch.records.create("account", [{"name": prefix}, {"name": prefix}])
    batch.records.upsert(
        "account",
        [UpsertItem({"accountnumber": f"{prefix}-{i}"}, {"name": prefix}) for i in range(2)],
    )
    batch.records.upsert(
        "account", [UpsertItem({"accountnumber": f"{prefix}-1"}, {"telephone1": "9"})]
    )
    result = batch.execute()
    equal("statuses", [part.status_code for part in result.responses], [200, 204, 204])
    ids = result.responses[0].data["Ids"]
    equal("ids", len(ids), 2)
    rows = client.records.list("account", filter=f"name eq '{prefix}'", select=["telephone1"])
    equal("four rows", len(rows), 4)
    equal("one upserted again", [row["telephone1"] for row in rows].count("9"), 1)
    batch = client.batch.new()
    batch.records.update("account", ids, {"telephone1": "7"})
    batch.records.delete("account", ids, use_bulk_delete=False)
    result = batch.execute()
    equal("update, then delete", [part.status_code for part in result.responses], [204, 204, 204])
    batch = client.batch.new()
    batch.records.delete(
        "account",
        [rows[0]["accountid"]] if rows[0]["accountid"] not in ids else [rows[-1]["accountid"]],
    )
    equal("bulk delete", batch.execute().responses[0].is_success, True)


def sql_in_a_batch(client):
    name = mark("bs")
    client.records.create("account", {"name": name})
    batch = client.batch.new()
    batch.query.sql(f"SELECT name FROM account WHERE name = '{name}'")
    part = batch.execute().responses[0]
    equal("one row", [row["name"] for row in part.data["value"]], [name])


def frames_in_a_batch(client):
    name = mark("bf")
    batch = client.batch.new()
    batch.dataframe.create("account", pd.DataFrame([{"name": name}, {"name": name}]))
    ids = batch.execute().responses[0].data["Ids"]
    equal("created", len(ids), 2)
    batch = client.batch.new()
    batch.dataframe.update(
        "account", pd.DataFrame({"accountid": ids, "telephone1": ["1", "2"]}), "accountid"
    )
    batch.dataframe.delete("account", pd.Series(ids[:1]), use_bulk_delete=False)
    result = batch.execute()
    true("updated and deleted", not result.has_errors, result.failed)
    rows = client.records.list("account", filter=f"name eq '{name}'", select=["telephone1"])
    equal("one left, updated", [row["telephone1"] for row in rows], ["2"])


def a_change_set_with_references(client):
    name = mark("cs")
    batch = client.batch.new()
    with batch.changeset() as changes:
        contact = changes.records.create("contact", {"firstname": "Ada", "lastname": name})
        account = changes.records.create(
            "account", {"name": name, "primarycontactid@odata.bind": contact}
        )
        changes.records.update("contact", contact, {"jobtitle": "Chair"})
        changes.records.update("account", account, {"telephone1": "3"})
    result = batch.execute()
    equal("statuses", [part.status_code for part in result.responses], [204] * 4)
    equal("content ids", [part.content_id for part in result.responses], ["1", "2", "3", "4"])
    made = [part.entity_id for part in result.responses[:2]]
    row = client.records.retrieve(
        "account", made[1], select=["telephone1", "_primarycontactid_value"]
    )
    equal("bound by reference", row["_primarycontactid_value"], made[0])
    equal("updated by reference", row["telephone1"], "3")
    contact = client.records.retrieve("contact", made[0], select=["jobtitle"])
    equal("the other one too", contact["jobtitle"], "Chair")


def references_are_counted_across_change_sets(client):
    name = mark("c2")
    batch = client.batch.new()
    with batch.changeset() as changes:
        changes.records.create("account", {"name": name})
    with batch.changeset() as changes:
        second = changes.records.create("account", {"name": name})
        changes.records.update("account", second, {"telephone1": "2"})
    result = batch.execute()
    equal("content ids", [part.content_id for part in result.responses], ["1", "2", "3"])
    rows = client.records.list("account", filter=f"name eq '{name}'", select=["telephone1"])
    equal("only the second", sorted(str(row["telephone1"]) for row in rows), ["2", "None"])


def delete_in_a_change_set(client):
    account = client.records.create("account", {"name": "Delete me"})
    batch = client.batch.new()
    with batch.changeset() as changes:
        changes.records.delete("account", account)
    equal("status", batch.execute().responses[0].status_code, 204)
    equal("gone", client.records.retrieve("account", account), None)


def a_change_set_rolls_back(client):
    name = mark("cr")
    batch = client.batch.new()
    with batch.changeset() as changes:
        changes.records.create("account", {"name": name})
        changes.records.update("account", new_id(), {"name": "Nobody"})
    result = batch.execute()
    equal("one answer for the set", len(result.responses), 1)
    failed = result.responses[0]
    equal("which", (failed.status_code, failed.error_code), (404, "0x80040217"))
    equal("nothing stayed", len(client.records.list("account", filter=f"name eq '{name}'")), 0)


def the_first_error_stops(client):
    name = mark("be")
    batch = client.batch.new()
    batch.records.create("account", {"name": name})
    batch.records.update("account", new_id(), {"name": "Nobody"})
    batch.records.create("account", {"name": f"{name} after"})
    result = batch.execute()
    true("it has errors", result.has_errors)
    last = result.responses[-1]
    equal("the error is last", (last.status_code, last.error_code), (404, "0x80040217"))
    true("it has a message", last.error_message and "Does Not Exist" in last.error_message, last)
    rows = client.records.list("account", filter=f"startswith(name,'{name}')")
    equal("before stays, after is not run", [row["name"] for row in rows], [name])


def go_on_after_errors(client):
    name = mark("bc")
    batch = client.batch.new()
    batch.records.create("account", {"name": name})
    batch.records.update("account", new_id(), {"name": "Nobody"})
    batch.records.create("account", {"name": "x" * 161})
    batch.records.create("account", {"name": name})
    result = batch.execute(continue_on_error=True)
    equal("statuses", [part.status_code for part in result.responses], [204, 404, 400, 204])
    equal("codes", [part.error_code for part in result.failed], ["0x80040217", "0x80044331"])
    equal("two ids", len(result.entity_ids), 2)
    equal("two rows", len(client.records.list("account", filter=f"name eq '{name}'")), 2)


def a_change_set_and_others(client):
    name = mark("bx")
    batch = client.batch.new()
    with batch.changeset() as changes:
        changes.records.create("account", {"name": "x" * 161})
        changes.records.create("account", {"name": name})
    batch.records.create("account", {"name": name})
    result = batch.execute(continue_on_error=True)
    equal("statuses", [part.status_code for part in result.responses], [400, 204])
    equal("one row", len(client.records.list("account", filter=f"name eq '{name}'")), 1)


def unicode_in_parts(client):
    name = f"{mark('bu')} Ærø 東京 🙂"
    batch = client.batch.new()
    batch.records.create("account", {"name": name})
    batch.records.list("account", filter=f"name eq '{name}'", select=["name"])
    result = batch.execute()
    equal("comes back", [row["name"] for row in result.responses[1].data["value"]], [name])


def many_parts(client):
    name = mark("b1000")
    batch = client.batch.new()
    for _ in range(1000):
        batch.records.create("contact", {"lastname": name})
    result = batch.execute()
    equal("all of them", len(result.succeeded), 1000)
    batch = client.batch.new()
    for _ in range(1001):
        batch.records.create("contact", {"lastname": name})
    raises("one too many", ValidationError, "1001", batch.execute)


def an_empty_batch(client):
    equal("no answers", client.batch.new().execute().responses, [])
