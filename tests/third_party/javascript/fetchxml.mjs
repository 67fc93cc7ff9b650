// fetch and fetchAll: conditions, links with aliases, aggregates, paging cookies.

import { equal, make, mark, refused, truth } from "./support.mjs";

const name = mark("fx");
let made;
const rows = (web) =>
  (made ??= (async () => {
    const accounts = await make(
      web,
      "accounts",
      Array.from({ length: 7 }, (_, index) => ({ name: `${name} ${index}`, numberofemployees: index })),
    );
    await make(web, "contacts", [
      { firstname: "Ada", lastname: name, "parentcustomerid_account@odata.bind": `accounts(${accounts[2]})` },
    ]);
  })());
const mine = `<filter><condition attribute="name" operator="like" value="${name}%" /></filter>`;
const fetch = async (web, inner, attributes = "", more = {}) => {
  await rows(web);
  return web.fetch({ collection: "accounts", fetchXml: `<fetch${attributes}>${inner}</fetch>`, ...more });
};

export default {
  async "conditions and order"(web) {
    const list = await fetch(
      web,
      `<entity name="account"><attribute name="name" />${mine}<filter><condition attribute="numberofemployees" operator="gt" value="4" /></filter><order attribute="name" descending="true" /></entity>`,
    );
    equal(
      "rows",
      list.value.map((row) => row.name.at(-1)),
      ["6", "5"],
    );
  },

  async top(web) {
    const list = await fetch(
      web,
      `<entity name="account"><attribute name="name" />${mine}<order attribute="name" /></entity>`,
      ` top="2"`,
    );
    equal(
      "two",
      list.value.map((row) => row.name.at(-1)),
      ["0", "1"],
    );
  },

  async "a link with its alias"(web) {
    const list = await fetch(
      web,
      `<entity name="account"><attribute name="name" />${mine}<link-entity name="contact" from="parentcustomerid" to="accountid" alias="c"><attribute name="firstname" /></link-entity></entity>`,
    );
    equal(
      "joined",
      list.value.map((row) => [row.name.at(-1), row["c.firstname"]]),
      [["2", "Ada"]],
    );
  },

  async aggregates(web) {
    const list = await fetch(
      web,
      `<entity name="account"><attribute name="numberofemployees" alias="total" aggregate="sum" />${mine}</entity>`,
      ` aggregate="true"`,
    );
    equal("sum", list.value[0].total, 21);
  },

  async "formatted values"(web) {
    const list = await fetch(web, `<entity name="account"><attribute name="statecode" />${mine}</entity>`, "", {
      includeAnnotations: "*",
    });
    equal("state", list.value[0].statecode_Formatted, "Active");
  },

  async "pages by cookie"(web) {
    const inner = `<entity name="account"><attribute name="name" />${mine}<order attribute="name" /></entity>`;
    const first = await fetch(web, inner, ` count="3"`, { includeAnnotations: "*" });
    equal("first", first.value.length, 3);
    equal("the next is the second", first.PagingInfo?.nextPage, 2);
    truth("a cookie", first.PagingInfo?.cookie?.includes("cookie page"), first.PagingInfo);
    const second = await fetch(web, inner, ` count="3"`, {
      includeAnnotations: "*",
      pageNumber: 2,
      pagingCookie: first.PagingInfo?.cookie,
    });
    equal(
      "second",
      second.value.map((row) => row.name.at(-1)),
      ["3", "4", "5"],
    );
    const all = await web.fetchAll({
      collection: "accounts",
      fetchXml: `<fetch count="3">${inner}</fetch>`,
      includeAnnotations: "*",
    });
    equal("fetchAll", all.value.map((row) => row.name.at(-1)).join(""), "0123456");
  },

  async refusals(web) {
    await refused(
      "an undeclared column",
      400,
      "0x80041103",
      fetch(web, `<entity name="account"><attribute name="nope" /></entity>`),
    );
    await refused(
      "a table of another set",
      400,
      null,
      fetch(web, `<entity name="contact"><attribute name="fullname" /></entity>`),
    );
    await refused("not XML", 400, null, web.fetch({ collection: "accounts", fetchXml: "<fetch><entity" }));
  },
};
