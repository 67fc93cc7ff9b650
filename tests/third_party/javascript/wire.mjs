// What the client puts on the wire (contract 16), as the emulator's log has it, and what it needs back.

import { API, equal, forget, http, mark, newId, received, truth } from "./support.mjs";

export default {
  async "the entity id ends with the key"() {
    const accountid = newId();
    const answer = await http("POST", "/api/data/v9.2/accounts", { accountid, name: "Header" });
    equal("204 without a body", [answer.status, answer.text], [204, ""]);
    equal("the header", answer.headers["odata-entityid"], `${API}accounts(${accountid})`);
  },

  async representation() {
    const answer = await http(
      "POST",
      "/api/data/v9.2/accounts",
      { name: "Whole" },
      { Prefer: "return=representation" },
    );
    equal(
      "201, and the preference applied",
      [answer.status, answer.headers["preference-applied"]],
      [201, "return=representation"],
    );
  },

  async "a list of preferences in any order"() {
    const answer = await http("GET", "/api/data/v9.2/accounts?$select=name", undefined, {
      Prefer: 'odata.include-annotations="*",odata.maxpagesize=2',
    });
    const list = JSON.parse(answer.text);
    equal("a page", list.value.length, 2);
    truth("both applied", answer.headers["preference-applied"].includes("odata.maxpagesize=2"), answer.headers);
  },

  async "one connection for many requests"(web) {
    await forget();
    for (let index = 0; index < 5; index += 1)
      await web.retrieveMultiple({ collection: "accounts", select: ["name"], top: 1 });
    const lists = (await received()).filter((entry) => entry.path.includes("/accounts"));
    equal("five requests", lists.length, 5);
  },

  async "batch answers begin with their delimiter"() {
    const boundary = `dwa_batch_${mark("x")}`;
    const part = [
      "",
      `--${boundary}`,
      "Content-Type: application/http",
      "Content-Transfer-Encoding: binary",
      "",
      `GET ${API}WhoAmI HTTP/1.1`,
      "Accept: application/json",
      "",
      `--${boundary}--`,
      "",
    ].join("\r\n");
    const answer = await post(part, boundary);
    equal("200", answer.status, 200);
    truth("no preamble", answer.text.startsWith("--batchresponse_"), answer.text.slice(0, 40));
    truth("a reason phrase", answer.text.includes("HTTP/1.1 200 OK"), answer.text);
    const bare = await post(part.replaceAll("\r\n", "\n"), boundary);
    equal("LF is refused", [bare.status, JSON.parse(bare.text).error?.code], [400, "0x80048d19"]);
  },
};

/** A batch as it is, byte by byte. */
async function post(body, boundary) {
  const { request } = await import("node:https");
  return new Promise((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${process.env.TANDEM_TOKEN}`,
      "Content-Type": `multipart/mixed;boundary=${boundary}`,
    };
    const sent = request(`${API}$batch`, { method: "POST", headers }, (answer) => {
      let text = "";
      answer.on("data", (chunk) => (text += chunk));
      answer.on("end", () => resolve({ status: answer.statusCode, text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
