// count, countAll, and $count beside rows.

import { equal, make, mark, refused, truth } from "./support.mjs";

const collection = "contacts";
const lastname = mark("n");
let made;
const rows = (web) =>
  (made ??= make(
    web,
    collection,
    Array.from({ length: 7 }, (_, index) => ({ firstname: String(index), lastname })),
  ));

export default {
  async count(web) {
    await rows(web);
    const before = await web.count({ collection });
    truth("a number", Number.isInteger(before) && before >= 7, before);
    await web.create({ collection, data: { lastname: "One more" } });
    equal("one more", await web.count({ collection }), Math.min(before + 1, 5000));
    equal("filtered", await web.count({ collection, filter: `lastname eq '${lastname}'` }), 7);
    equal("nothing", await web.count({ collection, filter: "lastname eq 'nobody at all'" }), 0);
  },

  async countAll(web) {
    await rows(web);
    equal("by pages", await web.countAll({ collection, filter: `lastname eq '${lastname}'`, select: ["lastname"] }), 7);
  },

  async "beside rows"(web) {
    await rows(web);
    const list = await web.retrieveMultiple({
      collection,
      select: ["firstname"],
      filter: `lastname eq '${lastname}'`,
      count: true,
      maxPageSize: 2,
    });
    equal("count and page", [list.oDataCount, list.value.length], [7, 2]);
    const annotated = await web.retrieveMultiple({
      collection,
      select: ["firstname"],
      filter: `lastname eq '${lastname}'`,
      count: true,
      includeAnnotations:
        "Microsoft.Dynamics.CRM.totalrecordcount,Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded",
    });
    equal(
      "annotated",
      [
        annotated["@Microsoft.Dynamics.CRM.totalrecordcount"],
        annotated["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"],
      ],
      [7, false],
    );
  },

  async refusals(web) {
    await refused("no such set", 404, "0x8006088a", web.count({ collection: "nosuchsets" }));
    await refused("undeclared", 400, null, web.count({ collection, filter: "nope eq 1" }));
  },
};
