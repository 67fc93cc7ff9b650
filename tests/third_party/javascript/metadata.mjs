// Definitions: entities, attributes with casts, relationships, keys, option sets, CSDL, the service document.

import { GUID, equal, refused, truth } from "./support.mjs";

const account = "LogicalName='account'";
const NAMESPACE = "Microsoft.Dynamics.CRM";

export default {
  async entities(web) {
    const list = await web.retrieveEntities({ select: ["LogicalName", "EntitySetName"] });
    const sets = Object.fromEntries(list.value.map((row) => [row.LogicalName, row.EntitySetName]));
    for (const [table, set] of [
      ["account", "accounts"],
      ["contact", "contacts"],
      ["incident", "incidents"],
      ["systemuser", "systemusers"],
      ["team", "teams"],
      ["businessunit", "businessunits"],
      ["organization", "organizations"],
      ["transactioncurrency", "transactioncurrencies"],
    ]) {
      equal(table, sets[table], set);
    }
    const filtered = await web.retrieveEntities({
      select: ["LogicalName"],
      filter: "ChangeTrackingEnabled eq true and LogicalName eq 'account'",
    });
    equal(
      "filtered",
      filtered.value.map((row) => row.LogicalName),
      ["account"],
    );
  },

  async "an entity"(web) {
    const entity = await web.retrieveEntity({
      key: account,
      select: ["LogicalName", "MetadataId", "PrimaryNameAttribute"],
    });
    equal("by name", entity.PrimaryNameAttribute, "name");
    truth("its id", GUID.test(entity.MetadataId), entity);
    const again = await web.retrieveEntity({
      key: entity.MetadataId,
      select: ["LogicalName"],
      expand: [{ property: "Attributes", select: ["LogicalName"] }],
    });
    equal("by id", again.LogicalName, "account");
    truth(
      "with its attributes",
      again.Attributes.some((attribute) => attribute.LogicalName === "accountnumber"),
      again.Attributes.length,
    );
    await refused("none", 404, null, web.retrieveEntity({ key: "LogicalName='nosuchtable'" }));
  },

  async attributes(web) {
    const list = await web.retrieveAttributes({
      entityKey: account,
      select: ["LogicalName", "AttributeType"],
      filter: "LogicalName eq 'revenue'",
    });
    equal(
      "filtered",
      list.value.map((row) => row.AttributeType),
      ["Money"],
    );
    const texts = await web.retrieveAttributes({
      entityKey: account,
      castType: `${NAMESPACE}.StringAttributeMetadata`,
      select: ["LogicalName", "MaxLength"],
    });
    equal("cast", texts.value.find((row) => row.LogicalName === "name")?.MaxLength, 160);
    const one = await web.retrieveAttribute({
      entityKey: account,
      attributeKey: "LogicalName='customertypecode'",
      castType: `${NAMESPACE}.PicklistAttributeMetadata`,
      select: ["LogicalName"],
      expand: [{ property: "OptionSet", select: ["Options"] }],
    });
    const labels = Object.fromEntries(
      one.OptionSet.Options.map((option) => [option.Value, option.Label.UserLocalizedLabel.Label]),
    );
    equal("options", labels[3], "Customer");
    const states = await web.retrieveAttribute({
      entityKey: account,
      attributeKey: "LogicalName='statuscode'",
      castType: `${NAMESPACE}.StatusAttributeMetadata`,
      expand: [{ property: "OptionSet" }],
    });
    equal(
      "states of statuses",
      states.OptionSet.Options.map((option) => option.State),
      [0, 1],
    );
    await refused("none", 404, null, web.retrieveAttribute({ entityKey: account, attributeKey: "LogicalName='nope'" }));
  },

  async relationships(web) {
    const list = await web.retrieveRelationships({
      castType: `${NAMESPACE}.OneToManyRelationshipMetadata`,
      select: ["SchemaName", "ReferencedEntity", "ReferencingAttribute", "MetadataId"],
      filter: "SchemaName eq 'contact_customer_accounts'",
    });
    const [found] = list.value;
    equal("by name", [found?.ReferencedEntity, found?.ReferencingAttribute], ["account", "parentcustomerid"]);
    const one = await web.retrieveRelationship({
      key: found?.MetadataId,
      castType: `${NAMESPACE}.OneToManyRelationshipMetadata`,
      select: ["SchemaName"],
    });
    equal("by id", one.SchemaName, "contact_customer_accounts");
    const all = await web.retrieveRelationships({ select: ["SchemaName"] });
    truth("many", all.value.length > 5, all.value.length);
  },

  async "global option sets"(web) {
    const { value } = await web.retrieveGlobalOptionSets({ select: ["Name", "MetadataId"] });
    const regions = value.find((row) => row.Name === "new_region");
    truth("an id", GUID.test(regions?.MetadataId), value);
    const one = await web.retrieveGlobalOptionSet({ key: regions?.MetadataId });
    equal("by id", [one.Name, one.IsGlobal], ["new_region", true]);
    equal(
      "options",
      one.Options.map((option) => [option.Value, option.Label.UserLocalizedLabel.Label])[0],
      [100000000, "North"],
    );
    const named = await web.retrieveGlobalOptionSet({
      key: "Name='new_region'",
      castType: `${NAMESPACE}.OptionSetMetadata`,
      select: ["Name", "Options"],
    });
    equal("by name, cast", [named.MetadataId, named.Options.length], [regions?.MetadataId, one.Options.length]);
    await refused("none", 404, null, web.retrieveGlobalOptionSet({ key: "Name='nope'" }));
  },

  async "an entity put back"(web) {
    const key = "LogicalName='team'";
    const tracked = async () =>
      (await web.retrieveEntity({ key, select: ["ChangeTrackingEnabled"] })).ChangeTrackingEnabled;
    const { oDataContext, ...whole } = await web.retrieveEntity({ key });
    await web.updateEntity({ data: whole });
    equal("as it was", await tracked(), whole.ChangeTrackingEnabled);
    await web.updateEntity({ data: { ...whole, ChangeTrackingEnabled: true } });
    equal("tracked", await tracked(), true);
    await refused("not switched off", 400, null, web.updateEntity({ data: { ...whole, ChangeTrackingEnabled: false } }));
    equal("tracked still", await tracked(), true);
  },

  async keys(web) {
    const entity = await web.retrieveEntity({
      key: account,
      select: ["SchemaName"],
      expand: [{ property: "Keys", select: ["SchemaName", "KeyAttributes", "EntityKeyIndexStatus"] }],
    });
    const key = entity.Keys.find((key) => key.KeyAttributes.join() === "accountnumber");
    equal("active", key?.EntityKeyIndexStatus, "Active");
  },

  async CSDL(web) {
    const xml = await web.retrieveCsdlMetadata();
    truth("a document", xml.startsWith("<?xml") || xml.startsWith("<edmx:Edmx"), xml.slice(0, 60));
    truth("the namespace", xml.includes('Namespace="Microsoft.Dynamics.CRM"'));
    truth("a type", xml.includes('EntityType Name="account"'));
    truth("a lookup's value", xml.includes('Name="_primarycontactid_value"'));
    truth("no annotations", !xml.includes("Org.OData.Core.V1.Description"));
    const annotated = await web.retrieveCsdlMetadata({ addAnnotations: true });
    truth("annotations", annotated.includes("Org.OData.Core.V1") || annotated.includes("Org.OData.Capabilities.V1"));
  },

  async "the service document"(web) {
    const list = await web
      .callFunction({ name: "" })
      .catch(() => web.retrieveMultiple({ collection: "accounts" }, `${process.env.TANDEM_URL}/api/data/v9.2/`));
    truth(
      "lists the sets",
      list.value.some((set) => set.name === "accounts" && set.kind === "EntitySet"),
      list,
    );
  },
};
