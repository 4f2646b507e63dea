import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { config } from "../../src/config/env";
import { newKey, saveWithFiles } from "../../src/jobs/files";
import { startJobs } from "../../src/jobs";
import { removeUser, removeVideo } from "../../src/jobs/removal";
import { Removal } from "../../src/models/removal.model";
import { Session } from "../../src/models/session.model";
import { UnclaimedFile } from "../../src/models/unclaimed-file.model";
import { User } from "../../src/models/user.model";
import { Video } from "../../src/models/video.model";
import { View } from "../../src/models/view.model";
import { WatchHistory } from "../../src/models/watch-history.model";
import { storage } from "../../src/services";
import { api, useApi } from "../support/api";
import { makeClip } from "../support/clips";
import { filesIn, mediaPath } from "../support/files";
import { newPerson, png } from "../support/people";
import { publish } from "../support/videos";

useApi();

/** What a start of the server does first. */
async function cleanUp(): Promise<void> {
  await startJobs(0).stop();
}

/** A file of this test that storage may take away. */
async function spareFile(): Promise<string> {
  await mkdir(config.dataDir, { recursive: true });
  const path = join(config.dataDir, `spare-${Date.now()}.mp4`);
  await copyFile(await makeClip(), path);
  return path;
}

const PAST = new Date(0);

describe("the clean-up", () => {
  it("finishes the removal of a video that was cut short", async () => {
    const [asha, ravi] = [await newPerson(), await newPerson()];
    const video = await publish(asha);
    await api("get", `/videos/${video._id}`, ravi.accessToken).expect(200);
    const stored = await Video.findByIdAndDelete(video._id);
    const files = [stored!.videoFile, stored!.thumbnail];
    await Removal.create({ kind: "video", target: video._id, files, removedAt: PAST });

    await cleanUp();
    const filter = { video: video._id };
    expect(await Removal.countDocuments()).toBe(0);
    expect([await View.countDocuments(filter), await WatchHistory.countDocuments(filter)]).toEqual([
      0, 0,
    ]);
    const names = await filesIn("media");
    for (const url of [video.videoFile, video.thumbnail]) {
      expect(names).not.toContain(mediaPath(url).split("/").at(-1));
    }
    await cleanUp();
  });

  it("finishes the removal of an account that was cut short", async () => {
    const asha = await newPerson();
    const video = await publish(asha);
    const { avatar } = (await User.findByIdAndDelete(asha._id))!;
    await Removal.create({ kind: "user", target: asha._id, files: [avatar], removedAt: PAST });
    await api("get", "/users/current-user", asha.accessToken).expect(401);

    await cleanUp();
    expect(await filesIn("media")).not.toContain(avatar.split("/").at(-1));
    expect(await Video.exists({ _id: video._id })).toBeNull();
    expect(await Session.countDocuments({ user: asha._id })).toBe(0);
  });

  it("removes a stored file that no document ever named", async () => {
    const { _id } = new Video();
    const key = newKey("videos", _id, "mp4");
    await UnclaimedFile.create({ key, removeAfter: new Date(Date.now() + 60_000) });
    await storage.put(key, await spareFile(), "video/mp4");
    await cleanUp();
    expect(await filesIn("media")).toContain(key.split("/").at(-1));

    await UnclaimedFile.updateOne({ key }, { removeAfter: PAST });
    await cleanUp();
    expect(await filesIn("media")).not.toContain(key.split("/").at(-1));
    expect(await UnclaimedFile.countDocuments()).toBe(0);
  });

  it("keeps a file whose document was saved although the ledger still has it", async () => {
    const video = await publish(await newPerson());
    const key = mediaPath(video.videoFile).replace("/media/", "");
    await UnclaimedFile.create({ key, removeAfter: PAST });
    await cleanUp();
    await api("get", mediaPath(video.videoFile)).expect(200);
    expect(await UnclaimedFile.countDocuments()).toBe(0);
  });

  it("is not needed when a save fails: its files go at once", async () => {
    const { _id } = new Video();
    const key = newKey("videos", _id, "mp4");
    const file = { key, path: await spareFile(), contentType: "video/mp4" };
    const save = async () => {
      expect(await filesIn("media")).toContain(key.split("/").at(-1));
      throw new Error("refused");
    };
    await expect(saveWithFiles([file], save)).rejects.toThrow("refused");
    expect(await filesIn("media")).not.toContain(key.split("/").at(-1));
    expect(await UnclaimedFile.countDocuments()).toBe(0);
  });
});

describe("a removal", () => {
  it("takes the files that were put in place after its caller had looked", async () => {
    const asha = await newPerson();
    const video = await publish(asha);
    const [seenVideo, seenUser] = [await Video.findById(video._id), await User.findById(asha._id)];
    const { body } = await api("patch", `/videos/${video._id}`, asha.accessToken)
      .attach("thumbnail", await png(), "t.png")
      .expect(200);
    const own = await api("patch", "/users/avatar", asha.accessToken)
      .attach("avatar", await png(), "a.png")
      .expect(200);

    await removeVideo(seenVideo!._id);
    await removeUser(seenUser!._id);
    const names = await filesIn("media");
    for (const url of [body.data.thumbnail, own.body.data.avatar]) {
      expect(names).not.toContain(mediaPath(url).split("/").at(-1));
    }
  });
});
