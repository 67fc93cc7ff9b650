"""What the SDK puts on the wire (contract 16), as the emulator's log has it, and what it needs back."""

import json

from PowerPlatform.Dataverse.core.config import OperationContext
from support import connect, equal, forget, http, make, mark, new_id, received, true


def each_table_is_resolved_once(_client):
    with connect() as client:
        forget()
        client.records.create("account", {"name": "One"})
        client.records.create("account", {"name": "Two"})
        paths = [entry["path"] for entry in received()]
        definitions = [path for path in paths if "EntityDefinitions" in path]
        equal("one for the set, one for the picklists", len(definitions), 2)
        true("the cast", "PicklistAttributeMetadata" in definitions[1], definitions)
        equal("two creates", len(paths), 4)


def the_entity_id_header(_client):
    body = {"accountid": new_id(), "name": "Header"}
    status, headers, text = http("POST", "/api/data/v9.2/accounts", body)
    equal("204 and no body", (status, text), (204, ""))
    true("ends with the key", headers["OData-EntityId"].endswith(f"/accounts({body['accountid']})"))
    status, headers, text = http(
        "PATCH", f"/api/data/v9.2/accounts(accountnumber='{mark('e')[:20]}')", {"name": "Key form"}
    )
    true(
        "an upsert by key echoes the key",
        "accountnumber=" in headers["OData-EntityId"],
        headers["OData-EntityId"],
    )


def every_answer_has_the_headers(_client):
    for path in ["WhoAmI", "accounts?$top=1", f"accounts({new_id()})"]:
        _, headers, _ = http("GET", f"/api/data/v9.2/{path}")
        equal(f"{path}: OData-Version", headers["OData-Version"], "4.0")
        for name in ["x-ms-service-request-id", "REQ_ID", "x-ms-dop-hint"]:
            true(f"{path}: {name}", headers[name], dict(headers))


def a_plus_is_a_space_in_the_query(client):
    name = mark("a b")
    client.records.create("account", {"name": name})
    plus = f"name+eq+'{name.replace(' ', '+')}'"
    _, _, text = http("GET", f"/api/data/v9.2/accounts?%24filter={plus.replace(chr(39), '%27')}")
    equal("found", [row["name"] for row in json.loads(text)["value"]], [name])


def not_modified(client):
    account = client.records.create("account", {"name": "Etag"})
    etag = client.records.retrieve("account", account, select=["name"]).etag
    path = f"/api/data/v9.2/accounts({account})?$select=name"
    status, _, text = http("GET", path, headers={"If-None-Match": etag})
    equal("304 without a body", (status, text), (304, ""))
    client.records.update("account", account, {"name": "Changed"})
    status, _, _ = http("GET", path, headers={"If-None-Match": etag})
    equal("then 200", status, 200)
    status, _, _ = http("GET", path, headers={"If-None-Match": "null"})
    equal("null is no condition", status, 200)


def links_begin_as_the_client_was_told(client):
    make(client, "account", [{"name": mark("l")} for _ in range(2)])
    _, _, text = http(
        "GET", "/api/data/v9.2/accounts?$select=name", headers={"Prefer": "odata.maxpagesize=1"}
    )
    link = json.loads(text)["@odata.nextLink"]
    true(
        "same scheme, host and port",
        link.startswith(f"{client._base_url}/api/data/v9.2/accounts?"),
        link,
    )


def the_user_agent(_client):
    forget()
    with connect(context=OperationContext("app=checks/1.0")) as client:
        equal("a context changes nothing", len(client.records.list("account", top=1)), 1)
