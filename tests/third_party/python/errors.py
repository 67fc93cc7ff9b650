"""What a user sees of a service that refuses: 401, 403, 429, 5xx, a cut connection."""

from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.config import DataverseConfig
from PowerPlatform.Dataverse.core.errors import ValidationError
from support import (
    GUID,
    URL,
    Credential,
    arm,
    connect,
    disarm,
    equal,
    forget,
    new_id,
    raises,
    received,
    refused,
    true,
)


def a_wrong_token(_client):
    with connect(token="wrong") as client:
        error = refused("401", 401, None, lambda: client.records.list("account", top=1))
        true("not worth a retry", error and not error.is_transient)


def request_ids(client):
    error = refused(
        "404", 404, "0x80040217", lambda: client.records.update("account", new_id(), {"name": "x"})
    )
    details = error.details
    true("the service's request id", GUID.match(details.get("service_request_id") or ""), details)
    true("ours", GUID.match(details.get("client_request_id") or ""), details)
    equal("a subcode", error.subcode, "http_404")
    true("the message is the service's", "Does Not Exist" in error.message, error.message)
    equal("from the server", error.source, "server")


def throttled(client):
    client.records.list("account", top=1)
    arm({"count": 1, "status": 429, "retry_after": 7, "code": "0x80072322"})
    error = refused("429", 429, "0x80072322", lambda: client.records.list("account", top=1))
    disarm()
    equal("Retry-After", error and error.details.get("retry_after"), 7)
    true("worth a retry", error and error.is_transient)
    equal("then it works", len(client.records.list("account", top=1)), 1)


def unavailable(client):
    client.records.list("account", top=1)
    for status in (502, 503, 504):
        arm({"count": 1, "status": status})
        error = refused(str(status), status, None, lambda: client.records.list("account", top=1))
        true(f"{status} is worth a retry", error and error.is_transient)
    disarm()


def a_cut_connection_is_retried(_client):
    config = DataverseConfig(http_backoff=0.01)
    with DataverseClient(URL, Credential(), config) as client:
        client.records.list("account", top=1)
        forget()
        arm({"count": 1, "reset": "before"})
        rows = client.records.list("account", select=["name"], top=1)
        disarm()
        equal("the SDK tried again", len(rows), 1)
        lists = [entry for entry in received() if "/accounts" in entry["path"]]
        equal("twice on the wire", len(lists), 2)


def a_cut_create_may_have_worked(_client):
    config = DataverseConfig(http_backoff=0.01)
    account = new_id()
    with DataverseClient(URL, Credential(), config) as client:
        client.records.create("account", {"name": "Warm"})
        arm({"count": 1, "reset": "after", "method": "POST"})
        refused(
            "the retry meets the row",
            412,
            "0x80040237",
            lambda: client.records.create("account", {"accountid": account, "name": "Once"}),
        )
        disarm()
        equal("it is there", client.records.retrieve("account", account)["name"], "Once")


def the_client_itself(client):
    raises(
        "plain http", ValueError, "https", lambda: DataverseClient("http://127.0.0.1", Credential())
    )
    raises("no address", ValueError, "required", lambda: DataverseClient("", Credential()))
    raises(
        "an old method",
        AttributeError,
        "client.records.create",
        lambda: client.create("account", {}),
    )
    raises("an unknown cache", ValidationError, "unsupported", lambda: client.flush_cache("rows"))
    closed = connect()
    closed.close()
    raises("closed", RuntimeError, "closed", lambda: closed.records.list("account"))
    credential = Credential()
    with DataverseClient(f"{URL}/", credential) as other:
        other.records.list("account", top=1)
    equal("the scope of the environment", set(credential.scopes), {f"{URL}/.default"})
