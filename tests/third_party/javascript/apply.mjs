// $apply: aggregate, groupby and filter.

import { equal, make, mark, refused } from "./support.mjs";

const collection = "accounts";
const prefix = mark("ap");
let made;
const applied = async (web, transformation) => {
  await (made ??= make(
    web,
    collection,
    [1, 2, 4, 6].map((number) => ({
      name: `${prefix} ${number}`,
      numberofemployees: number,
      address1_city: number > 2 ? "Lyon" : "Oslo",
    })),
  ));
  return (await web.retrieveMultiple({ collection, apply: `filter(startswith(name,'${prefix}'))/${transformation}` }))
    .value;
};

export default {
  async aggregates(web) {
    const [row] = await applied(
      web,
      "aggregate($count as n,numberofemployees with sum as total,numberofemployees with average as mean,numberofemployees with min as low,numberofemployees with max as high)",
    );
    // A whole number has a whole average, as in the sample of Microsoft's page on aggregation.
    equal("all five", [row.n, row.total, row.mean, row.low, row.high], [4, 13, 3, 1, 6]);
  },

  async groups(web) {
    const rows = await applied(
      web,
      "groupby((address1_city),aggregate($count as n,numberofemployees with sum as total))",
    );
    const groups = Object.fromEntries(rows.map((row) => [row.address1_city, [row.n, row.total]]));
    equal("by city", groups, { Lyon: [2, 10], Oslo: [2, 3] });
  },

  async distinct(web) {
    const rows = await applied(web, "groupby((address1_city))");
    equal("cities", rows.map((row) => row.address1_city).sort(), ["Lyon", "Oslo"]);
  },

  async refusals(web) {
    await refused("an undeclared column", 400, null, applied(web, "aggregate(nope with sum as total)"));
    await refused(
      "a method that is none",
      400,
      null,
      applied(web, "aggregate(numberofemployees with median as middle)"),
    );
  },
};
