"""The async client: the same namespaces over another HTTP stack, many calls at once."""

import asyncio

import pandas as pd
from PowerPlatform.Dataverse.aio.async_client import AsyncDataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.filters import col
from PowerPlatform.Dataverse.models.labels import Label, LocalizedLabel
from PowerPlatform.Dataverse.models.relationship import (
    LookupAttributeMetadata,
    ManyToManyRelationshipMetadata,
    OneToManyRelationshipMetadata,
)
from PowerPlatform.Dataverse.models.upsert import UpsertItem
from support import GUID, TOKEN, UNSUPPORTED, URL, advance, equal, mark, new_id, true


class _Credential:
    async def get_token(self, *_scopes, **_):
        from azure.core.credentials import AccessToken

        return AccessToken(TOKEN, 4102444800)

    async def close(self):
        pass

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass


def _with_client(work):
    async def run():
        async with AsyncDataverseClient(URL, _Credential()) as client:
            await work(client)

    asyncio.run(run())


async def _refused(what, status, code, call):
    try:
        result = await call
    except HttpError as error:
        seen = (error.status_code, error.details.get("service_error_code"))
        equal(f"{what} ({error.message})", seen, (status, code))
        return
    true(what, False, result)


def records(_client):
    async def work(client):
        name = mark("aio")
        account = await client.records.create("account", {"name": name, "telephone1": "1"})
        true("id", GUID.match(account), account)
        row = await client.records.retrieve("account", account, select=["name"])
        equal("read", row["name"], name)
        await client.records.update("account", account, {"telephone1": "2"})
        row = await client.records.retrieve("account", account, select=["telephone1"])
        equal("updated", row["telephone1"], "2")
        many = await client.records.create("account", [{"name": name} for _ in range(3)])
        equal("many", len(many), 3)
        await client.records.update("account", many, {"telephone1": "3"})
        rows = await client.records.list(
            "account", filter=f"name eq '{name}' and telephone1 eq '3'"
        )
        equal("many updated", len(rows), 3)
        sizes = [
            len(page)
            async for page in client.records.list_pages(
                "account", filter=f"name eq '{name}'", page_size=3
            )
        ]
        equal("pages", sizes, [3, 1])
        await client.records.delete("account", account)
        equal("deleted", await client.records.retrieve("account", account), None)
        job = await client.records.delete("account", many)
        true("bulk delete", job and GUID.match(job), job)
        await _refused(
            "missing", 404, "0x80040217", client.records.update("account", new_id(), {"name": "x"})
        )

    _with_client(work)


def upsert(_client):
    async def work(client):
        prefix = mark("au")[:14]
        items = [UpsertItem({"accountnumber": f"{prefix}-{i}"}, {"name": prefix}) for i in range(2)]
        await client.records.upsert("account", items[:1])
        await client.records.upsert("account", items)
        equal("two", len(await client.records.list("account", filter=f"name eq '{prefix}'")), 2)

    _with_client(work)


def many_at_once(_client):
    async def work(client):
        name = mark("gather")
        ids = await asyncio.gather(
            *(client.records.create("contact", {"lastname": name}) for _ in range(40))
        )
        equal("forty ids", len(set(ids)), 40)
        rows = await client.records.list(
            "contact", filter=f"lastname eq '{name}'", select=["lastname"]
        )
        equal("forty rows", len(rows), 40)

    _with_client(work)


def queries(_client):
    async def work(client):
        name = mark("aq")
        await client.records.create(
            "account", [{"name": name, "numberofemployees": i} for i in range(5)]
        )
        query = client.query.builder("account").select("name").where(col("name") == name)
        equal("builder", len(await query.execute()), 5)
        sizes = [len(page) async for page in query.page_size(2).execute_pages()]
        equal("pages", sizes, [2, 2, 1])
        rows = await client.query.sql(f"SELECT name FROM account WHERE name = '{name}'")
        equal("sql", len(rows), 5)
        xml = f"<fetch count='2'><entity name='account'><attribute name='name'/><filter><condition attribute='name' operator='eq' value='{name}'/></filter></entity></fetch>"
        equal("fetchxml", len(await client.query.fetchxml(xml).execute()), 5)
        sizes = [len(page) async for page in client.query.fetchxml(xml).execute_pages()]
        equal("fetchxml pages", sizes, [2, 2, 1])
        columns = await client.query.sql_columns("account")
        equal("columns", columns[0]["name"], "accountid")
        expands = await client.query.odata_expands("account")
        true("expands", "primarycontactid" in {row["nav_property"] for row in expands}, expands)

    _with_client(work)


