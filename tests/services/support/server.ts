import { join } from "node:path";
import { locateFfmpeg } from "../../../src/services/ffmpeg";
import { stream } from "../../../src/services/ffmpeg/process";

/** Runs the program `ffmpeg` of a folder in the place of ffmpeg, as a server does. */
async function serve(folder: string): Promise<void> {
  const tools = { ...(await locateFfmpeg()), ffmpeg: join(folder, "ffmpeg") };
  const file = join(folder, "upload.mp4");
  const task = { program: "ffmpeg", inputOptions: [], file, timeout: 600_000 } as const;
  await stream(tools, task, () => new Promise(() => undefined));
}

void serve(process.argv[2]!);
