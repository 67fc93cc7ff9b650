// associate, disassociate, and their single-valued twins.

import { equal, mark, newId, refused } from "./support.mjs";

const pair = async (web) => ({
  account: await web.create({ collection: "accounts", data: { name: mark("as") } }),
  contact: await web.create({ collection: "contacts", data: { lastname: mark("as") } }),
});
const parent = async (web, contact) =>
  (await web.retrieve({ collection: "contacts", key: contact, select: ["_parentcustomerid_value"] }))
    ._parentcustomerid_value;

export default {
  async "to a collection and back"(web) {
    const { account, contact } = await pair(web);
    await web.associate({
      collection: "accounts",
      primaryKey: account,
      relationshipName: "contact_customer_accounts",
      relatedCollection: "contacts",
      relatedKey: contact,
    });
    equal("associated", await parent(web, contact), account);
    await web.disassociate({
      collection: "accounts",
      primaryKey: account,
      relationshipName: "contact_customer_accounts",
      relatedKey: contact,
    });
    equal("disassociated", await parent(web, contact), null);
  },

  async "a single value and back"(web) {
    const { account, contact } = await pair(web);
    await web.associateSingleValued({
      collection: "contacts",
      primaryKey: contact,
      navigationProperty: "parentcustomerid_account",
      relatedCollection: "accounts",
      relatedKey: account,
    });
    equal("associated", await parent(web, contact), account);
    await web.disassociateSingleValued({
      collection: "contacts",
      primaryKey: contact,
      navigationProperty: "parentcustomerid_account",
    });
    equal("disassociated", await parent(web, contact), null);
  },

  async refusals(web) {
    const { account, contact } = await pair(web);
    await refused(
      "a missing related row",
      404,
      "0x80040217",
      web.associate({
        collection: "accounts",
        primaryKey: account,
        relationshipName: "contact_customer_accounts",
        relatedCollection: "contacts",
        relatedKey: newId(),
      }),
    );
    await refused(
      "a missing row",
      404,
      "0x80040217",
      web.associateSingleValued({
        collection: "contacts",
        primaryKey: newId(),
        navigationProperty: "parentcustomerid_account",
        relatedCollection: "accounts",
        relatedKey: account,
      }),
    );
    await refused(
      "no such relationship",
      404,
      "0x8006088a",
      web.associate({
        collection: "accounts",
        primaryKey: account,
        relationshipName: "nope",
        relatedCollection: "contacts",
        relatedKey: contact,
      }),
    );
    await refused(
      "a row of another table",
      400,
      null,
      web.associateSingleValued({
        collection: "contacts",
        primaryKey: contact,
        navigationProperty: "parentcustomerid_account",
        relatedCollection: "contacts",
        relatedKey: contact,
      }),
    );
  },
};
