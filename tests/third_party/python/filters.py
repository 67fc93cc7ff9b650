"""Every operator of the SDK's filter language, against rows whose answer is known."""

import datetime
from uuid import UUID

from PowerPlatform.Dataverse.models import filters
from PowerPlatform.Dataverse.models.filters import col, raw
from support import equal, make, mark

_PREFIX = mark("f")
_CITIES = ["Lyon", "Oslo", "Rome", None]


def _rows(client):
    if client.records.list("account", filter=f"startswith(name,'{_PREFIX}')", top=1):
        return
    make(
        client,
        "account",
        [
            {
                "name": f"{_PREFIX} {letter}",
                "numberofemployees": (index + 1) * 10,
                "address1_city": _CITIES[index],
                "revenue": (index + 1) * 1000.5,
                "creditonhold": index == 3,
                "customertypecode": index + 1,
            }
            for index, letter in enumerate("abcd")
        ],
    )


def _letters(client, expression):
    _rows(client)
    rows = client.records.list(
        "account",
        filter=col("name").startswith(_PREFIX) & expression,
        select=["name"],
        orderby=["name"],
    )
    return "".join(row["name"][-1] for row in rows)


def comparisons(client):
    staff = col("numberofemployees")
    equal("==", _letters(client, staff == 20), "b")
    equal("!=", _letters(client, staff != 20), "acd")
    equal(">", _letters(client, staff > 20), "cd")
    equal(">=", _letters(client, staff >= 20), "bcd")
    equal("<", _letters(client, staff < 20), "a")
    equal("<=", _letters(client, staff <= 20), "ab")
    equal("decimals", _letters(client, col("revenue") > 2001.0), "cd")
    equal("booleans", _letters(client, col("creditonhold") == True), "d")  # noqa: E712
    equal("choices", _letters(client, col("customertypecode") == 3), "c")


def nulls(client):
    equal("is_null", _letters(client, col("address1_city").is_null()), "d")
    equal("is_not_null", _letters(client, col("address1_city").is_not_null()), "abc")
    equal("== None", _letters(client, col("address1_city") == None), "d")  # noqa: E711


def sets_and_ranges(client):
    city, staff = col("address1_city"), col("numberofemployees")
    equal("in_", _letters(client, city.in_(["Lyon", "Rome"])), "ac")
    equal("not_in", _letters(client, staff.not_in([10, 20])), "cd")
    equal("in_ of numbers", _letters(client, staff.in_([10, 40])), "ad")
    equal("between", _letters(client, staff.between(20, 30)), "bc")
    equal("not_between", _letters(client, staff.not_between(20, 30)), "ad")


def text(client):
    city = col("address1_city")
    equal("contains", _letters(client, city.contains("o")), "abc")
    equal("startswith", _letters(client, city.startswith("Ly")), "a")
    equal("endswith", _letters(client, city.endswith("me")), "c")
    equal("like", _letters(client, city.like("%sl%")), "b")
    equal("not_like", _letters(client, city.like("L%") | city.not_like("R%")), "abd")
    equal("case does not matter", _letters(client, city == "LYON"), "a")


def logic(client):
    city, staff = col("address1_city"), col("numberofemployees")
    equal("and", _letters(client, (city == "Oslo") & (staff == 20)), "b")
    equal("or", _letters(client, (city == "Oslo") | (staff == 40)), "bd")
    equal("not", _letters(client, ~(staff > 20)), "ab")
    equal(
        "raw",
        _letters(client, raw("(numberofemployees eq 10 or address1_city eq 'Rome')")),
        "abcd"[0::2],
    )


def dates_and_ids(client):
    _rows(client)
    hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    equal("a time", _letters(client, col("createdon") > hour_ago), "abcd")
    row = client.records.list("account", filter=f"name eq '{_PREFIX} b'", select=["accountid"])[0]
    equal("an id", _letters(client, raw(f"accountid eq {row['accountid']}")), "b")
    equal("an id by value", _letters(client, col("accountid") == UUID(row["accountid"])), "b")


def quotes_and_signs(client):
    for name in ["O'Brien & Sons", "a+b=c", "50% off", "x/y?z#1", "Ærø"]:
        client.records.create("account", {"name": name, "description": _PREFIX})
        rows = client.records.list(
            "account", filter=(col("name") == name) & col("description").contains(_PREFIX)
        )
        equal(name, [row["name"] for row in rows], [name])


def wildcards_and_columns(client):
    equal("a pattern", _letters(client, raw("startswith(address1_city,'[LR]')")), "ac")
    equal("column against column", _letters(client, raw("createdon le modifiedon")), "abcd")


def query_functions(client):
    namespace = "Microsoft.Dynamics.CRM"
    equal(
        "between",
        _letters(
            client,
            raw(
                f'{namespace}.Between(PropertyName=\'numberofemployees\',PropertyValues=["10","20"])'
            ),
        ),
        "ab",
    )
    equal("today", _letters(client, raw(f"{namespace}.Today(PropertyName='createdon')")), "abcd")
    equal(
        "last hours",
        _letters(client, raw(f"{namespace}.LastXHours(PropertyName='createdon',PropertyValue=2)")),
        "abcd",
    )
    equal(
        "older than",
        _letters(
            client, raw(f"{namespace}.OlderThanXHours(PropertyName='createdon',PropertyValue=2)")
        ),
        "",
    )
    equal(
        "the caller",
        _letters(client, raw(f"{namespace}.EqualUserId(PropertyName='ownerid')")),
        "abcd",
    )


def the_older_functions(client):
    staff = "numberofemployees"
    for what, expression, letters in [
        ("eq", filters.eq(staff, 20), "b"),
        ("ne", filters.ne(staff, 20), "acd"),
        ("gt", filters.gt(staff, 20), "cd"),
        ("ge", filters.ge(staff, 20), "bcd"),
        ("lt", filters.lt(staff, 20), "a"),
        ("le", filters.le(staff, 20), "ab"),
        ("contains", filters.contains("address1_city", "sl"), "b"),
        ("startswith", filters.startswith("address1_city", "Os"), "b"),
        ("endswith", filters.endswith("address1_city", "lo"), "b"),
        ("between", filters.between(staff, 20, 30), "bc"),
        ("not_between", filters.not_between(staff, 20, 30), "ad"),
        ("is_null", filters.is_null("address1_city"), "d"),
        ("is_not_null", filters.is_not_null("address1_city"), "abc"),
        ("filter_in", filters.filter_in(staff, [10]), "a"),
        ("not_in", filters.not_in(staff, [10]), "bcd"),
    ]:
        equal(what, _letters(client, expression), letters)
