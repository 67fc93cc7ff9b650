"""Pages: their sizes, links that are followed as they are, and every row exactly once."""

from support import equal, forget, make, mark, received, true

_PREFIX = mark("p")


def _rows(client):
    if client.records.list("contact", filter=f"startswith(lastname,'{_PREFIX}')", top=1):
        return
    make(client, "contact", [{"lastname": f"{_PREFIX} {number:03}"} for number in range(23)])


def pages_have_their_size(client):
    _rows(client)
    pages = list(
        client.records.list_pages(
            "contact",
            filter=f"startswith(lastname,'{_PREFIX}')",
            select=["lastname"],
            orderby=["lastname"],
            page_size=7,
        )
    )
    equal("sizes", [len(page) for page in pages], [7, 7, 7, 2])
    names = [row["lastname"] for page in pages for row in page]
    equal("in order, once each", names, [f"{_PREFIX} {number:03}" for number in range(23)])


def pages_without_an_order(client):
    _rows(client)
    rows = client.records.list(
        "contact", filter=f"startswith(lastname,'{_PREFIX}')", select=["lastname"], page_size=4
    )
    equal("all of them, once each", len({row["lastname"] for row in rows}), 23)


def a_last_page_that_is_full(client):
    _rows(client)
    pages = list(
        client.records.list_pages(
            "contact",
            filter=f"startswith(lastname,'{_PREFIX}') and lastname lt '{_PREFIX} 020'",
            page_size=10,
        )
    )
    equal("no empty page after it", [len(page) for page in pages], [10, 10])


def the_preference_is_sent_on_every_page(client):
    _rows(client)
    forget()
    pages = list(
        client.records.list_pages(
            "contact",
            filter=f"startswith(lastname,'{_PREFIX}')",
            select=["lastname", "statecode"],
            page_size=12,
            include_annotations="*",
        )
    )
    formatted = "statecode@OData.Community.Display.V1.FormattedValue"
    equal("annotated on all pages", {row[formatted] for page in pages for row in page}, {"Active"})
    lists = [entry for entry in received() if "/contacts" in entry["path"]]
    equal("two requests", len(lists), 2)


def top_is_ignored_beside_a_page_size(client):
    _rows(client)
    rows = client.records.list(
        "contact", filter=f"startswith(lastname,'{_PREFIX}')", page_size=10, top=3
    )
    equal("all rows", len(rows), 23)


def rows_that_change_meanwhile(client):
    _rows(client)
    pages = client.records.list_pages(
        "contact",
        filter=f"startswith(lastname,'{_PREFIX}')",
        select=["lastname"],
        orderby=["lastname"],
        page_size=10,
    )
    first = next(pages)
    client.records.update("contact", first[0]["contactid"], {"jobtitle": "Changed"})
    rest = [row["lastname"] for page in pages for row in page]
    true("no row is seen twice", not {row["lastname"] for row in first} & set(rest), rest)
    equal("none is left out", len(rest), 13)
