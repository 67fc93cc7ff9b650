// What is outside of the emulator is refused with 501 and its name: metadata writes, search, saved queries.

import { equal, newId, refused, unsupported } from "./support.mjs";

const account = "LogicalName='account'";
const collection = "accounts";

export default {
  async "writing entities and attributes"(web) {
    const { MetadataId } = await web.retrieveEntity({ key: account, select: ["MetadataId"] });
    await unsupported("createEntity", "metadata", web.createEntity({ data: { SchemaName: "new_Thing" } }));
    await unsupported(
      "updateEntity",
      "DisplayName",
      web.updateEntity({ data: { MetadataId, SchemaName: "Account", DisplayName: null } }),
    );
    await unsupported(
      "createAttribute",
      "metadata",
      web.createAttribute({ entityKey: account, data: { SchemaName: "new_Size" } }),
    );
    await unsupported(
      "updateAttribute",
      "metadata",
      web.updateAttribute({ entityKey: account, data: { MetadataId: newId(), SchemaName: "Name" } }),
    );
    equal("unchanged", (await web.retrieveEntity({ key: account, select: ["SchemaName"] })).SchemaName, "Account");
  },

  async "writing relationships"(web) {
    const { value } = await web.retrieveRelationships({ select: ["MetadataId", "SchemaName"] });
    const [{ MetadataId, SchemaName }] = value;
    await unsupported("create", "metadata", web.createRelationship({ data: { SchemaName: "new_one" } }));
    await unsupported("update", "metadata", web.updateRelationship({ data: { MetadataId, SchemaName } }));
    await unsupported("delete", "metadata", web.deleteRelationship({ key: MetadataId }));
    equal("unchanged", (await web.retrieveRelationships({ select: ["SchemaName"] })).value.length, value.length);
  },

  async "writing global option sets"(web) {
    const { value } = await web.retrieveGlobalOptionSets({ select: ["MetadataId", "Name"] });
    const [{ MetadataId, Name }] = value;
    await unsupported("create", "metadata", web.createGlobalOptionSet({ data: { Name: "new_set" } }));
    await unsupported("update", "metadata", web.updateGlobalOptionSet({ data: { MetadataId, Name } }));
    await unsupported("delete", "metadata", web.deleteGlobalOptionSet({ key: MetadataId }));
    equal("unchanged", (await web.retrieveGlobalOptionSets()).value.length, value.length);
  },

  async "files: no table has a file column"(web) {
    const key = await web.create({ collection, data: { name: "File" } });
    await refused(
      "upload",
      404,
      "0x8006088a",
      web.uploadFile({ collection, key, property: "new_document", fileName: "a.txt", data: Buffer.from("a") }),
    );
    await refused("download", 404, "0x8006088a", web.downloadFile({ collection, key, property: "new_document" }));
  },

  async search(web) {
    await unsupported("search", "search", web.search({ query: { search: "contoso" } }));
    await unsupported("query", "search", web.query({ query: { search: "contoso" } }));
    await unsupported("suggest", "search", web.suggest({ query: { search: "con" } }));
    await unsupported("autocomplete", "search", web.autocomplete({ query: { search: "con" } }));
  },

  async "saved queries"(web) {
    await unsupported(
      "savedQuery",
      "savedQuery",
      web.retrieveMultiple({ collection, queryParams: [`savedQuery=${newId()}`] }),
    );
    await unsupported(
      "userQuery",
      "userQuery",
      web.retrieveMultiple({ collection, queryParams: [`userQuery=${newId()}`] }),
    );
    await refused(
      "partitionId of elastic tables",
      400,
      "0x80060888",
      web.retrieveMultiple({ collection, select: ["name"], partitionId: "p" }),
    );
  },
};
