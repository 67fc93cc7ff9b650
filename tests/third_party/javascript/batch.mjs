// startBatch and executeBatch: change sets, references, parts beside them, errors.

import { GUID, equal, mark, newId, raises, truth } from "./support.mjs";

const named = async (web, name) =>
  (await web.retrieveMultiple({ collection: "accounts", select: ["name", "telephone1"], filter: `name eq '${name}'` }))
    .value;
/** Rejections of a batch are an array of its parts' answers. */
const errors = (answer) => (Array.isArray(answer) ? answer : [answer]).filter((part) => part?.status >= 400);

export default {
  async "a change set and a read"(web) {
    const name = mark("b");
    web.startBatch();
    web.create({ collection: "accounts", data: { name } });
    web.create({ collection: "accounts", data: { name: `${name} other` } });
    web.retrieveMultiple({ collection: "accounts", select: ["name"], filter: `name eq '${name}'`, orderBy: ["name"] });
    const [first, second, list] = await web.executeBatch();
    truth("ids", GUID.test(first) && GUID.test(second) && first !== second, [first, second]);
    equal(
      "the read sees it",
      list.value.map((row) => row.accountid),
      [first],
    );
  },

  async "update, delete, count and one row"(web) {
    const name = mark("b2");
    const [kept, gone] = [
      await web.create({ collection: "accounts", data: { name } }),
      await web.create({ collection: "accounts", data: { name } }),
    ];
    // Counts come first: behind a change set the client takes an answer for another request's.
    web.startBatch();
    web.count({ collection: "accounts", filter: `name eq '${name}'` });
    web.retrieve({ collection: "accounts", key: kept, select: ["name"] });
    web.update({ collection: "accounts", key: kept, data: { telephone1: "5" } });
    web.deleteRecord({ collection: "accounts", key: gone });
    const [count, row, updated, deleted] = await web.executeBatch();
    equal("done", [updated, deleted], [true, true]);
    equal("read", row.name, name);
    equal(
      "updated and deleted",
      (await named(web, name)).map((left) => left.telephone1),
      ["5"],
    );
    equal("counted", count, 2);
  },

  async "references by Content-ID"(web) {
    const name = mark("ref");
    web.startBatch();
    web.create({ collection: "accounts", data: { name }, contentId: "acc" });
    web.create({
      collection: "contacts",
      data: { lastname: name, "parentcustomerid_account@odata.bind": "$acc" },
      contentId: "con",
    });
    web.update({ contentId: "$acc", data: { telephone1: "7" } });
    web.create({ contentId: "$acc", collection: "contact_customer_accounts", data: { lastname: `${name} below` } });
    web.associateSingleValued({ contentId: "$acc", navigationProperty: "primarycontactid", relatedKey: "$con" });
    const [account, contact] = await web.executeBatch();
    const row = await web.retrieve({
      collection: "accounts",
      key: account,
      select: ["telephone1", "_primarycontactid_value"],
    });
    equal("as a URL", row.telephone1, "7");
    equal("as a related key", row._primarycontactid_value, contact);
    const children = await web.retrieveMultiple({
      collection: "contacts",
      select: ["lastname"],
      filter: `_parentcustomerid_value eq ${account}`,
      orderBy: ["lastname"],
    });
    equal(
      "in a bind and as a prefix",
      children.value.map((child) => child.lastname),
      [name, `${name} below`],
    );
  },

  async "a change set rolls back"(web) {
    const name = mark("roll");
    web.startBatch();
    web.create({ collection: "accounts", data: { name } });
    web.update({ collection: "accounts", key: newId(), data: { name: "Nobody" } });
    const answer = await web.executeBatch().catch((error) => error);
    const [error] = errors(answer);
    equal("the error", [error?.status, error?.error?.code], [404, "0x80040217"]);
    equal("nothing stayed", await named(web, name), []);
  },

  async "parts on their own"(web) {
    const name = mark("own");
    web.startBatch();
    web.create({ collection: "accounts", data: { name }, inChangeSet: false });
    web.create({ collection: "accounts", data: { name: "x".repeat(161) }, inChangeSet: false });
    web.create({ collection: "accounts", data: { name }, inChangeSet: false });
    const answer = await web.executeBatch({ continueOnError: true });
    truth("first and last", GUID.test(answer[0]) && GUID.test(answer[2]), answer);
    equal("the middle", [answer[1].status, answer[1].error?.code], [400, "0x80044331"]);
    equal("two rows", (await named(web, name)).length, 2);
  },

  async "the first error stops"(web) {
    const name = mark("stop");
    web.startBatch();
    web.create({ collection: "accounts", data: { name }, inChangeSet: false });
    web.retrieve({ collection: "accounts", key: newId() });
    web.create({ collection: "accounts", data: { name }, inChangeSet: false });
    const answer = await web.executeBatch().catch((error) => error);
    equal(
      "one error",
      errors(answer).map((error) => error.status),
      [404],
    );
    equal("what came before stays", (await named(web, name)).length, 1);
  },

  async "functions, links and text"(web) {
    const name = `${mark("t")} Ærø 東京`;
    web.startBatch();
    web.callFunction("WhoAmI");
    web.create({ collection: "accounts", data: { name } });
    web.retrieveMultiple({
      collection: "accounts",
      select: ["name"],
      filter: `name eq '${name}'`,
      maxPageSize: 1,
      includeAnnotations: "*",
    });
    const [who, id, list] = await web.executeBatch();
    truth("who", GUID.test(who.UserId), who);
    equal(
      "text",
      list.value.map((row) => [row.accountid, row.name]),
      [[id, name]],
    );
  },

  async "what the client refuses"(web) {
    await raises("not started", "startBatch", () => web.executeBatch());
    web.startBatch();
    await raises("retrieveAll", "BATCH", () => web.retrieveAll({ collection: "accounts" }));
    await raises("empty", "empty", () => web.executeBatch());
  },
};
