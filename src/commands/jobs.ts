import { parseArgs } from "node:util";
import { JOB_STATES } from "../constants";
import { cancelVideo, listJobs, retryVideo, type JobEntry } from "../jobs/steering";
import { ExitStatus, print, readArguments, runCommand } from "./command";

const USAGE = `Usage: npm run jobs -- list [--state STATE]
       npm run jobs -- retry VIDEO
       npm run jobs -- cancel VIDEO

Shows and steers the processing of videos. The server may run.

  list          print the jobs, of each state those first that have changed last
  --state       only those that are ${JOB_STATES.join(", ")}
  retry VIDEO   begin again what has failed, by the video's id
  cancel VIDEO  end what waits or runs; the video stays playable as it was uploaded
`;

type Command =
  | { act: "list"; state: JobEntry["state"] | undefined }
  | { act: "retry" | "cancel"; video: string };

const command = readArguments(USAGE, readCommand);

void runCommand(async () => {
  if (command.act === "list") {
    await list(command.state);
  } else if (command.act === "retry") {
    await retryVideo(command.video);
    print("Queued.");
  } else {
    await cancelVideo(command.video);
    print("Cancelled.");
  }
  return ExitStatus.done;
});

function readCommand(args: string[]): Command {
  const options = { state: { type: "string" } } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [act, video, ...others] = positionals;
  const state = JOB_STATES.find((one) => one === values.state);
  const isKnown = state === values.state;
  if (act === "list" && video === undefined && isKnown) {
    return { act, state };
  }
  const isOne = others.length === 0 && values.state === undefined && isId(video);
  if ((act === "retry" || act === "cancel") && isOne) {
    return { act, video };
  }
  throw new Error("no command of ours");
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{24}$/.test(text);
}

async function list(state: JobEntry["state"] | undefined): Promise<void> {
  print(row("video", "state", "attempts", "changed", "error"));
  for await (const { video, attempts, changedAt, error, ...job } of listJobs(state)) {
    print(row(video, job.state, String(attempts), changedAt.toISOString(), error ?? ""));
  }
}

function row(...cells: string[]): string {
  const widths = [26, 12, 10, 26];
  return cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join("")
    .trimEnd();
}
