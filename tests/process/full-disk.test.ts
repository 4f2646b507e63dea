import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { config } from "../../src/config/env";
import { ringBell } from "../../src/jobs/queue";
import { Job } from "../../src/models/job.model";
import { UnclaimedFile } from "../../src/models/unclaimed-file.model";
import { api, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { filesIn, mediaPath } from "../support/files";
import { newPerson } from "../support/people";
import { jobWhen, processed, whileWorking } from "../support/processing";
import { begin, piece, progress } from "../support/tus";
import { publish } from "../support/videos";

const media = join(config.dataDir, "media");
const resumable = join(config.dataDir, "resumable");

/** Small file systems of our own for what is stored or arrives; only root may mount any. */
function mounted(): string[] {
  try {
    return [media, resumable].filter((folder) => {
      mkdirSync(folder, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], {
        stdio: "ignore",
      });
      return true;
    });
  } catch {
    return [];
  }
}

const mounts = mounted();
const canMount = mounts.length > 0;

useApi();

afterAll(() => {
  mounts.forEach((folder) => execFileSync("umount", [folder]));
});

const name = canMount ? "a full disk" : "a full disk (skipped: mounting a tmpfs needs root)";

/** Leaves no page of the disk. */
async function fill(folder: string): Promise<string> {
  const filler = join(folder, "filler");
  const written = writeFile(filler, Buffer.alloc(1024 ** 2));
  await expect(written).rejects.toMatchObject({ code: "ENOSPC" });
  return filler;
}

(canMount ? describe : describe.skip)(name, () => {
  it("refuses uploads with 507, lets processing wait, and is forgotten once there is room", async () => {
    const asha = await newPerson();
    const { _id } = await publish(asha);
    const before = (await filesIn("media")).sort();
    const filler = await fill(media);

    const refused = await api("post", "/videos", asha.accessToken)
      .field({ title: "A walk" })
      .attach("videoFile", await makeClip())
      .expect(507);
    expect(refused.body.code).toBe("STORAGE_FULL");

    await whileWorking(async () => {
      const job = await jobWhen(_id, ({ attempts, state }) => attempts === 1 && state === "queued");
      expect(job.error!.code).toBe("STORAGE_FULL");
      expect(job.availableAt!.getTime()).toBeGreaterThan(Date.now());
      await rm(filler);
      expect((await filesIn("media")).sort()).toEqual(before);
      expect(await readdir(config.workFolder)).toEqual([]);
      expect(await UnclaimedFile.countDocuments()).toBe(0);

      await Job.updateOne({ target: _id }, { $set: { availableAt: new Date() } });
      ringBell();
      expect(await processed(_id)).toMatchObject({ state: "ready", attempts: 2 });
    });
  });

  it("answers 507 to a piece of an upload, which goes on once there is room", async () => {
    const { accessToken: token } = await newPerson();
    const clip = await readFile(await makeClip());
    const path = await begin(token, clip.length);
    const half = Math.floor(clip.length / 2);
    await piece(path, token, 0, clip.subarray(0, half)).expect(204);
    const filler = await fill(resumable);

    const refused = await piece(path, token, half, clip.subarray(half)).expect(507);
    expect(refused.body.code).toBe("STORAGE_FULL");

    await rm(filler);
    const { headers } = await progress(path, token).expect(200);
    const offset = Number(headers["upload-offset"]);
    expect(offset).toBeGreaterThanOrEqual(half);
    const reply = await piece(path, token, offset, clip.subarray(offset)).expect(204);
    const { body } = await api("get", `/videos/${reply.headers["x-video-id"]}`, token).expect(200);
    const file = await api("get", mediaPath(body.data.videoFile), token).buffer();
    expect(clip.equals(file.body as Buffer)).toBe(true);
  });
});
