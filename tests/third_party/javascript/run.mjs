// Runs every check of every area against the emulator at $TANDEM_URL, and prints how many there were.

import { connect, tally, truth } from "./support.mjs";

const AREAS = [
  "crud",
  "conditions",
  "lookups",
  "properties",
  "queries",
  "expand",
  "apply",
  "counts",
  "paging",
  "changes",
  "fetchxml",
  "associate",
  "batch",
  "actions",
  "functions",
  "metadata",
  "outside",
  "errors",
  "wire",
];

const wanted = process.argv.length > 2 ? process.argv.slice(2) : AREAS;
for (const area of wanted) {
  const { default: checks } = await import(`./${area}.mjs`);
  for (const [name, check] of Object.entries(checks)) {
    const before = tally.failures.length;
    try {
      await check(connect());
    } catch (error) {
      const line = error.stack?.match(new RegExp(`${area}\\.mjs:\\d+`))?.[0] ?? "";
      const seen = [error.status, error.code, error.message ?? JSON.stringify(error)].join(" ");
      truth(`broke off ${line}`, false, seen);
    }
    for (const failure of tally.failures.slice(before)) console.error(`FAILED ${area}, ${name}: ${failure}`);
  }
}
console.log(`${tally.checks} checks`);
process.exit(tally.failures.length ? 1 : 0);
