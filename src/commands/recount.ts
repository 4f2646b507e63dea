import { parseArgs } from "node:util";
import { recount, type Difference } from "../jobs/recount";
import { ExitStatus, print, readArguments, runCommand } from "./command";

const USAGE = `Usage: npm run recount [-- --fix]

Compares every counter with the rows it counts and prints those that differ. The server may run.
The exit status is 1 when any differ.

  --fix  mend them; the exit status is then 0
`;

const { fix } = readArguments(USAGE, (args) => {
  const { values } = parseArgs({ args, options: { fix: { type: "boolean", default: false } } });
  return values;
});

void runCommand(async () => {
  let found = 0;
  for await (const difference of recount({ fix })) {
    if (found === 0) {
      print(row("counter", "document", "stored", "counted"));
    }
    found += 1;
    print(rowOf(difference));
  }
  if (found === 0) {
    print("Every counter is what its rows say.");
    return ExitStatus.done;
  }
  print(
    `${found} ${found === 1 ? "counter" : "counters"} ${fix ? "mended" : "differ: --fix mends"}`,
  );
  return fix ? ExitStatus.done : ExitStatus.failed;
});

function rowOf({ counter, id, stored, counted }: Difference): string {
  return row(counter, id, String(stored ?? "none"), String(counted));
}

function row(counter: string, document: string, stored: string, counted: string): string {
  return [counter.padEnd(26), document.padEnd(26), stored.padStart(10), counted.padStart(10)].join(
    "",
  );
}
