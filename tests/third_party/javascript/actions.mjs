// callAction: the messages for many rows, and background operations.

import { GUID, equal, mark, newId, refused, truth, unsupported } from "./support.mjs";

const collection = "accounts";
const target = (data) => ({ "@odata.type": "Microsoft.Dynamics.CRM.account", ...data });
const many = (web, message, targets) =>
  web.callAction({ collection, actionName: `Microsoft.Dynamics.CRM.${message}`, action: { Targets: targets } });
const named = async (web, name) =>
  (
    await web.retrieveMultiple({
      collection,
      select: ["telephone1"],
      filter: `name eq '${name}'`,
      orderBy: ["telephone1"],
    })
  ).value.map((row) => row.telephone1);

export default {
  async CreateMultiple(web) {
    const name = mark("cm");
    const answer = await many(web, "CreateMultiple", [
      target({ name, telephone1: "1" }),
      target({ name, telephone1: "2" }),
    ]);
    truth("two ids", answer.Ids.length === 2 && answer.Ids.every((id) => GUID.test(id)), answer);
    equal("in order", (await web.retrieve({ collection, key: answer.Ids[1], select: ["telephone1"] })).telephone1, "2");
  },

  async UpdateMultiple(web) {
    const name = mark("um");
    const { Ids } = await many(web, "CreateMultiple", [target({ name }), target({ name })]);
    await many(
      web,
      "UpdateMultiple",
      Ids.map((accountid, index) => target({ accountid, telephone1: String(index) })),
    );
    equal("both", await named(web, name), ["0", "1"]);
    await refused(
      "one is missing",
      404,
      "0x80040217",
      many(web, "UpdateMultiple", [
        target({ accountid: Ids[0], telephone1: "9" }),
        target({ accountid: newId(), telephone1: "9" }),
      ]),
    );
    equal("none changed", await named(web, name), ["0", "1"]);
  },

  async UpsertMultiple(web) {
    const name = mark("us");
    const number = name.slice(0, 12);
    const targets = [
      target({ accountid: newId(), name, telephone1: "1" }),
      target({ "@odata.id": `accounts(accountnumber='${number}')`, name, telephone1: "2" }),
    ];
    await many(web, "UpsertMultiple", targets);
    equal("created", await named(web, name), ["1", "2"]);
    await many(
      web,
      "UpsertMultiple",
      targets.map((row) => ({ ...row, telephone1: `${row.telephone1}0` })),
    );
    equal("updated", await named(web, name), ["10", "20"]);
  },

  async "all or nothing"(web) {
    const name = mark("an");
    await refused(
      "too long",
      400,
      "0x80044331",
      many(web, "CreateMultiple", [target({ name }), target({ name: "x".repeat(161) })]),
    );
    equal("no row", await named(web, name), []);
    await refused("no type", 400, null, many(web, "CreateMultiple", [{ name }]));
  },

  async "DeleteMultiple is for elastic tables"(web) {
    const error = await refused("refused", 501, null, many(web, "DeleteMultiple", [target({ accountid: newId() })]));
    truth(
      "in Dataverse's words",
      error?.message.includes("DeleteMultiple has not yet been implemented"),
      error?.message,
    );
  },

  async "actions that are none"(web) {
    await refused("unbound", 404, "0x8006088a", web.callAction({ actionName: "NoSuchAction", action: {} }));
    const key = await web.create({ collection, data: { name: "x" } });
    await unsupported(
      "bound",
      "NoSuchAction",
      web.callAction({ collection, key, actionName: "Microsoft.Dynamics.CRM.NoSuchAction", action: {} }),
    );
  },

  async "background operations"(web) {
    await unsupported(
      "started",
      "respond-async",
      web.callAction({
        collection,
        actionName: "Microsoft.Dynamics.CRM.CreateMultiple",
        action: { Targets: [target({ name: "x" })] },
        respondAsync: true,
      }),
    );
    await unsupported("asked for", "background operation", web.getBackgroundOperationStatus(newId()));
    await unsupported("cancelled", "background operation", web.cancelBackgroundOperation(newId()));
  },
};
