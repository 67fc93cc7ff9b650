// Single properties and navigation: updateSingleProperty, deleteRecord of a property, retrieve of one.

import { equal, mark, newId, refused } from "./support.mjs";

const collection = "accounts";

export default {
  async "put and delete of a property"(web) {
    const key = await web.create({ collection, data: { name: "Property", telephone1: "1" } });
    await web.updateSingleProperty({ collection, key, fieldValuePair: { telephone1: "2" } });
    equal("put", (await web.retrieve({ collection, key, select: ["telephone1"] })).telephone1, "2");
    await web.deleteRecord({ collection, key, property: "telephone1" });
    equal("deleted", (await web.retrieve({ collection, key, select: ["telephone1"] })).telephone1, null);
    equal("the row stays", (await web.retrieve({ collection, key, select: ["name"] })).name, "Property");
  },

  async "the value of one property"(web) {
    const key = await web.create({ collection, data: { name: "Value", numberofemployees: 5 } });
    equal("text", (await web.retrieve({ collection, key, select: ["/name"] })).value, "Value");
    equal("number", (await web.retrieve({ collection, key, select: ["/numberofemployees"] })).value, 5);
    equal("raw", await web.retrieve({ collection, key, select: ["/name/$value"] }), "Value");
  },

  async "through navigation"(web) {
    const lastname = mark("nav");
    const contact = await web.create({ collection: "contacts", data: { lastname } });
    const key = await web.create({
      collection,
      data: { name: "Nav", "primarycontactid@odata.bind": `contacts(${contact})` },
    });
    const row = await web.retrieve({ collection, key, navigationProperty: "primarycontactid", select: ["lastname"] });
    equal("the contact", [row.contactid, row.lastname], [contact, lastname]);
    const reference = await web.retrieve({ collection, key, select: ["primarycontactid/$ref"] });
    equal("its reference", [reference.collection, reference.id], ["contacts", contact]);
  },

  async "a collection below a row"(web) {
    const account = await web.create({ collection, data: { name: "Children" } });
    for (const lastname of ["A", "B"]) {
      await web.create({
        collection: "contacts",
        data: { lastname, "parentcustomerid_account@odata.bind": `accounts(${account})` },
      });
    }
    const list = await web.retrieve({
      collection,
      key: account,
      navigationProperty: "contact_customer_accounts",
      select: ["lastname"],
    });
    equal("both", list.value.map((row) => row.lastname).sort(), ["A", "B"]);
  },

  async refusals(web) {
    const key = await web.create({ collection, data: { name: "x" } });
    await refused(
      "too long",
      400,
      "0x80044331",
      web.updateSingleProperty({ collection, key, fieldValuePair: { name: "x".repeat(161) } }),
    );
    await refused(
      "a missing row",
      404,
      "0x80040217",
      web.updateSingleProperty({ collection, key: newId(), fieldValuePair: { name: "x" } }),
    );
    await refused(
      "a property that is not there",
      404,
      "0x8006088a",
      web.retrieve({ collection, key, select: ["/nope"] }),
    );
  },
};
