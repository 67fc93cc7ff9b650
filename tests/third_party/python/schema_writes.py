"""Writing tables, columns, relationships and files is outside of the emulator: 501, and nothing changed."""

import os
import tempfile

from PowerPlatform.Dataverse.models.labels import Label, LocalizedLabel
from PowerPlatform.Dataverse.models.relationship import (
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
)
from support import equal, new_id, unsupported

_DEFINITIONS = "metadata|EntityDefinitions|RelationshipDefinitions"


def tables(client):
    unsupported(
        "create", "CreateEntities", lambda: client.tables.create("new_Thing", {"new_Size": "int"})
    )
    equal("not made", client.tables.get("new_thing"), None)
    unsupported("delete", _DEFINITIONS, lambda: client.tables.delete("contact"))
    equal("still there", client.tables.get("contact").entity_set_name, "contacts")


def columns(client):
    unsupported(
        "add", _DEFINITIONS, lambda: client.tables.add_columns("account", {"new_Size": "int"})
    )
    unsupported(
        "remove", _DEFINITIONS, lambda: client.tables.remove_columns("account", ["telephone1"])
    )
    unsupported(
        "update",
        _DEFINITIONS,
        lambda: client.tables.update_column("account", "telephone1", {"max_length": 99}),
    )
    unsupported(
        "update several",
        _DEFINITIONS,
        lambda: client.tables.update_columns("account", {"telephone1": {"max_length": 99}}),
    )
    column = client.tables.get_column("account", "telephone1", typed=True)
    equal("unchanged", column["MaxLength"], 50)


def relationships(client):
    label = Label(localized_labels=[LocalizedLabel(label="Account", language_code=1033)])
    lookup = LookupAttributeMetadata(schema_name="new_AccountId", display_name=label)
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
    unsupported(
        "one to many",
        _DEFINITIONS,
        lambda: client.tables.create_one_to_many_relationship(lookup, one),
    )
    unsupported(
        "many to many", _DEFINITIONS, lambda: client.tables.create_many_to_many_relationship(many)
    )
    unsupported(
        "lookup field",
        _DEFINITIONS,
        lambda: client.tables.create_lookup_field("contact", "new_AccountId", "account"),
    )
    unsupported("delete", _DEFINITIONS, lambda: client.tables.delete_relationship(new_id()))


def files(client):
    account = client.records.create("account", {"name": "File"})
    with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as file:
        file.write("text")
    try:
        unsupported(
            "upload",
            _DEFINITIONS,
            lambda: client.files.upload("account", account, "new_document", file.name),
        )
    finally:
        os.unlink(file.name)