def batches(_client):
    async def work(client):
        name = mark("ab")
        batch = client.batch.new()
        async with batch.changeset() as changes:
            contact = changes.records.create("contact", {"lastname": name})
            changes.records.create(
                "account", {"name": name, "primarycontactid@odata.bind": contact}
            )
        batch.records.list(
            "account", filter=f"name eq '{name}'", select=["_primarycontactid_value"]
        )
        batch.records.update("account", new_id(), {"name": "x"})
        result = await batch.execute(continue_on_error=True)
        equal("statuses", [part.status_code for part in result.responses], [204, 204, 200, 404])
        row = result.responses[2].data["value"][0]
        equal("bound", row["_primarycontactid_value"], result.responses[0].entity_id)

    _with_client(work)


def frames(_client):
    async def work(client):
        name = mark("af")
        ids = await client.dataframe.create(
            "account", pd.DataFrame([{"name": name}, {"name": name}])
        )
        equal("created", len(ids), 2)
        frame = pd.DataFrame({"accountid": list(ids), "telephone1": ["1", "2"]})
        await client.dataframe.update("account", frame, id_column="accountid")
        found = await client.dataframe.sql(f"SELECT telephone1 FROM account WHERE name = '{name}'")
        equal("updated", sorted(found["telephone1"]), ["1", "2"])
        await client.dataframe.delete("account", ids, use_bulk_delete=False)
        equal("deleted", len(await client.records.list("account", filter=f"name eq '{name}'")), 0)

    _with_client(work)


def tables(_client):
    async def work(client):
        equal("get", (await client.tables.get("contact")).entity_set_name, "contacts")
        rows = await client.tables.list(filter="LogicalName eq 'team'", select=["LogicalName"])
        equal("list", [row["LogicalName"] for row in rows], ["team"])
        columns = await client.tables.list_columns("account", filter="LogicalName eq 'name'")
        equal("list_columns", len(columns), 1)
        column = await client.tables.get_column("account", "name", typed=True)
        equal("get_column", column["MaxLength"], 160)
        relationship = await client.tables.get_relationship("contact_customer_accounts")
        equal("get_relationship", relationship.referenced_entity, "account")
        rows = await client.tables.list_relationships(
            filter="SchemaName eq 'contact_customer_accounts'"
        )
        equal("list_relationships", len(rows), 1)
        rows = await client.tables.list_table_relationships("account")
        true("list_table_relationships", len(rows) > 2, len(rows))
        made = await client.tables.create_alternate_key("contact", "new_phonekey", ["mobilephone"])
        advance(600)
        keys = await client.tables.get_alternate_keys("contact")
        equal(
            "alternate keys",
            [k.status for k in keys if k.schema_name == "new_phonekey"],
            ["Active"],
        )
        await client.tables.delete_alternate_key("contact", made.metadata_id)
        keys = await client.tables.get_alternate_keys("contact")
        equal("deleted", [k for k in keys if k.schema_name == "new_phonekey"], [])
        await client.records.create("account", {"name": "x"})
        equal("flush_cache", await client.flush_cache("picklist"), 1)

    _with_client(work)


def writes_of_metadata(_client):
    async def work(client):
        tables = client.tables
        label = Label(localized_labels=[LocalizedLabel(label="Account", language_code=1033)])
        lookup = LookupAttributeMetadata(schema_name="new_AccountId", display_name=label)
        one = OneToManyRelationshipMetadata(
            schema_name="new_one",
            referenced_entity="account",
            referencing_entity="contact",
            referenced_attribute="accountid",
        )
        many = ManyToManyRelationshipMetadata(
            schema_name="new_many", entity1_logical_name="account", entity2_logical_name="contact"
        )
        for what, call in [
            ("create", tables.create("new_Thing", {"new_Size": "int"})),
            ("delete", tables.delete("account")),
            ("add_columns", tables.add_columns("account", {"new_Size": "int"})),
            ("remove_columns", tables.remove_columns("account", "telephone1")),
            ("update_column", tables.update_column("account", "telephone1", {"max_length": 9})),
            ("update_columns", tables.update_columns("account", {"telephone1": {"max_length": 9}})),
            ("one to many", tables.create_one_to_many_relationship(lookup, one)),
            ("many to many", tables.create_many_to_many_relationship(many)),
            ("lookup field", tables.create_lookup_field("contact", "new_AccountId", "account")),
            ("delete_relationship", tables.delete_relationship(new_id())),
            ("upload", client.files.upload("account", new_id(), "new_document", __file__)),
        ]:
            await _refused(what, 501, UNSUPPORTED, call)

    _with_client(work)
