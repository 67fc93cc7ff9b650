// $expand as the client writes it: single, collection, nested, options, refusals.

import { equal, make, mark, refused } from "./support.mjs";

const name = mark("x");
let made;
const account = (web) =>
  (made ??= (async () => {
    const id = await web.create({ collection: "accounts", data: { name } });
    const [first] = await make(
      web,
      "contacts",
      ["Ada", "Bea", "Cy"].map((firstname) => ({
        firstname,
        lastname: name,
        "parentcustomerid_account@odata.bind": `accounts(${id})`,
      })),
    );
    await web.update({
      collection: "accounts",
      key: id,
      data: { "primarycontactid@odata.bind": `contacts(${first})` },
    });
    return id;
  })());

export default {
  async "single and collection"(web) {
    const row = await web.retrieve({
      collection: "accounts",
      key: await account(web),
      select: ["name"],
      expand: [
        { property: "primarycontactid", select: ["firstname"] },
        {
          property: "contact_customer_accounts",
          select: ["firstname"],
          filter: "firstname ne 'Bea'",
          orderBy: ["firstname desc"],
          top: 1,
        },
      ],
    });
    equal("single", row.primarycontactid.firstname, "Ada");
    equal(
      "collection",
      row.contact_customer_accounts.map((child) => child.firstname),
      ["Cy"],
    );
  },

  async "in a list"(web) {
    await account(web);
    const list = await web.retrieveMultiple({
      collection: "accounts",
      select: ["name"],
      filter: `name eq '${name}'`,
      expand: [{ property: "primarycontactid", select: ["fullname"] }],
    });
    equal("expanded", list.value[0].primarycontactid.fullname, `Ada ${name}`);
  },

  async nested(web) {
    await account(web);
    const list = await web.retrieveMultiple({
      collection: "contacts",
      select: ["firstname"],
      filter: `lastname eq '${name}' and firstname eq 'Bea'`,
      expand: [
        {
          property: "parentcustomerid_account",
          select: ["name"],
          expand: [{ property: "primarycontactid", select: ["firstname"] }],
        },
      ],
    });
    equal("two levels", list.value[0].parentcustomerid_account.primarycontactid.firstname, "Ada");
  },

  async "after a write"(web) {
    const key = await account(web);
    const request = {
      returnRepresentation: true,
      select: ["telephone1"],
      expand: [{ property: "parentaccountid", select: ["name"] }],
    };
    const data = { name: `${name} 2`, telephone1: "8", "parentaccountid@odata.bind": `accounts(${key})` };
    const made = await web.create({ ...request, collection: "accounts", data });
    equal("created", [made.telephone1, made.parentaccountid?.name], ["8", name]);
    const changed = await web.update({
      ...request,
      collection: "accounts",
      key: made.accountid,
      data: { telephone1: "9" },
    });
    // Dataverse doesn't expand the answer to an update.
    equal("updated", [changed.telephone1, "parentaccountid" in changed], ["9", false]);
  },

  async "lambdas and paths"(web) {
    const id = await account(web);
    const ids = async (filter) =>
      (await web.retrieveMultiple({ collection: "accounts", select: ["name"], filter })).value.map(
        (row) => row.accountid,
      );
    equal("any", await ids(`contact_customer_accounts/any(c:c/firstname eq 'Cy' and c/lastname eq '${name}')`), [id]);
    equal("path", await ids(`primarycontactid/lastname eq '${name}'`), [id]);
    equal("all", await ids(`name eq '${name}' and contact_customer_accounts/all(c:c/firstname eq 'Cy')`), []);
  },

  async refusals(web) {
    const key = await account(web);
    const expanded = (expand) => web.retrieve({ collection: "accounts", key, select: ["name"], expand });
    await refused("undeclared", 400, null, expanded([{ property: "nope" }]));
    await refused("an undeclared column", 400, null, expanded([{ property: "primarycontactid", select: ["nope"] }]));
    await refused(
      "$ref on a collection",
      400,
      "0x80060888",
      expanded([{ property: "contact_customer_accounts/$ref" }]),
    );
    await refused("$top on a lookup", 400, "0x80060888", expanded([{ property: "primarycontactid", top: 1 }]));
    await refused(
      "sixteen",
      400,
      null,
      expanded(Array.from({ length: 16 }, () => ({ property: "primarycontactid", select: ["fullname"] }))),
    );
  },
};
