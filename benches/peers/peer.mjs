// Reading and writing by dynamics-web-api; `run` starts it. Prints the rows, and the seconds they took.

import { readFileSync } from "node:fs";
import { DynamicsWebApi } from "dynamics-web-api";

const collection = "accounts";
const select = [
  "name",
  "accountnumber",
  "telephone1",
  "emailaddress1",
  "websiteurl",
  "address1_city",
  "numberofemployees",
  "customertypecode",
  "modifiedon",
];
const data = {
  telephone1: "+1 555 0100",
  address1_city: "Boston",
  websiteurl: "https://example.com",
  numberofemployees: 12,
};
/** Updates in a batch. */
const AT_ONCE = 1000;

const web = new DynamicsWebApi({
  serverUrl: process.env.TANDEM_URL,
  onTokenRefresh: async () => process.env.TANDEM_TOKEN,
  dataApi: { version: "9.2" },
});
const chunks = (all, size) => Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));

async function read() {
  let rows = 0;
  let page = await web.retrieveMultiple({ collection, select, maxPageSize: 5000 });
  rows += page.value.length;
  while (page.oDataNextLink) {
    page = await web.retrieveMultiple({ collection, select, maxPageSize: 5000 }, page.oDataNextLink);
    rows += page.value.length;
  }
  return rows;
}

/** The versions of these rows. */
async function versions(ids) {
  const known = new Map();
  for (const some of chunks(ids, 100)) {
    const filter = some.map((id) => `accountid eq ${id}`).join(" or ");
    const { value } = await web.retrieveMultiple({ collection, select: ["name"], filter });
    for (const row of value) known.set(row.accountid, row["@odata.etag"]);
  }
  return known;
}

async function write(ids, known) {
  for (const some of chunks(ids, AT_ONCE)) {
    web.startBatch();
    for (const key of some) web.update({ collection, key, data, ifmatch: known.get(key) });
    await web.executeBatch();
  }
  return ids.length;
}

const ids = process.argv[2] === "write" ? readFileSync(0, "utf8").split("\n").filter(Boolean) : [];
// Not what is measured: the connection, and the versions, which another client may have from its own reading.
await web.retrieveMultiple({ collection, select: ["name"], top: 1 });
const known = await versions(ids);
const begin = performance.now();
const rows = ids.length ? await write(ids, known) : await read();
console.log(JSON.stringify({ rows, seconds: (performance.now() - begin) / 1000 }));
