"""client.query.sql: the subset that the SDK documents, and what SDK and service refuse."""

from PowerPlatform.Dataverse.core.errors import MetadataError, ValidationError
from support import equal, make, mark, raises, refused

_NAME = mark("sq")


def _rows(client):
    if client.records.list("account", filter=f"startswith(name,'{_NAME}')", top=1):
        return
    accounts = make(
        client,
        "account",
        [
            {
                "name": f"{_NAME} {number:02}",
                "numberofemployees": number,
                "address1_city": "Lyon" if number % 2 else "Oslo",
            }
            for number in range(8)
        ],
    )
    make(
        client,
        "contact",
        [
            {
                "firstname": "Ada",
                "lastname": _NAME,
                "parentcustomerid_account@odata.bind": f"/accounts({accounts[3]})",
            }
        ],
    )


def _sql(client, sql):
    _rows(client)
    return client.query.sql(sql)


def where_and_order(client):
    rows = _sql(
        client,
        f"SELECT name, numberofemployees FROM account WHERE name LIKE '{_NAME}%' AND numberofemployees >= 6 ORDER BY name DESC",
    )
    equal("rows", [row["name"][-2:] for row in rows], ["07", "06"])
    equal("values", rows[0]["numberofemployees"], 7)


def top(client):
    rows = _sql(client, f"SELECT TOP 3 name FROM account WHERE name LIKE '{_NAME}%' ORDER BY name")
    equal("three", [row["name"][-2:] for row in rows], ["00", "01", "02"])


def operators(client):
    mine = f"SELECT name FROM account WHERE name LIKE '{_NAME}%' AND"
    for what, condition, count in [
        ("IN", "numberofemployees IN (1, 2, 99)", 2),
        ("NOT IN", "numberofemployees NOT IN (1, 2)", 6),
        ("BETWEEN", "numberofemployees BETWEEN 2 AND 4", 3),
        ("IS NULL", "telephone1 IS NULL", 8),
        ("IS NOT NULL", "address1_city IS NOT NULL", 8),
        ("OR", "(numberofemployees = 1 OR address1_city = 'Oslo')", 5),
        ("<>", "address1_city <> 'Oslo'", 4),
    ]:
        equal(what, len(_sql(client, f"{mine} {condition}")), count)


def a_quoted_quote(client):
    client.records.create("account", {"name": f"{_NAME}q O'Hara"})
    rows = _sql(client, f"SELECT name FROM account WHERE name = '{_NAME}q O''Hara'")
    equal("found", len(rows), 1)


def join(client):
    rows = _sql(
        client,
        f"SELECT a.name, c.firstname FROM account a INNER JOIN contact c ON c.parentcustomerid = a.accountid WHERE c.lastname = '{_NAME}'",
    )
    equal("one", [(row["name"][-2:], row["firstname"]) for row in rows], [("03", "Ada")])


def aggregates(client):
    rows = _sql(
        client,
        f"SELECT address1_city, COUNT(*) AS n, SUM(numberofemployees) AS total FROM account WHERE name LIKE '{_NAME} %' GROUP BY address1_city",
    )
    groups = {row["address1_city"]: (row["n"], row["total"]) for row in rows}
    equal("groups", groups, {"Lyon": (4, 16), "Oslo": (4, 12)})


def distinct(client):
    rows = _sql(client, f"SELECT DISTINCT address1_city FROM account WHERE name LIKE '{_NAME} %'")
    equal("cities", sorted(row["address1_city"] for row in rows), ["Lyon", "Oslo"])


def frames(client):
    _rows(client)
    frame = client.dataframe.sql(f"SELECT name FROM account WHERE name LIKE '{_NAME} %'")
    equal("a frame", len(frame), 8)


def the_sdk_refuses(client):
    for what, sql, words in [
        ("a write", "DELETE FROM account", "read-only"),
        ("a star", "SELECT * FROM account", "select *"),
        ("two statements", "SELECT name FROM account; SELECT name FROM contact", "multiple"),
        ("a union", "SELECT name FROM account UNION SELECT fullname FROM contact", "union"),
        (
            "a subquery",
            "SELECT name FROM account WHERE accountid IN (SELECT accountid FROM account)",
            "subqueries",
        ),
        ("nothing", "  ", "non-empty"),
    ]:
        raises(what, ValidationError, words, lambda sql=sql: client.query.sql(sql))
    raises(
        "a table that is not there",
        MetadataError,
        "unable to resolve",
        lambda: client.query.sql("SELECT name FROM nosuchtable"),
    )


def the_service_refuses(client):
    refused(
        "an undeclared column",
        400,
        None,
        lambda: client.query.sql("SELECT nosuchcolumn FROM account"),
    )
    refused("no sense", 400, None, lambda: client.query.sql("SELECT name FROM account WHERE"))
