"""Reading and writing by Microsoft's Python SDK; `run` starts it. Prints the rows, and the seconds they took."""

import json
import os
import sys
import time

from azure.core.credentials import AccessToken
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.models.upsert import UpsertItem

COLUMNS = [
    "name",
    "accountnumber",
    "telephone1",
    "emailaddress1",
    "websiteurl",
    "address1_city",
    "numberofemployees",
    "customertypecode",
    "modifiedon",
]
# Rows in an UpsertMultiple.
AT_ONCE = 1000


class Credential:
    def get_token(self, *_scopes, **_options):
        return AccessToken(os.environ["TANDEM_TOKEN"], 4102444800)


def read(client):
    return sum(len(page) for page in client.records.list_pages("account", select=COLUMNS, page_size=5000))


def write(client, numbers):
    for begin in range(0, len(numbers), AT_ONCE):
        items = [
            UpsertItem(
                {"accountnumber": number},
                {
                    "telephone1": "+1 555 0100",
                    "address1_city": "Boston",
                    "websiteurl": "https://example.com",
                    "numberofemployees": 12,
                },
            )
            for number in numbers[begin : begin + AT_ONCE]
        ]
        client.records.upsert("account", items)
    return len(numbers)


def main():
    numbers = sys.stdin.read().split() if sys.argv[1] == "write" else []
    with DataverseClient(os.environ["TANDEM_URL"], Credential()) as client:
        # Not what is measured: the connection, and what the SDK asks once.
        client.records.list("account", select=["name"], top=1)
        begin = time.monotonic()
        rows = write(client, numbers) if numbers else read(client)
        print(json.dumps({"rows": rows, "seconds": time.monotonic() - begin}))


main()
