import { api, useApi } from "../support/api";
import { newPerson, type Person } from "../support/people";
import { addVideo } from "../support/videos";

useApi();

const DURATION = 4000;
let asha: Person;
let video: string;

beforeAll(async () => {
  asha = await newPerson();
  video = await addVideo(asha, { duration: DURATION });
});

/** The chapters that a video of 4,000 seconds has by its description. */
async function chaptersIn(description: string): Promise<unknown> {
  await api("patch", `/videos/${video}`, asha.accessToken).send({ description }).expect(200);
  const { body } = await api("get", `/videos/${video}`).expect(200);
  return body.data.chapters;
}

const LIST = "0:00 Intro\n1:30 The palace\n1:02:03 The bazaar";
const CHAPTERS = [
  { start: 0, end: 90, title: "Intro" },
  { start: 90, end: 3723, title: "The palace" },
  { start: 3723, end: DURATION, title: "The bazaar" },
];

describe("a video has no chapters when its description", () => {
  it.each([
    ["is empty", ""],
    ["has no timestamps", "A walk through Jaipur\nat 9 in the morning"],
    ["does not begin at 0:00", LIST.replace("0:00", "0:01")],
    ["has fewer than three", "0:00 Intro\n1:30 The palace"],
    ["is out of order", "0:00 Intro\n1:02:03 The bazaar\n1:30 The palace"],
    ["names a time twice", "0:00 Intro\n1:30 The palace\n1:30 The bazaar"],
    ["has one of less than ten seconds", "0:00 Intro\n0:09 The palace\n1:30 The bazaar"],
    ["has a last one of less than ten seconds", "0:00 Intro\n1:30 The palace\n1:06:31 The bazaar"],
    ["has them within the text", "From 0:00 on\nthen at 1:30\nand 2:30"],
    ["has times without titles", "0:00\n1:30 -\n2:30 The bazaar"],
    [
      "has what is no time",
      "0:00 Intro\n1:60 a\n1:75:00 b\n1:2 c\n1:234 d\n1:2:3:04 e\n00001:30 f",
    ],
  ])("%s", async (_what, description) => {
    expect(await chaptersIn(description)).toEqual([]);
  });
});

describe("a video's chapters", () => {
  it("are the timestamps of its description, each to the next and the last to the end", async () => {
    expect(await chaptersIn(LIST)).toEqual(CHAPTERS);
  });

  it("may stand among other lines and be written in the usual ways", async () => {
    for (const description of [
      `A walk.\n\nChapters\n${LIST}\n\nSubscribe!`,
      "00:00 - Intro\r\n01:30 – The palace\r\n01:02:03: The bazaar",
      "  (0:00) Intro  \n  [1:30]   The palace\n62:03 | The bazaar",
    ]) {
      expect(await chaptersIn(description)).toEqual(CHAPTERS);
    }
  });

  it("end with the video, whatever its description says of later", async () => {
    expect(await chaptersIn(`${LIST}\n1:06:40 The end\n9:00:00 Much later`)).toEqual(CHAPTERS);
    expect(await chaptersIn("0:00 Intro\n1:30 The palace\n2:00:00 The bazaar")).toEqual([]);
  });

  it("follow the description as it changes", async () => {
    await chaptersIn(LIST);
    expect(await chaptersIn(LIST.replace("bazaar", "market"))).toMatchObject([
      {},
      {},
      { title: "The market" },
    ]);
  });

  it("are not in lists", async () => {
    const { body } = await api("get", `/videos?userId=${asha._id}`).expect(200);
    expect(body.data.docs[0]).not.toHaveProperty("chapters");
    expect(body.data.docs[0]).not.toHaveProperty("captions");
  });
});
