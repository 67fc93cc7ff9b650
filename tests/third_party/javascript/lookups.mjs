// Binds and deep inserts: lookups as the client writes and reads them.

import { API, FORMATTED, equal, mark, newId, refused, truth } from "./support.mjs";

export default {
  async "bind and read"(web) {
    const contact = await web.create({ collection: "contacts", data: { firstname: "Ada", lastname: "Bound" } });
    for (const form of [
      `contacts(${contact})`,
      `/contacts(${contact})`,
      `${API}contacts(${contact})`,
      `contacts({${contact}})`,
    ]) {
      const key = await web.create({
        collection: "accounts",
        data: { name: "x", "primarycontactid@odata.bind": form },
      });
      const row = await web.retrieve({
        collection: "accounts",
        key,
        select: ["_primarycontactid_value"],
        includeAnnotations: "*",
      });
      equal(form.replace(contact, "…"), row._primarycontactid_value, contact);
      equal("formatted", row._primarycontactid_value_Formatted, "Ada Bound");
      equal("table", row._primarycontactid_value_LogicalName, "contact");
      equal("navigation", row._primarycontactid_value_NavigationProperty, "primarycontactid");
    }
  },

  async "one customer, two tables"(web) {
    const account = await web.create({ collection: "accounts", data: { name: mark("c") } });
    const contact = await web.create({ collection: "contacts", data: { lastname: mark("c") } });
    const key = await web.create({
      collection: "incidents",
      data: { title: "Fire", "customerid_account@odata.bind": `accounts(${account})` },
    });
    await web.update({
      collection: "incidents",
      key,
      data: { "customerid_contact@odata.bind": `contacts(${contact})` },
    });
    const row = await web.retrieve({
      collection: "incidents",
      key,
      select: ["_customerid_value"],
      includeAnnotations: "*",
    });
    equal("the contact", [row._customerid_value, row._customerid_value_LogicalName], [contact, "contact"]);
    await refused(
      "no suffix",
      400,
      "0x80048d19",
      web.create({ collection: "incidents", data: { title: "x", "customerid@odata.bind": `accounts(${account})` } }),
    );
    await refused("no customer", 400, null, web.create({ collection: "incidents", data: { title: "x" } }));
  },

  async "to nothing"(web) {
    const missing = newId();
    const error = await refused(
      "a missing row",
      404,
      "0x80040217",
      web.create({
        collection: "accounts",
        data: { name: "x", "primarycontactid@odata.bind": `contacts(${missing})` },
      }),
    );
    truth("named", error?.message.includes(missing), error?.message);
    await refused(
      "a wrong set",
      400,
      "0x80060888",
      web.create({ collection: "accounts", data: { name: "x", "primarycontactid@odata.bind": `contact(${missing})` } }),
    );
  },

  async "deep insert"(web) {
    const name = mark("deep");
    const row = await web.create({
      collection: "accounts",
      data: {
        name,
        primarycontactid: { firstname: "Ada", lastname: name },
        contact_customer_accounts: [{ lastname: `${name}-1` }],
      },
      returnRepresentation: true,
      select: ["name"],
      expand: [
        { property: "primarycontactid", select: ["fullname"] },
        { property: "contact_customer_accounts", select: ["lastname"] },
      ],
    });
    equal("single", row.primarycontactid?.fullname, `Ada ${name}`);
    equal(
      "collection",
      row.contact_customer_accounts?.map((child) => child.lastname),
      [`${name}-1`],
    );
  },

  async "create below a row"(web) {
    const account = await web.create({ collection: "accounts", data: { name: mark("below") } });
    await web.create({
      collection: "accounts",
      key: account,
      navigationProperty: "contact_customer_accounts",
      data: { lastname: "Below" },
    });
    const list = await web.retrieveMultiple({
      collection: "contacts",
      filter: `_parentcustomerid_value eq ${account}`,
      select: ["lastname"],
      includeAnnotations: FORMATTED,
    });
    equal(
      "bound to it",
      list.value.map((row) => row.lastname),
      ["Below"],
    );
  },
};
