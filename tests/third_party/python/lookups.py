"""Lookups through @odata.bind: by id and by key, polymorphic, missing, cleared; and deep insert."""

from support import equal, mark, new_id, refused, true


def bind_and_read(client):
    contact = client.records.create("contact", {"firstname": "Ada", "lastname": mark("bind")})
    account = client.records.create(
        "account", {"name": "Bound", "primarycontactid@odata.bind": f"/contacts({contact})"}
    )
    row = client.records.retrieve("account", account, select=["_primarycontactid_value"])
    equal("the lookup's value", row["_primarycontactid_value"], contact)
    client.records.update("account", account, {"primarycontactid@odata.bind": None})
    row = client.records.retrieve("account", account, select=["_primarycontactid_value"])
    equal("cleared", row["_primarycontactid_value"], None)


def lookup_annotations(client):
    contact = client.records.create("contact", {"firstname": "Ada", "lastname": "Annotated"})
    account = client.records.create(
        "account", {"name": "Annotated", "primarycontactid@odata.bind": f"/contacts({contact})"}
    )
    row = client.records.retrieve(
        "account", account, select=["_primarycontactid_value"], include_annotations="*"
    )
    prefix = "_primarycontactid_value@"
    equal(
        "formatted value",
        row[f"{prefix}OData.Community.Display.V1.FormattedValue"],
        "Ada Annotated",
    )
    equal("table", row[f"{prefix}Microsoft.Dynamics.CRM.lookuplogicalname"], "contact")
    equal(
        "navigation",
        row[f"{prefix}Microsoft.Dynamics.CRM.associatednavigationproperty"],
        "primarycontactid",
    )


def bind_without_a_slash_and_in_full(client):
    contact = client.records.create("contact", {"lastname": mark("slash")})
    for form in [f"contacts({contact})", f"{client._base_url}/api/data/v9.2/contacts({contact})"]:
        account = client.records.create(
            "account", {"name": "Form", "primarycontactid@odata.bind": form}
        )
        row = client.records.retrieve("account", account, select=["_primarycontactid_value"])
        equal(form.split("(")[0], row["_primarycontactid_value"], contact)


def bind_by_alternate_key(client):
    number = mark("k")[:20]
    account = client.records.create("account", {"name": "Keyed", "accountnumber": number})
    contact = client.records.create(
        "contact",
        {
            "lastname": "Keyed",
            "parentcustomerid_account@odata.bind": f"/accounts(accountnumber='{number}')",
        },
    )
    row = client.records.retrieve("contact", contact, select=["_parentcustomerid_value"])
    equal("resolved to the id", row["_parentcustomerid_value"], account)
    refused(
        "a key without a row",
        404,
        "0x80060891",
        lambda: client.records.create(
            "contact",
            {
                "lastname": "x",
                "parentcustomerid_account@odata.bind": "/accounts(accountnumber='no-such')",
            },
        ),
    )


def bind_to_nothing(client):
    missing = new_id()
    error = refused(
        "a missing row",
        404,
        "0x80040217",
        lambda: client.records.create(
            "account", {"name": "x", "primarycontactid@odata.bind": f"/contacts({missing})"}
        ),
    )
    true("the refusal names the id", error and missing in error.message, error)
    refused(
        "a set that is not there",
        400,
        "0x80060888",
        lambda: client.records.create(
            "account", {"name": "x", "primarycontactid@odata.bind": f"/contact({missing})"}
        ),
    )


def a_ticket_needs_its_customer(client):
    account = client.records.create("account", {"name": mark("customer")})
    contact = client.records.create("contact", {"lastname": mark("customer")})
    ticket = client.records.create(
        "incident",
        {"title": "Printer on fire", "customerid_account@odata.bind": f"/accounts({account})"},
    )
    row = client.records.retrieve("incident", ticket, select=["title", "_customerid_value"])
    equal("an account", row["_customerid_value"], account)
    client.records.update(
        "incident", ticket, {"customerid_contact@odata.bind": f"/contacts({contact})"}
    )
    row = client.records.retrieve(
        "incident", ticket, select=["_customerid_value"], include_annotations="*"
    )
    equal("now a contact", row["_customerid_value"], contact)
    equal(
        "of that table",
        row["_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"],
        "contact",
    )
    refused(
        "no customer", 400, None, lambda: client.records.create("incident", {"title": "Nobody's"})
    )
    refused(
        "the bare lookup name",
        400,
        "0x80048d19",
        lambda: client.records.create(
            "incident", {"title": "x", "customerid@odata.bind": f"/accounts({account})"}
        ),
    )


def owner_is_a_user_or_a_team(client):
    team = client.records.list("team", select=["teamid", "name"], top=1).first()
    account = client.records.create(
        "account", {"name": "Owned", "ownerid@odata.bind": f"/teams({team['teamid']})"}
    )
    row = client.records.retrieve("account", account, select=["_ownerid_value"])
    equal("the team", row["_ownerid_value"], team["teamid"])


def money_brings_its_currency(client):
    currency = client.records.list(
        "transactioncurrency", filter="isocurrencycode eq 'USD'", select=["currencyname"]
    ).first()
    account = client.records.create("account", {"name": mark("money"), "revenue": 12.5})
    row = client.records.retrieve("account", account, select=["revenue"])
    equal("the amount", row["revenue"], 12.5)
    equal(
        "the base currency comes along",
        row.get("_transactioncurrencyid_value"),
        currency["transactioncurrencyid"],
    )


def deep_insert(client):
    last = mark("deep")
    account = client.records.create(
        "account",
        {
            "name": last,
            "primarycontactid": {"firstname": "First", "lastname": last},
            "contact_customer_accounts": [{"lastname": f"{last}-1"}, {"lastname": f"{last}-2"}],
        },
    )
    row = client.records.retrieve("account", account, select=["_primarycontactid_value"])
    primary = client.records.retrieve("contact", row["_primarycontactid_value"])
    equal("the nested contact", primary["fullname"], f"First {last}")
    children = client.records.list(
        "contact", filter=f"_parentcustomerid_value eq {account}", orderby=["lastname"]
    )
    equal("both children", [row["lastname"] for row in children], [f"{last}-1", f"{last}-2"])


def deep_insert_is_all_or_nothing(client):
    name = mark("deepfail")
    refused(
        "a nested row that is wrong",
        400,
        "0x80044331",
        lambda: client.records.create(
            "account", {"name": name, "primarycontactid": {"lastname": "x" * 51}}
        ),
    )
    equal("nothing stayed", len(client.records.list("account", filter=f"name eq '{name}'")), 0)
