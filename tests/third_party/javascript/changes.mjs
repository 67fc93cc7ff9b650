// Change tracking: trackChanges, delta links, deletions, expiry.

import { API, advance, equal, make, mark, refused, truth } from "./support.mjs";

const collection = "contacts";
const tracked = (web, link) => web.retrieveMultiple({ collection, select: ["lastname"], trackChanges: true }, link);

/** The delta link after everything that is there now. */
async function now(web) {
  const all = await web.retrieveAll({ collection, select: ["lastname"], trackChanges: true });
  truth("a delta link of ours", all.oDataDeltaLink?.startsWith(API), all.oDataDeltaLink);
  return all.oDataDeltaLink;
}

export default {
  async "what changed since"(web) {
    const [changed, gone] = await make(web, collection, [{ lastname: "Changed" }, { lastname: "Gone" }]);
    const link = await now(web);
    equal("nothing yet", (await tracked(web, link)).value, []);
    const fresh = await web.create({ collection, data: { lastname: "Fresh" } });
    await web.update({ collection, key: changed, data: { lastname: mark("new") } });
    await web.deleteRecord({ collection, key: gone });
    const delta = await tracked(web, link);
    equal(
      "all three, the deleted last",
      [delta.value.length, delta.value[2]?.id, delta.value[2]?.reason],
      [3, gone, "deleted"],
    );
    equal(
      "the others",
      delta.value
        .slice(0, 2)
        .map((row) => row.contactid)
        .sort(),
      [changed, fresh].sort(),
    );
    truth("a new link", delta.oDataDeltaLink && delta.oDataDeltaLink !== link, delta.oDataDeltaLink);
    equal("from which nothing changed", (await tracked(web, delta.oDataDeltaLink)).value.length, 0);
    equal("the old link still works", (await tracked(web, link)).value.length, 3);
  },

  async "how many changed"(web) {
    const link = await now(web);
    await web.create({ collection, data: { lastname: "Counted" } });
    const token = link.match(/\$deltatoken=([^&]+)/)[1];
    equal(
      "one",
      await web.retrieveMultiple({ collection: "contacts" }, `${API}contacts/$count?$deltatoken=${token}`),
      1,
    );
  },

  async "what tracking refuses"(web) {
    for (const [option, words] of [
      [{ filter: "lastname eq 'x'" }, "$filter"],
      [{ orderBy: ["lastname"] }, "$orderby"],
      [{ top: 1 }, "$top"],
    ]) {
      const error = await refused(
        words,
        400,
        null,
        web.retrieveMultiple({ collection, select: ["lastname"], trackChanges: true, ...option }),
      );
      truth(`names ${words}`, error?.message.includes(words), error?.message);
    }
  },

  async "a link that has expired"(web) {
    const link = await now(web);
    await advance(8 * 24 * 3600);
    await refused("expired", 400, "0x80044352", tracked(web, link));
    equal("a full sync works", (await tracked(web, await now(web))).value, []);
  },
};
