// ifmatch and ifnonematch of every operation, with and without propagateErrors.

import { connect, equal, newId, refused, truth } from "./support.mjs";

const collection = "accounts";
const strict = connect({ propagateErrors: true });
const etagOf = async (web, key) => (await web.retrieve({ collection, key, select: ["name"] }))["@odata.etag"];

export default {
  async "retrieve if changed"(web) {
    const key = await web.create({ collection, data: { name: "Etag" } });
    const ifnonematch = await etagOf(web, key);
    equal("not modified", await web.retrieve({ collection, key, select: ["name"], ifnonematch }), undefined);
    await web.update({ collection, key, data: { name: "Changed" } });
    equal("modified", (await web.retrieve({ collection, key, select: ["name"], ifnonematch })).name, "Changed");
  },

  async "update if unchanged"(web) {
    const key = await web.create({ collection, data: { name: "Mine" } });
    const ifmatch = await etagOf(web, key);
    equal("same version", await web.update({ collection, key, data: { name: "First" }, ifmatch }), true);
    equal("stale", await web.update({ collection, key, data: { name: "Second" }, ifmatch }), false);
    await refused("stale, told", 412, "0x80060882", strict.update({ collection, key, data: { name: "x" }, ifmatch }));
    equal("kept", (await web.retrieve({ collection, key, select: ["name"] })).name, "First");
  },

  async "delete if unchanged"(web) {
    const key = await web.create({ collection, data: { name: "Mine" } });
    const ifmatch = await etagOf(web, key);
    await web.update({ collection, key, data: { name: "Changed" } });
    equal("stale", await web.deleteRecord({ collection, key, ifmatch }), false);
    await refused("stale, told", 412, "0x80060882", strict.deleteRecord({ collection, key, ifmatch }));
    equal("same version", await web.deleteRecord({ collection, key, ifmatch: await etagOf(web, key) }), true);
  },

  async "upsert that only creates"(web) {
    const key = newId();
    equal("created", await web.upsert({ collection, key, data: { name: "One" }, ifnonematch: "*" }), key);
    equal("exists", await web.upsert({ collection, key, data: { name: "Two" }, ifnonematch: "*" }), null);
    await refused(
      "exists, told",
      412,
      "0x80040237",
      strict.upsert({ collection, key, data: { name: "x" }, ifnonematch: "*" }),
    );
    equal("kept", (await web.retrieve({ collection, key, select: ["name"] })).name, "One");
  },

  async "upsert that only updates"(web) {
    const key = newId();
    equal("missing", await web.upsert({ collection, key, data: { name: "x" }, ifmatch: "*" }), null);
    await refused(
      "missing, told",
      404,
      "0x80040217",
      strict.upsert({ collection, key, data: { name: "x" }, ifmatch: "*" }),
    );
  },

  async "both at once"(web) {
    const key = newId();
    let message = "";
    await web
      .upsert({ collection, key, data: {}, ifmatch: "*", ifnonematch: "*" })
      .catch((error) => (message = error.message));
    truth("the client refuses", message.includes("not both"), message);
  },
};
