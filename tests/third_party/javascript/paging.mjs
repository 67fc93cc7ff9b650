// Pages: maxPageSize, links that are followed, retrieveAll.

import { API, connect, equal, make, mark, truth } from "./support.mjs";

const collection = "contacts";
const lastname = mark("p");
let made;
const rows = (web) =>
  (made ??= make(
    web,
    collection,
    Array.from({ length: 11 }, (_, index) => ({ firstname: String(index).padStart(2, "0"), lastname })),
  ));
const request = {
  collection,
  select: ["firstname"],
  filter: `lastname eq '${lastname}'`,
  orderBy: ["firstname"],
  maxPageSize: 4,
};

export default {
  async "page after page"(web) {
    await rows(web);
    const names = [];
    const sizes = [];
    let page = await web.retrieveMultiple(request);
    for (;;) {
      sizes.push(page.value.length);
      names.push(...page.value.map((row) => row.firstname));
      if (!page.oDataNextLink) break;
      truth("a link of ours", page.oDataNextLink.startsWith(API), page.oDataNextLink);
      page = await web.retrieveMultiple(request, page.oDataNextLink);
    }
    equal("sizes", sizes, [4, 4, 3]);
    equal(
      "once each, in order",
      names,
      Array.from({ length: 11 }, (_, index) => String(index).padStart(2, "0")),
    );
  },

  async retrieveAll(web) {
    await rows(web);
    equal("all", (await web.retrieveAll(request)).value.length, 11);
    const other = connect({ maxPageSize: 3 });
    const { maxPageSize, ...rest } = request;
    equal("the client's own size", [(await other.retrieveMultiple(rest)).value.length, maxPageSize], [3, 4]);
  },

  async "top beside a page size"(web) {
    await rows(web);
    equal("is ignored", (await web.retrieveAll({ ...request, top: 2 })).value.length, 11);
  },
};
