import { api, origin, useApi } from "../support/api";
import { Job } from "../../src/models/job.model";
import { allEvents, subscribe, type ReceivedEvent } from "../support/events";
import { newPerson, type Person } from "../support/people";
import { processed, whileWorking } from "../support/processing";
import { addVideo, publish } from "../support/videos";

useApi();

let asha: Person;

beforeAll(async () => {
  asha = await newPerson();
});

const follow = (id: string, lastEventId?: string) =>
  subscribe(`${origin()}/api/v1/videos/${id}/processing/events`, {
    Authorization: `Bearer ${asha.accessToken}`,
    ...(lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId }),
  });

const advance = (id: string, change: object = {}) =>
  Job.updateOne({ target: id }, { $set: change, $inc: { revision: 1 } });

const numbers = (events: ReceivedEvent[]) => events.map(({ id }) => Number(id));

describe("the events of a video's processing", () => {
  it("tell where it stands until it is ready, under growing ids", async () => {
    const { _id } = await publish(asha);
    const stream = await follow(_id);
    expect(stream.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(stream.response.headers.get("cache-control")).toBe("no-store");
    const events = await whileWorking(() => allEvents(stream));
    expect(events[0]!.data).toMatchObject({ state: "queued", error: null });
    expect(events.at(-1)!.data).toMatchObject({ state: "ready", error: null });
    const ids = numbers(events);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    for (const { data } of events) {
      expect(data.steps).toHaveLength(5);
    }
  });

  it("are one, the last, for whoever comes when it has ended", async () => {
    const id = await addVideo(asha);
    await whileWorking(() => processed(id));
    const events = await allEvents(await follow(id));
    expect(events.map(({ data }) => data.state)).toEqual(["failed"]);
    expect(events[0]!.data.error.code).toBe("ORIGINAL_MISSING");
  });

  it("are answered with 204 to whoever has seen the last", async () => {
    const id = await addVideo(asha);
    await whileWorking(() => processed(id));
    const [last] = await allEvents(await follow(id));
    expect((await follow(id, last!.id)).response.status).toBe(204);
    expect(await allEvents(await follow(id, String(Number(last!.id) - 1)))).toEqual([last]);
  });

  it("end with 204, too, for a video of a time before processing", async () => {
    const id = await addVideo(asha);
    await Job.deleteOne({ target: id });
    const [only, ...others] = await allEvents(await follow(id));
    expect(only!.data).toEqual({ state: "ready", steps: [], error: null });
    expect(others).toEqual([]);
    expect((await follow(id, only!.id)).response.status).toBe(204);
  });

  it("are not waited for by whoever asks for the head alone", async () => {
    const id = await addVideo(asha);
    const path = `/videos/${id}/processing/events`;
    await api("head", path, asha.accessToken).expect(200);
  });

  it("go on behind the one that a returning client has seen", async () => {
    const id = await addVideo(asha);
    const first = await follow(id);
    const seen = (await first.events.next()).value as ReceivedEvent;
    first.leave();

    const again = await follow(id, seen.id);
    await advance(id);
    const next = (await again.events.next()).value as ReceivedEvent;
    expect(Number(next.id)).toBe(Number(seen.id) + 1);
    await advance(id, { state: "failed", availableAt: null });
    expect((await allEvents(again)).map(({ data }) => data.state)).toEqual(["failed"]);
  });

  it("bring a client that missed several straight to where it stands", async () => {
    const id = await addVideo(asha);
    await advance(id);
    await advance(id);
    const stream = await follow(id, "1");
    expect(((await stream.events.next()).value as ReceivedEvent).id).toBe("3");
    stream.leave();
  });

  it("end when the video is removed", async () => {
    const id = await addVideo(asha);
    const stream = await follow(id);
    await stream.events.next();
    await fetch(`${origin()}/api/v1/videos/${id}`, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${asha.accessToken}` },
    });
    expect(await allEvents(stream)).toEqual([]);
    expect((await follow(id)).response.status).toBe(404);
  });

  it("are not looked for any more when the last client has left", async () => {
    const id = await addVideo(asha);
    const [one, other] = await Promise.all([follow(id), follow(id)]);
    await Promise.all([one.events.next(), other.events.next()]);
    one.leave();
    await advance(id);
    expect(((await other.events.next()).value as ReceivedEvent).id).toBe("2");
    other.leave();
    const questions = jest.spyOn(Job, "find");
    do {
      questions.mockClear();
      // Several looks at the jobs that are watched.
      await new Promise((resolve) => setTimeout(resolve, 2000));
    } while (questions.mock.calls.length > 0);
    questions.mockRestore();
  });
});
