// retrieveMultiple: select, filter, order, top, functions, refusals.

import { FORMATTED, equal, make, mark, refused, truth } from "./support.mjs";

const collection = "accounts";
const prefix = mark("q");
let made;
const rows = (web) =>
  (made ??= make(
    web,
    collection,
    [1, 2, 3, 4, 5, 6].map((number) => ({
      name: `${prefix} ${number}`,
      numberofemployees: number * 10,
      address1_city: number % 2 ? "Lyon" : null,
      revenue: number * 1.5,
      creditonhold: number > 4,
    })),
  ));

/** The numbers of the rows that a filter finds, as one word. */
async function found(web, filter) {
  await rows(web);
  const list = await web.retrieveMultiple({
    collection,
    select: ["name"],
    filter: `startswith(name,'${prefix}') and (${filter})`,
    orderBy: ["name"],
  });
  return list.value.map((row) => row.name.at(-1)).join("");
}

export default {
  async "select, order and top"(web) {
    await rows(web);
    const list = await web.retrieveMultiple({
      collection,
      select: ["name", "revenue"],
      filter: `startswith(name,'${prefix}')`,
      orderBy: ["numberofemployees desc"],
      top: 2,
    });
    equal(
      "rows",
      list.value.map((row) => row.revenue),
      [9, 7.5],
    );
    truth("context", list.oDataContext.endsWith("$metadata#accounts(name,revenue)"), list.oDataContext);
    equal("one page", list.oDataNextLink, undefined);
  },

  async operators(web) {
    equal("eq", await found(web, "numberofemployees eq 20"), "2");
    equal("ne", await found(web, "numberofemployees ne 20"), "13456");
    equal("gt and le", await found(web, "numberofemployees gt 20 and numberofemployees le 40"), "34");
    equal("or and not", await found(web, "numberofemployees eq 10 or not (numberofemployees lt 60)"), "16");
    equal("null", await found(web, "address1_city eq null"), "246");
    equal("case does not matter", await found(web, "address1_city eq 'LYON'"), "135");
    equal("boolean", await found(web, "creditonhold eq true"), "56");
    equal("contains and endswith", await found(web, "contains(address1_city,'yo') and endswith(name,'3')"), "3");
    equal("column to column", await found(web, "createdon le modifiedon"), "123456");
    equal("dates", await found(web, "createdon gt 2020-01-01T00:00:00Z"), "123456");
  },

  async "query functions"(web) {
    equal(
      "In",
      await found(web, `Microsoft.Dynamics.CRM.In(PropertyName='numberofemployees',PropertyValues=["10","60"])`),
      "16",
    );
    equal(
      "NotIn",
      await found(web, `Microsoft.Dynamics.CRM.NotIn(PropertyName='numberofemployees',PropertyValues=["10","60"])`),
      "2345",
    );
    equal(
      "Between",
      await found(web, `Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=["20","40"])`),
      "234",
    );
    const error = await refused(
      "not In",
      400,
      null,
      found(web, `not Microsoft.Dynamics.CRM.In(PropertyName='numberofemployees',PropertyValues=["10"])`),
    );
    truth("says why", error?.message.includes("Not operator along with the Custom Named Condition"), error?.message);
  },

  async "an id in braces, a quote, and signs"(web) {
    const [id] = await rows(web);
    equal("braces", await found(web, `accountid eq {${id}}`), "1");
    const name = `${mark("q")} O'Brien & Sons + 100%`;
    await web.create({ collection, data: { name } });
    const list = await web.retrieveMultiple({
      collection,
      filter: `name eq '${name.replace("'", "''")}'`,
      select: ["name"],
    });
    equal(
      "signs",
      list.value.map((row) => row.name),
      [name],
    );
  },

  async "formatted values for everything"(web) {
    await rows(web);
    const list = await web.retrieveMultiple({
      collection,
      filter: `name eq '${prefix} 1'`,
      select: ["creditonhold", "createdon"],
      includeAnnotations: FORMATTED,
    });
    equal("two options", list.value[0].creditonhold_Formatted, "No");
    truth("a time", list.value[0].createdon_Formatted, list.value[0]);
  },

  async "aliases in the query"(web) {
    await rows(web);
    const list = await web.retrieveMultiple({
      collection,
      select: ["name"],
      filter: "name eq @p1",
      queryParams: [`@p1='${prefix} 2'`],
    });
    equal("one", list.value.length, 1);
  },

  async "a URL of more than 2,000 characters"(web) {
    await rows(web);
    const many = Array.from({ length: 120 }, (_, index) => `name eq '${prefix} ${index}'`).join(" or ");
    const list = await web.retrieveMultiple({ collection, select: ["name"], filter: many });
    equal("goes through $batch", list.value.length, 6);
  },

  async refusals(web) {
    await refused("undeclared", 400, "0x0", web.retrieveMultiple({ collection, filter: "nope eq 1" }));
    await refused("wrong case", 400, "0x0", web.retrieveMultiple({ collection, filter: "Name eq 'x'" }));
    await refused("selected", 400, "0x0", web.retrieveMultiple({ collection, select: ["nope"] }));
    await refused("ordered", 400, "0x0", web.retrieveMultiple({ collection, select: ["name"], orderBy: ["nope"] }));
    await refused("unbalanced", 400, null, web.retrieveMultiple({ collection, filter: "name eq 'O'Brien'" }));
    await refused("no such set", 404, "0x8006088a", web.retrieveMultiple({ collection: "nosuchsets" }));
    await refused("$skip", 400, null, web.retrieveMultiple({ collection, select: ["name"], queryParams: ["$skip=1"] }));
  },
};
