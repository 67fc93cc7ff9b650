"""client.tables: alternate keys made, built by the service, used and deleted."""

from support import GUID, advance, equal, mark, raises, refused, true


def _states(client, name):
    keys = client.tables.get_alternate_keys("contact")
    return [(key.status, key.key_attributes) for key in keys if key.schema_name == name]


def the_key_that_is_there(client):
    keys = client.tables.get_alternate_keys("account")
    numbers = [key for key in keys if key.key_attributes == ["accountnumber"]]
    equal("one", len(numbers), 1)
    equal("active", numbers[0].status, "Active")
    true("an id", GUID.match(numbers[0].metadata_id), numbers[0].metadata_id)


def a_life_of_a_key(client):
    made = client.tables.create_alternate_key(
        "contact", "new_mailkey", ["emailaddress1"], display_name="E-mail"
    )
    equal("pending", made.status, "Pending")
    true("an id", made.metadata_id and GUID.match(made.metadata_id), made.metadata_id)
    state = _states(client, "new_mailkey")
    equal("listed", [columns for _, columns in state], [["emailaddress1"]])
    true("not active yet", state[0][0] in ("Pending", "InProgress"), state)
    for _ in range(20):
        advance(30)
        if _states(client, "new_mailkey")[0][0] == "Active":
            break
    equal("active in the end", _states(client, "new_mailkey")[0][0], "Active")
    mail = f"{mark('mail')}@example.com"
    contact = client.records.create("contact", {"lastname": "Keyed", "emailaddress1": mail})
    row = client.records.retrieve("contact", f"emailaddress1='{mail}'", select=["lastname"])
    equal("it finds", row and row["contactid"], contact)
    refused(
        "it is unique",
        412,
        "0x80060892",
        lambda: client.records.create("contact", {"lastname": "x", "emailaddress1": mail}),
    )
    client.tables.delete_alternate_key("contact", made.metadata_id)
    equal("deleted", _states(client, "new_mailkey"), [])
    client.records.create("contact", {"lastname": "Twice", "emailaddress1": mail})
    rows = client.records.list("contact", filter=f"emailaddress1 eq '{mail}'")
    equal("no longer unique", len(rows), 2)


def refusals(client):
    refused(
        "a column that is not there",
        400,
        None,
        lambda: client.tables.create_alternate_key("contact", "new_bad", ["nosuchcolumn"]),
    )
    refused(
        "a name that is taken",
        400,
        None,
        lambda: client.tables.create_alternate_key("account", "account_number_key", ["name"]),
    )
    from PowerPlatform.Dataverse.core.errors import MetadataError

    raises(
        "a table that is not there",
        MetadataError,
        "not found",
        lambda: client.tables.get_alternate_keys("nosuchtable"),
    )
