// create, retrieve, update, upsert, deleteRecord: values, ids, representations, refusals.

import { API, FORMATTED, GUID, TOKEN, URL, connect, equal, mark, newId, refused, truth } from "./support.mjs";

const collection = "accounts";

export default {
  async "create gives the id"(web) {
    const id = await web.create({ collection, data: { name: "Plain", telephone1: "1" } });
    truth("a GUID", GUID.test(id), id);
    const row = await web.retrieve({ collection, key: id, select: ["name", "telephone1"] });
    equal("name", row.name, "Plain");
    equal("telephone", row.telephone1, "1");
    equal("key", row.accountid, id);
    truth("etag", row["@odata.etag"].startsWith('W/"'), row["@odata.etag"]);
  },

  async "create gives the row when asked"(web) {
    const row = await web.create({
      collection,
      data: { name: "Whole", numberofemployees: 7 },
      returnRepresentation: true,
      select: ["name", "numberofemployees"],
    });
    equal("values", [row.name, row.numberofemployees], ["Whole", 7]);
    truth("key", GUID.test(row.accountid), row);
    truth("context", row.oDataContext.endsWith("$metadata#accounts(name,numberofemployees)/$entity"), row.oDataContext);
    const all = await connect({ returnRepresentation: true }).create({ collection, data: { name: "All" } });
    equal("defaults", [all.statecode, all.creditonhold], [0, false]);
  },

  async "duplicates are refused where a rule is published and the client asks"(web) {
    const name = `Twin ${newId()}`;
    const rule = newId();
    const accounts = { baseentityname: "account", matchingentityname: "account" };
    await web.create({ collection: "duplicaterules", data: { duplicateruleid: rule, name, ...accounts } });
    const same = { baseattributename: "name", matchingattributename: "name" };
    const bind = { "regardingobjectid_duplicaterule@odata.bind": `/duplicaterules(${rule})` };
    await web.create({ collection: "duplicateruleconditions", data: { ...same, ...bind } });
    await web.create({ collection, data: { name } });
    await web.update({ collection: "duplicaterules", key: rule, data: { statecode: 1, statuscode: 2 } });
    await refused("duplicate", 412, "0x80040333", web.create({ collection, data: { name }, duplicateDetection: true }));
    truth("not asked for", GUID.test(await web.create({ collection, data: { name } })), name);
    await web.deleteRecord({ collection: "duplicaterules", key: rule });
  },

  async "text that is escaped on the wire"(web) {
    const name = 'Ærø 東京 🙂 "quoted" \\ <b> é\u007f';
    const id = await web.create({ collection, data: { name } });
    equal("name", (await web.retrieve({ collection, key: id, select: ["name"] })).name, name);
  },

  async "dates are dates"(web) {
    const id = await web.create({ collection, data: { name: "Dated" } });
    const row = await web.retrieve({ collection, key: id, select: ["createdon"] });
    truth("whole seconds", row.createdon instanceof Date, row.createdon);
    truth("now", Math.abs(row.createdon - Date.now()) < 24 * 3600 * 1000, row.createdon);
  },

  async "formatted values"(web) {
    const id = await web.create({ collection, data: { name: "Formatted", customertypecode: 3 } });
    const row = await web.retrieve({
      collection,
      key: id,
      select: ["customertypecode", "statuscode"],
      includeAnnotations: FORMATTED,
    });
    equal("choice", row.customertypecode_Formatted, "Customer");
    equal("status", row.statuscode_Formatted, "Active");
  },

  async "update changes what it names"(web) {
    const id = await web.create({ collection, data: { name: "Before", telephone1: "1" } });
    equal("true", await web.update({ collection, key: id, data: { name: "After" } }), true);
    const row = await web.retrieve({ collection, key: id, select: ["name", "telephone1"] });
    equal("changed and kept", [row.name, row.telephone1], ["After", "1"]);
    const whole = await web.update({
      collection,
      key: id,
      data: { telephone1: null },
      returnRepresentation: true,
      select: ["name", "telephone1"],
    });
    equal("the row when asked", [whole.name, whole.telephone1], ["After", null]);
  },

  async "update never creates"(web) {
    const key = newId();
    await refused("missing", 404, "0x80040217", web.update({ collection, key, data: { name: "Ghost" } }));
    await refused("still", 404, "0x80040217", web.retrieve({ collection, key }));
  },

  async "upsert creates, then updates"(web) {
    const key = newId();
    equal("the id", await web.upsert({ collection, key, data: { name: "One" } }), key);
    equal("again", await web.upsert({ collection, key, data: { name: "Two" } }), key);
    equal("changed", (await web.retrieve({ collection, key, select: ["name"] })).name, "Two");
    const row = await web.upsert({
      collection,
      key,
      data: { name: "Three" },
      returnRepresentation: true,
      select: ["name"],
    });
    equal("the row when asked", row.name, "Three");
  },

  async "upsert by key"(web) {
    const accountnumber = mark("u");
    const key = `accountnumber='${accountnumber}'`;
    equal("no id is learnt", await web.upsert({ collection, key, data: { name: "Keyed" } }), undefined);
    const row = await web.retrieve({ collection, key, select: ["name", "accountnumber"] });
    equal("created with its key", [row.name, row.accountnumber], ["Keyed", accountnumber]);
    await web.upsert({ collection, key, data: { name: "Again" } });
    const list = await web.retrieveMultiple({
      collection,
      filter: `accountnumber eq '${accountnumber}'`,
      select: ["name"],
    });
    equal(
      "one row, updated",
      list.value.map((row) => row.name),
      ["Again"],
    );
  },

  async delete(web) {
    const key = await web.create({ collection, data: { name: "Gone" } });
    equal("true", await web.deleteRecord({ collection, key }), true);
    await refused("gone", 404, "0x80040217", web.retrieve({ collection, key }));
    await refused("twice", 404, "0x80040217", web.deleteRecord({ collection, key }));
  },

  async "alternate keys with quotes and spaces"(web) {
    const accountnumber = `O'B ${mark("x").slice(-6)}`;
    const id = await web.create({ collection, data: { name: "Quoted", accountnumber } });
    const key = `accountnumber='${accountnumber.replace("'", "''")}'`;
    equal("found", (await web.retrieve({ collection, key, select: ["name"] })).accountid, id);
    await refused("none", 404, "0x80060891", web.retrieve({ collection, key: "accountnumber='no-such'" }));
    await refused("no key", 400, "0x80060888", web.retrieve({ collection, key: "telephone1='1'" }));
  },

  async refusals(web) {
    const data = { accountid: newId(), name: "Twice", accountnumber: mark("t") };
    await web.create({ collection, data });
    await refused(
      "same id",
      412,
      "0x80040237",
      web.create({ collection, data: { accountid: data.accountid, name: "x" } }),
    );
    await refused(
      "same key",
      412,
      "0x80060892",
      web.create({ collection, data: { name: "x", accountnumber: data.accountnumber } }),
    );
    await refused("too long", 400, "0x80044331", web.create({ collection, data: { name: "x".repeat(161) } }));
    await refused("wrong type", 400, "0x80048d19", web.create({ collection, data: { numberofemployees: "many" } }));
    await refused("undeclared", 400, null, web.create({ collection, data: { Name: "wrong case" } }));
    await refused("no such set", 404, "0x8006088a", web.create({ collection: "account", data: { name: "x" } }));
    await refused(
      "undeclared selected",
      400,
      "0x0",
      web.retrieve({ collection, key: data.accountid, select: ["nope"] }),
    );
  },

  async "names of tables instead of sets"() {
    const web = connect({ useEntityNames: true });
    const id = await web.create({ collection: "account", data: { name: "By table name" } });
    equal("read", (await web.retrieve({ collection: "account", key: id, select: ["name"] })).name, "By table name");
    equal("known since", web.Utility.getCollectionName("transactioncurrency"), "transactioncurrencies");
    equal("an absolute URL", web.Utility.toAbsoluteUrl("accounts"), `${API}accounts`);
  },

  async "instances of their own"(web) {
    const config = { serverUrl: URL, onTokenRefresh: async () => TOKEN };
    const other = web.initializeInstance({ ...config, returnRepresentation: true });
    equal("settings", (await other.create({ collection, data: { name: "Other" } })).name, "Other");
    web.setConfig({ returnRepresentation: true });
    equal("changed settings", (await web.create({ collection, data: { name: "Set" } })).name, "Set");
  },

  async "bypass and tag"(web) {
    const id = await web.create({
      collection,
      data: { name: "Bypassed" },
      bypassCustomPluginExecution: true,
      tag: "checks",
    });
    truth("created", GUID.test(id), id);
  },
};
