// callFunction: the functions that a client asks first, with parameters and aliases.

import { GUID, equal, refused, truth } from "./support.mjs";

export default {
  async WhoAmI(web) {
    const who = await web.callFunction("WhoAmI");
    truth(
      "three ids",
      [who.UserId, who.BusinessUnitId, who.OrganizationId].every((id) => GUID.test(id)),
      who,
    );
    const user = await web.retrieve({
      collection: "systemusers",
      key: who.UserId,
      select: ["fullname", "_businessunitid_value"],
    });
    equal("the user's unit", user._businessunitid_value, who.BusinessUnitId);
    equal("again, named", (await web.callFunction({ name: "WhoAmI" })).UserId, who.UserId);
  },

  async RetrieveVersion(web) {
    truth("a version", /^9\.2\.\d+\.\d+$/.test((await web.callFunction("RetrieveVersion")).Version));
  },

  async RetrieveCurrentOrganization(web) {
    const { Detail } = await web.callFunction({
      name: "RetrieveCurrentOrganization",
      parameters: { AccessType: "Microsoft.Dynamics.CRM.EndpointAccessType'Default'" },
    });
    equal("the caller's", Detail.OrganizationId, (await web.callFunction("WhoAmI")).OrganizationId);
    equal("its endpoints", Detail.Endpoints.Keys, ["WebApplication", "OrganizationService", "OrganizationDataService"]);
    const list = await web.retrieveMultiple({ collection: "organizations", select: ["name"] });
    equal(
      "one row",
      list.value.map((row) => row.organizationid),
      [Detail.OrganizationId],
    );
  },

  async RetrieveTotalRecordCount(web) {
    const { EntityRecordCountCollection: counts } = await web.callFunction({
      name: "RetrieveTotalRecordCount",
      parameters: { EntityNames: ["account", "contact"] },
    });
    equal("both tables", [counts.Count, counts.Keys], [2, ["account", "contact"]]);
    truth("hundreds of accounts", counts.Values[0] >= 400, counts.Values);
  },

  async refusals(web) {
    await refused("no such function", 404, "0x8006088a", web.callFunction("NoSuchFunction"));
    await refused(
      "a table that is not there",
      400,
      null,
      web.callFunction({ name: "RetrieveTotalRecordCount", parameters: { EntityNames: ["nosuchtable"] } }),
    );
  },
};
