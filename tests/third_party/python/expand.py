"""$expand through records.retrieve, records.list and the builder: single, collection, nested, refused."""

from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.query_builder import ExpandOption
from support import equal, make, mark, refused, true

_NAME = mark("x")


def _account(client):
    """An account with a primary contact and three contacts."""
    found = client.records.list("account", filter=f"name eq '{_NAME}'", select=["name"]).first()
    if found:
        return found["accountid"]
    account = client.records.create("account", {"name": _NAME})
    contacts = make(
        client,
        "contact",
        [
            {
                "firstname": first,
                "lastname": _NAME,
                "parentcustomerid_account@odata.bind": f"/accounts({account})",
            }
            for first in ["Ada", "Bea", "Cy"]
        ],
    )
    client.records.update(
        "account", account, {"primarycontactid@odata.bind": f"/contacts({contacts[1]})"}
    )
    return account


def a_single_row(client):
    row = client.records.retrieve(
        "account",
        _account(client),
        select=["name"],
        expand=["primarycontactid($select=firstname,lastname)"],
    )
    contact = row["primarycontactid"]
    equal("the contact", (contact["firstname"], contact["lastname"]), ("Bea", _NAME))
    true("its key", "contactid" in contact, contact)
    true("nothing else of it", "jobtitle" not in contact, contact)


def a_lookup_that_is_empty(client):
    account = client.records.create("account", {"name": "Empty"})
    row = client.records.retrieve(
        "account", account, select=["name"], expand=["primarycontactid($select=fullname)"]
    )
    equal("null", row["primarycontactid"], None)


def a_collection(client):
    row = client.records.retrieve(
        "account",
        _account(client),
        select=["name"],
        expand=["contact_customer_accounts($select=firstname;$orderby=firstname desc;$top=2)"],
    )
    names = [contact["firstname"] for contact in row["contact_customer_accounts"]]
    equal("ordered and cut", names, ["Cy", "Bea"])


def a_collection_filtered(client):
    row = client.records.retrieve(
        "account",
        _account(client),
        expand=["contact_customer_accounts($select=firstname;$filter=firstname eq 'Ada')"],
    )
    names = [contact["firstname"] for contact in row["contact_customer_accounts"]]
    equal("filtered", names, ["Ada"])


def in_a_list(client):
    _account(client)
    row = client.records.list(
        "account",
        filter=f"name eq '{_NAME}'",
        select=["name"],
        expand=[
            "primarycontactid($select=firstname)",
            "contact_customer_accounts($select=firstname)",
        ],
    ).first()
    equal("single", row["primarycontactid"]["firstname"], "Bea")
    equal("collection", len(row["contact_customer_accounts"]), 3)


def with_the_builder(client):
    _account(client)
    row = (
        client.query.builder("account")
        .select("name")
        .where(col("name") == _NAME)
        .expand(
            "primarycontactid",
            ExpandOption("contact_customer_accounts")
            .select("firstname")
            .filter("firstname ne 'Ada'")
            .order_by("firstname")
            .top(1),
        )
        .execute()
        .first()
    )
    equal("whole contact", row["primarycontactid"]["fullname"], f"Bea {_NAME}")
    names = [contact["firstname"] for contact in row["contact_customer_accounts"]]
    equal("all options", names, ["Bea"])


def nested(client):
    account = _account(client)
    row = client.records.list(
        "contact",
        filter=f"_parentcustomerid_value eq {account} and firstname eq 'Ada'",
        select=["firstname"],
        expand=[
            "parentcustomerid_account($select=name;$expand=primarycontactid($select=firstname))"
        ],
    ).first()
    outer = row["parentcustomerid_account"]
    equal("the account", outer["name"], _NAME)
    equal("its contact", outer["primarycontactid"]["firstname"], "Bea")


def lambdas_and_paths(client):
    account = _account(client)
    rows = client.records.list(
        "account",
        filter=f"contact_customer_accounts/any(c:c/firstname eq 'Cy' and c/lastname eq '{_NAME}')",
        select=["name"],
    )
    equal("any", [row["accountid"] for row in rows], [account])
    rows = client.records.list(
        "account",
        filter=f"name eq '{_NAME}' and contact_customer_accounts/all(c:c/firstname eq 'Cy')",
    )
    equal("all", len(rows), 0)
    rows = client.records.list(
        "account", filter=f"primarycontactid/lastname eq '{_NAME}'", select=["name"]
    )
    equal("through a lookup", [row["accountid"] for row in rows], [account])


def refusals(client):
    account = _account(client)
    refused(
        "an undeclared navigation property",
        400,
        None,
        lambda: client.records.retrieve("account", account, expand=["nosuchproperty"]),
    )
    refused(
        "an undeclared column in it",
        400,
        None,
        lambda: client.records.retrieve(
            "account", account, expand=["primarycontactid($select=nope)"]
        ),
    )
    refused(
        "$ref on a collection",
        400,
        "0x80060888",
        lambda: client.records.retrieve(
            "account", account, expand=["contact_customer_accounts/$ref"]
        ),
    )
    error = refused(
        "$top on a lookup",
        400,
        "0x80060888",
        lambda: client.records.retrieve("account", account, expand=["primarycontactid($top=1)"]),
    )
    true("says what is allowed", error and "$select and $filter" in error.message, error)
