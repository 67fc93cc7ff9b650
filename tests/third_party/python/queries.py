"""client.records.list and the query builder: select, filter, order, top, count, annotations."""

from PowerPlatform.Dataverse.models.filters import col
from support import equal, make, mark, raises, refused, true

_PREFIX = mark("q")


def _rows(client):
    """Twelve accounts of this area, made once."""
    found = client.records.list("account", filter=f"startswith(name,'{_PREFIX}')")
    if found:
        return
    make(
        client,
        "account",
        [
            {
                "name": f"{_PREFIX} {number:02}",
                "numberofemployees": number * 10,
                "address1_city": "Lyon" if number % 2 else "Oslo",
                "creditonhold": number > 9,
            }
            for number in range(1, 13)
        ],
    )


def list_filters_selects_and_orders(client):
    _rows(client)
    rows = client.records.list(
        "account",
        filter=f"startswith(name,'{_PREFIX}') and numberofemployees gt 100",
        select=["name", "numberofemployees"],
        orderby=["numberofemployees desc"],
    )
    equal("in order", [row["numberofemployees"] for row in rows], [120, 110])
    equal("selected", sorted(rows[0].keys()), ["accountid", "name", "numberofemployees"])


def two_orders(client):
    _rows(client)
    rows = client.records.list(
        "account",
        filter=f"startswith(name,'{_PREFIX}')",
        select=["name"],
        orderby=["address1_city desc", "name asc"],
        top=7,
    )
    numbers = [row["name"][-2:] for row in rows]
    equal("city first, then name", numbers, ["02", "04", "06", "08", "10", "12", "01"])


def top_alone_is_one_page(client):
    _rows(client)
    rows = client.records.list(
        "account", filter=f"startswith(name,'{_PREFIX}')", orderby=["name"], top=5
    )
    equal("five", len(rows), 5)


def count_does_not_change_the_rows(client):
    _rows(client)
    rows = client.records.list(
        "account", filter=f"startswith(name,'{_PREFIX}')", select=["name"], count=True
    )
    equal("all of them", len(rows), 12)


def formatted_values(client):
    _rows(client)
    row = client.records.list(
        "account",
        filter=f"name eq '{_PREFIX} 01'",
        select=["creditonhold", "statecode", "numberofemployees"],
        include_annotations="OData.Community.Display.V1.FormattedValue",
    ).first()
    suffix = "@OData.Community.Display.V1.FormattedValue"
    equal("a two-option", row[f"creditonhold{suffix}"], "No")
    equal("a state", row[f"statecode{suffix}"], "Active")


def nothing_found(client):
    rows = client.records.list("account", filter="name eq 'nobody is called this'")
    equal("empty", len(rows), 0)
    equal("no first", rows.first(), None)
    true("falsy", not rows)


def builder(client):
    _rows(client)
    rows = (
        client.query.builder("account")
        .select("name", "address1_city")
        .where(col("name").startswith(_PREFIX))
        .where(col("address1_city") == "Lyon")
        .order_by("name", descending=True)
        .top(3)
        .execute()
    )
    equal("rows", [row["name"][-2:] for row in rows], ["11", "09", "07"])


def builder_with_annotations_and_count(client):
    _rows(client)
    query = (
        client.query.builder("account")
        .select("name", "statuscode")
        .where(col("name") == f"{_PREFIX} 02")
        .count()
    )
    row = query.include_formatted_values().execute().first()
    equal("formatted", row["statuscode@OData.Community.Display.V1.FormattedValue"], "Active")
    row = query.include_annotations("*").execute().first()
    equal("all annotations", row["statuscode@OData.Community.Display.V1.FormattedValue"], "Active")


def builder_pages(client):
    _rows(client)
    pages = list(
        client.query.builder("account")
        .select("name")
        .where(col("name").startswith(_PREFIX))
        .order_by("name")
        .page_size(5)
        .execute_pages()
    )
    equal("sizes", [len(page) for page in pages], [5, 5, 2])
    pages = list(
        client.query.builder("account")
        .where(col("name").startswith(_PREFIX))
        .page_size(6)
        .execute(by_page=True)
    )
    equal("the older way", [len(page) for page in pages], [6, 6])


def builder_to_dataframe(client):
    _rows(client)
    query = client.query.builder("account").select("name").where(col("name").startswith(_PREFIX))
    equal("older", len(query.to_dataframe()), 12)
    frame = query.execute().to_dataframe()
    equal("columns", sorted(frame.columns), ["accountid", "name"])
    equal("rows", len(frame), 12)


def builder_needs_a_bound(client):
    raises(
        "an empty query",
        ValueError,
        "at least one",
        lambda: client.query.builder("account").execute(),
    )


def every_table_is_listed(client):
    for table, column in [
        ("account", "name"),
        ("contact", "fullname"),
        ("systemuser", "fullname"),
        ("team", "name"),
        ("businessunit", "name"),
        ("organization", "name"),
        ("transactioncurrency", "currencyname"),
    ]:
        rows = client.records.list(table, select=[column], top=3)
        true(f"{table} has rows", len(rows) >= 1, len(rows))
        true(f"{table}.{column} is text", isinstance(rows[0][column], str), rows[0].data)
    true("incident is a table", isinstance(client.records.list("incident", top=1).records, list))


def refusals(client):
    refused(
        "an undeclared column in $filter",
        400,
        "0x0",
        lambda: client.records.list("account", filter="nosuchcolumn eq 1"),
    )
    refused(
        "a column in the wrong case",
        400,
        "0x0",
        lambda: client.records.list("account", filter="Name eq 'x'"),
    )
    error = refused(
        "an unbalanced quote",
        400,
        None,
        lambda: client.records.list("account", filter="name eq 'O'Brien'"),
    )
    true("says so", error and "literal" in error.message.lower(), error)
    refused(
        "a number against text",
        400,
        None,
        lambda: client.records.list("account", filter="name gt 5"),
    )
    refused(
        "an undeclared column in $orderby",
        400,
        "0x0",
        lambda: client.records.list("account", orderby=["nosuchcolumn"], top=1),
    )
    refused(
        "an undeclared column in $select",
        400,
        "0x0",
        lambda: client.records.list("account", select=["nosuchcolumn"], top=1),
    )
