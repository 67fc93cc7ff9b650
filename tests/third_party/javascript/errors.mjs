// What a user sees of a service that refuses: 401, 403, 429, 5xx, a reset, a time-out, an abort.

import { GUID, arm, connect, disarm, equal, newId, raises, refused, truth } from "./support.mjs";

const collection = "accounts";
const list = (web, more = {}) => web.retrieveMultiple({ collection, select: ["name"], top: 1, ...more });

export default {
  async "a wrong token"() {
    const error = await refused("401", 401, undefined, list(connect({ onTokenRefresh: async () => "wrong" })));
    truth("the challenge", error?.headers["www-authenticate"]?.includes("authorization_uri"), error?.headers);
    await raises("no token", "Token is empty", () => list(connect({ onTokenRefresh: async () => null })));
  },

  async "an error tells what it knows"(web) {
    const error = await refused("404", 404, "0x80040217", web.retrieve({ collection, key: newId() }));
    truth("message", error?.message.includes("Does Not Exist"), error?.message);
    truth("request id", GUID.test(error?.headers["x-ms-service-request-id"]?.split(",")[0]), error?.headers);
    truth("dop hint", Number(error?.headers["x-ms-dop-hint"]) > 0, error?.headers);
  },

  async throttled(web) {
    await arm({ count: 1, status: 429, retry_after: 9, code: "0x80072321" });
    const error = await refused("429", 429, "0x80072321", list(web));
    await disarm();
    equal("Retry-After", error?.headers["retry-after"], "9");
    equal("then it works", (await list(web)).value.length, 1);
  },

  async unavailable(web) {
    for (const status of [502, 503, 504]) {
      await arm({ count: 1, status });
      await refused(String(status), status, null, list(web));
    }
    await disarm();
  },

  async "a connection that is reset"(web) {
    await arm({ count: 1, reset: "before" });
    let code;
    await list(web).catch((error) => (code = error.code));
    await disarm();
    truth("an error of the connection", ["ECONNRESET", "EPIPE"].includes(code), code);
    equal("then it works", (await list(web)).value.length, 1);
  },

  async "too slow, and given up"(web) {
    await arm({ count: 1, delay_ms: 3000 });
    const began = Date.now();
    await raises("a time-out", "hang up", () => list(web, { timeout: 200 }));
    truth("in time", Date.now() - began < 2500, Date.now() - began);
    await disarm();
    await arm({ count: 1, delay_ms: 3000 });
    await raises("an abort", "abort", () => list(web, { signal: AbortSignal.timeout(200) }));
    await disarm();
  },
};
