import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  makeAudioTrack,
  makePosters,
  makeStoryboard,
  makeVideoTrack,
  planHls,
} from "../../src/services/ffmpeg";
import { inspectSource } from "../../src/services/ffmpeg/source";
import { clipTools, makeClip } from "../support/clips";

const folder = mkdtempSync(join(tmpdir(), "media-"));

/** A small file system of our own; only root may mount one. */
function mounted(): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=32k", "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const canMount = mounted();

afterAll(() => {
  if (canMount) {
    execFileSync("umount", [folder]);
  }
  rmSync(folder, { recursive: true });
});

const name = canMount ? "a full disk" : "a full disk (skipped: mounting a tmpfs needs root)";

(canMount ? describe : describe.skip)(name, () => {
  const path = (file: string) => join(folder, file);
  const full = expect.objectContaining({ code: "ENOSPC" });
  const clip = () => makeClip({ seconds: 10, width: 320, height: 240, audio: true });

  it.each([true, false])("ends a track and leaves nothing of it, copied: %s", async (isCopy) => {
    const tools = await clipTools();
    const plan = await planHls(tools, await clip());
    const rendition = { ...plan.renditions[0]!, isCopy };
    const picture = makeVideoTrack(tools, await clip(), plan, rendition, path("v.mp4"));
    await expect(picture).rejects.toEqual(full);
    const audio = isCopy ? ("copy" as const) : ("encode" as const);
    const sound = makeAudioTrack(tools, await clip(), { ...plan, audio }, path("a.mp4"));
    await expect(sound).rejects.toEqual(full);
    expect(await readdir(folder)).toEqual([]);
  });

  it("leaves no poster and no part of a storyboard", async () => {
    const tools = await clipTools();
    const board = { sprite: path("s.jpg"), index: path("s.vtt"), spriteName: "s.jpg" };
    const [large, small] = [await posterClip(), await makeClip()];
    const largeSource = await inspectSource(tools, large, {});
    const smallSource = await inspectSource(tools, small, {});
    for (const taken of [28, 20, 0]) {
      await writeFile(path("filler"), Buffer.alloc(1024 * taken));
      await expect(makePosters(tools, large, largeSource, folder)).rejects.toEqual(full);
      expect(await readdir(folder)).toEqual(["filler"]);
    }
    for (const taken of [32, 28]) {
      await writeFile(path("filler"), Buffer.alloc(1024 * taken));
      await expect(makeStoryboard(tools, small, smallSource, board)).rejects.toEqual(full);
      expect(await readdir(folder)).toEqual(["filler"]);
    }
    await rm(path("filler"));
  });

  const posterClip = () => makeClip({ seconds: 0.2, width: 1280, height: 720 });
});
