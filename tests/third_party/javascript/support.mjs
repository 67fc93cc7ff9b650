// What every area uses: the client under test, and the ways to say what a user must see.
// A check that fails is written down and the suite goes on, so that one run tells everything.

import { randomUUID } from "node:crypto";
import https from "node:https";
import { isDeepStrictEqual } from "node:util";
import { DynamicsWebApi } from "dynamics-web-api";

export const URL = process.env.TANDEM_URL;
export const TOKEN = process.env.TANDEM_TOKEN;
export const API = `${URL}/api/data/v9.2/`;
export const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const UNSUPPORTED = "0x80040315";
export const FORMATTED = "OData.Community.Display.V1.FormattedValue";

export const tally = { checks: 0, failures: [] };

/** A client of the emulator; the options are the client's own. */
export const connect = (options = {}) =>
  new DynamicsWebApi({ serverUrl: URL, onTokenRefresh: async () => TOKEN, ...options });

export function truth(what, condition, seen) {
  tally.checks += 1;
  if (!condition) tally.failures.push(`${what}: saw ${show(seen)}`);
}

export function equal(what, seen, expected) {
  truth(what, isDeepStrictEqual(seen, expected), `${show(seen)} instead of ${show(expected)}`);
}

const show = (value) => (typeof value === "string" ? value : JSON.stringify(value));

/** The promise is refused with this status and, unless it is null, this error code of the service. */
export async function refused(what, status, code, promise) {
  try {
    const result = await promise;
    truth(what, false, `no refusal but ${show(result)}`);
  } catch (error) {
    const seen = [error.status, error.code];
    equal(`${what} (${error.message})`, seen, [status, code ?? error.code]);
    return error;
  }
}

/** The promise is refused with 501, and the refusal names the feature, which is a pattern. */
export async function unsupported(what, feature, promise) {
  const error = await refused(what, 501, UNSUPPORTED, promise);
  truth(`${what}: named`, new RegExp(feature, "i").test(error?.message), error?.message);
}

/** The client itself refuses. */
export async function raises(what, words, call) {
  try {
    truth(what, false, `no error but ${show(await call())}`);
  } catch (error) {
    const { message } = Array.isArray(error) ? error[0] : error;
    truth(what, message.includes(words), message);
  }
}

export const newId = () => randomUUID();

/** A prefix that only this run's rows have. */
export const mark = (area) => `${area}-${randomUUID().slice(0, 8)}`;

/** Rows that a check needs and does not test: one plain create each; their ids. */
export async function make(web, collection, rows) {
  const ids = [];
  for (const data of rows) ids.push(await web.create({ collection, data }));
  return ids;
}

/** A plain request beside the client: status, headers and text. */
export function http(method, path, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = {
      method,
      headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json", ...headers },
    };
    const request = https.request(path.startsWith("http") ? path : `${URL}${path}`, options, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk) => (text += chunk));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export const arm = (fault) => http("POST", "/emulator/faults", fault);
export const disarm = () => http("DELETE", "/emulator/faults");
export const advance = (seconds) => http("POST", "/emulator/clock", { advance_s: seconds });
export const forget = () => http("DELETE", "/emulator/log");
export const received = async () => JSON.parse((await http("GET", "/emulator/log")).text).requests;
