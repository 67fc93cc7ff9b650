"""client.query.fetchxml: conditions, order, links, aggregates, the paging cookie, refusals."""

from PowerPlatform.Dataverse.core.errors import ValidationError
from support import equal, make, mark, raises, refused

_NAME = mark("fx")


def _rows(client):
    if client.records.list("account", filter=f"startswith(name,'{_NAME}')", top=1):
        return
    accounts = make(
        client,
        "account",
        [{"name": f"{_NAME} {number:02}", "numberofemployees": number} for number in range(11)],
    )
    make(
        client,
        "contact",
        [
            {
                "firstname": first,
                "lastname": _NAME,
                "parentcustomerid_account@odata.bind": f"/accounts({accounts[0]})",
            }
            for first in ["Ada", "Bea"]
        ],
    )


def _fetch(client, inner, attributes=""):
    _rows(client)
    return client.query.fetchxml(f"<fetch {attributes}>{inner}</fetch>").execute()


def _of_mine(attribute=None, operator=None, value=None):
    """A filter for this area's accounts, and one condition more."""
    more = ""
    if attribute:
        given = "" if value is None else f" value='{value}'"
        more = f"<condition attribute='{attribute}' operator='{operator}'{given}/>"
    return f"<filter><condition attribute='name' operator='like' value='{_NAME}%'/>{more}</filter>"


def attributes_and_conditions(client):
    rows = _fetch(
        client,
        f"<entity name='account'><attribute name='name'/>{_of_mine('numberofemployees', 'ge', 9)}"
        "<order attribute='name' descending='true'/></entity>",
    )
    equal("rows", [row["name"][-2:] for row in rows], ["10", "09"])
    equal("columns", sorted(rows[0].keys()), ["accountid", "name"])


def or_filters_and_operators(client):
    rows = _fetch(
        client,
        f"<entity name='account'><attribute name='name'/>{_of_mine()}<filter type='or'>"
        "<condition attribute='numberofemployees' operator='in'><value>1</value><value>2</value></condition>"
        "<condition attribute='numberofemployees' operator='between'><value>5</value><value>6</value></condition>"
        "</filter><order attribute='name'/></entity>",
    )
    equal("rows", [row["name"][-2:] for row in rows], ["01", "02", "05", "06"])


def nulls(client):
    rows = _fetch(
        client,
        f"<entity name='account'><attribute name='name'/>{_of_mine('telephone1', 'null')}</entity>",
    )
    equal("null", len(rows), 11)
    rows = _fetch(
        client,
        f"<entity name='account'><attribute name='name'/>{_of_mine('telephone1', 'not-null')}</entity>",
    )
    equal("not-null", len(rows), 0)


def top(client):
    rows = _fetch(
        client,
        f"<entity name='account'><attribute name='name'/>{_of_mine()}<order attribute='name'/></entity>",
        "top='3'",
    )
    equal("three", [row["name"][-2:] for row in rows], ["00", "01", "02"])


def inner_and_outer_links(client):
    link = (
        "<link-entity name='contact' from='parentcustomerid' to='accountid' alias='c' link-type='{}'>"
        "<attribute name='firstname'/><order attribute='firstname'/></link-entity>"
    )
    body = f"<entity name='account'><attribute name='name'/>{_of_mine()}<order attribute='name'/>"
    rows = _fetch(client, body + link.format("inner") + "</entity>")
    equal("inner", sorted(row["c.firstname"] for row in rows), ["Ada", "Bea"])
    rows = _fetch(client, body + link.format("outer") + "</entity>")
    equal("outer keeps the others", len(rows), 12)


def aggregates(client):
    rows = _fetch(
        client,
        f"<entity name='account'><attribute name='numberofemployees' alias='total' aggregate='sum'/>"
        f"<attribute name='accountid' alias='n' aggregate='count'/>{_of_mine()}</entity>",
        "aggregate='true'",
    )
    equal("sum and count", (rows[0]["total"], rows[0]["n"]), (55, 11))


def pages_by_cookie(client):
    _rows(client)
    xml = (
        f"<fetch count='4'><entity name='account'><attribute name='name'/>{_of_mine()}"
        "<order attribute='name'/></entity></fetch>"
    )
    pages = list(client.query.fetchxml(xml).execute_pages())
    equal("sizes", [len(page) for page in pages], [4, 4, 3])
    names = [row["name"][-2:] for page in pages for row in page]
    equal("once each, in order", names, [f"{number:02}" for number in range(11)])
    equal("execute follows them too", len(client.query.fetchxml(xml).execute()), 11)


def a_page_in_the_middle(client):
    rows = _fetch(
        client,
        f"<entity name='account'><attribute name='name'/>{_of_mine()}<order attribute='name'/></entity>",
        "count='4' page='3'",
    )
    equal("the third", [row["name"][-2:] for row in rows], ["08", "09", "10"])


def refusals(client):
    refused(
        "an undeclared column",
        400,
        "0x80041103",
        lambda: _fetch(client, "<entity name='account'><attribute name='nosuchcolumn'/></entity>"),
    )
    refused(
        "an operator that is none",
        400,
        None,
        lambda: _fetch(
            client,
            "<entity name='account'><filter><condition attribute='name' operator='resembles' value='x'/></filter></entity>",
        ),
    )
    raises("not XML", ValidationError, "well-formed", lambda: client.query.fetchxml("<fetch>"))
    raises("no entity", ValueError, "entity", lambda: client.query.fetchxml("<fetch/>"))
    raises("empty", ValidationError, "empty", lambda: client.query.fetchxml(" "))
