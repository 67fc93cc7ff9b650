"""What every area uses: the client under test, and the ways to say what a user must see.

A check that fails is written down and the suite goes on, so that one run tells everything.
"""

import json
import os
import re
import ssl
import urllib.error
import urllib.request
import uuid

from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError

URL = os.environ["TANDEM_URL"]
TOKEN = os.environ["TANDEM_TOKEN"]
GUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
UNSUPPORTED = "0x80040315"

checks = 0
failures = []


class Credential:
    """The credential of the SDK's own protocol, with the emulator's token."""

    def __init__(self, token=TOKEN):
        self.token = token
        self.scopes = []

    def get_token(self, *scopes, **_):
        self.scopes.extend(scopes)
        return AccessToken(self.token, 4102444800)


def connect(token=TOKEN, **options):
    return DataverseClient(URL, Credential(token), **options)


def true(what, condition, seen=None):
    global checks
    checks += 1
    if not condition:
        failures.append(f"{what}: saw {seen!r}")


def equal(what, seen, expected):
    true(what, seen == expected, f"{seen!r} instead of {expected!r}")


def refused(what, status, code, call):
    """The call fails with this status and, unless it is None, this error code of the service."""
    try:
        result = call()
    except HttpError as error:
        seen = (error.status_code, error.details.get("service_error_code"))
        expected = (status, seen[1] if code is None else code)
        equal(f"{what} ({error.message})", seen, expected)
        return error
    except Exception as error:  # noqa: BLE001 - whatever else it is, it is not the refusal
        true(what, False, error)
        return None
    true(what, False, f"no refusal but {result!r}")
    return None


def unsupported(what, feature, call):
    """The call is refused with 501, and the refusal names the feature, which is a pattern."""
    error = refused(what, 501, UNSUPPORTED, call)
    if error is not None:
        true(f"{what}: named", re.search(feature, error.message, re.IGNORECASE), error.message)


def raises(what, kind, words, call):
    """The SDK itself refuses, before or after asking the service."""
    try:
        result = call()
    except kind as error:
        true(what, words.lower() in str(error).lower(), error)
        return error
    except Exception as error:  # noqa: BLE001 - the wrong kind of error is a failure of the check
        true(what, False, error)
        return None
    true(what, False, f"no error but {result!r}")
    return None


def make(client, table, rows):
    """Rows that a check needs and does not test: one plain create each; their ids."""
    return [client.records.create(table, row) for row in rows]


def new_id():
    return str(uuid.uuid4())


def mark(area):
    """A prefix that only this run's rows have."""
    return f"{area}-{uuid.uuid4().hex[:8]}"


def http(method, path, body=None, headers=None):
    """A plain request beside the SDK: status, headers and text."""
    request = urllib.request.Request(
        path if path.startswith("http") else f"{URL}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/json",
            **(headers or {}),
        },
    )
    context = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


def arm(fault):
    status, _, text = http("POST", "/emulator/faults", fault)
    assert status == 201, text


def disarm():
    http("DELETE", "/emulator/faults")


def advance(seconds):
    status, _, text = http("POST", "/emulator/clock", {"advance_s": seconds})
    assert status == 200, text


def received():
    """The requests that the emulator has logged."""
    return json.loads(http("GET", "/emulator/log")[2])["requests"]


def forget():
    http("DELETE", "/emulator/log")
