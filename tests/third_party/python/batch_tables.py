"""client.batch.tables: reads that work, writes of metadata that are refused inside a batch."""

from PowerPlatform.Dataverse.models.labels import Label, LocalizedLabel
from PowerPlatform.Dataverse.models.relationship import (
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
)
from support import UNSUPPORTED, equal, new_id, true


def reads(client):
    batch = client.batch.new()
    batch.tables.get("account")
    batch.tables.list(filter="LogicalName eq 'contact'", select=["LogicalName", "EntitySetName"])
    batch.tables.get_relationship("contact_customer_accounts")
    table, tables, relationship = batch.execute().responses
    equal("a table", table.data["value"][0]["EntitySetName"], "accounts")
    equal("a filtered list", [row["LogicalName"] for row in tables.data["value"]], ["contact"])
    equal("a relationship", relationship.data["value"][0]["ReferencingEntity"], "contact")


def _lookup():
    label = Label(localized_labels=[LocalizedLabel(label="Account", language_code=1033)])
    return LookupAttributeMetadata(schema_name="new_AccountId", display_name=label)


def writes(client):
    one = OneToManyRelationshipMetadata(
        schema_name="new_account_contact",
        referenced_entity="account",
        referencing_entity="contact",
        referenced_attribute="accountid",
    )
    many = ManyToManyRelationshipMetadata(
        schema_name="new_account_contact_many",
        entity1_logical_name="account",
        entity2_logical_name="contact",
    )
    for what, add in [
        ("create", lambda tables: tables.create("new_Thing", {"new_Size": "int"})),
        ("delete", lambda tables: tables.delete("account")),
        ("add_columns", lambda tables: tables.add_columns("account", {"new_Size": "int"})),
        ("remove_columns", lambda tables: tables.remove_columns("account", "telephone1")),
        (
            "create_one_to_many_relationship",
            lambda tables: tables.create_one_to_many_relationship(_lookup(), one),
        ),
        (
            "create_many_to_many_relationship",
            lambda tables: tables.create_many_to_many_relationship(many),
        ),
        (
            "create_lookup_field",
            lambda tables: tables.create_lookup_field("contact", "new_AccountId", "account"),
        ),
        ("delete_relationship", lambda tables: tables.delete_relationship(new_id())),
    ]:
        batch = client.batch.new()
        add(batch.tables)
        part = batch.execute(continue_on_error=True).responses[0]
        equal(what, (part.status_code, part.error_code), (501, UNSUPPORTED))
    true("account is still there", client.tables.get("account") is not None)
