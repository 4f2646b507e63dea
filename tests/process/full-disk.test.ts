import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { config } from "../../src/config/env";
import { ringBell } from "../../src/jobs/queue";
import { Job } from "../../src/models/job.model";
import { UnclaimedFile } from "../../src/models/unclaimed-file.model";
import { api, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { filesIn } from "../support/files";
import { newPerson } from "../support/people";
import { jobWhen, processed, whileWorking } from "../support/processing";
import { publish } from "../support/videos";

const folder = join(config.dataDir, "media");

/** A small file system of our own for what is stored; only root may mount one. */
function mounted(): boolean {
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const canMount = mounted();

useApi();

afterAll(() => {
  if (canMount) {
    execFileSync("umount", [folder]);
  }
});

const name = canMount ? "a full disk" : "a full disk (skipped: mounting a tmpfs needs root)";
const filler = join(folder, "filler");

/** Leaves no page of the disk. */
async function fill(): Promise<void> {
  const written = writeFile(filler, Buffer.alloc(1024 ** 2));
  await expect(written).rejects.toMatchObject({ code: "ENOSPC" });
}

(canMount ? describe : describe.skip)(name, () => {
  it("refuses uploads with 507, lets processing wait, and is forgotten once there is room", async () => {
    const asha = await newPerson();
    const { _id } = await publish(asha);
    const before = (await filesIn("media")).sort();
    await fill();

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
});
