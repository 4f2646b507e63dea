import { openAsBlob } from "node:fs";
import { join, resolve } from "node:path";
import { createClient, multipart } from "../../docs/client";
import { scratchFolder, startServer } from "../support/server";

jest.setTimeout(240_000);

const ASSETS = resolve(__dirname, "..", "..", "docs", "assets");

/** What a call answered; the compiler knows its type from the OpenAPI document. */
async function dataOf<T>(call: Promise<{ data?: { data: T }; error?: unknown }>): Promise<T> {
  const { data, error } = await call;
  expect(error).toBeUndefined();
  return data!.data;
}

describe("the typed client", () => {
  it("signs up, publishes, finds, likes and deletes, each reply typed", async () => {
    const server = await startServer({ DATA_DIR: scratchFolder() });
    const anybody = createClient(server.url);

    const user = await dataOf(
      anybody.POST("/users/register", {
        body: {
          fullName: "Asha Rao",
          email: "asha@example.com",
          username: "asha",
          password: "correct horse battery",
          avatar: await openAsBlob(join(ASSETS, "image.png")),
        },
        bodySerializer: multipart,
      }),
    );
    const email: string = user.email;
    expect(email).toBe("asha@example.com");

    const signedIn = await dataOf(
      anybody.POST("/users/login", {
        body: { username: "asha", password: "correct horse battery" },
      }),
    );
    const asha = createClient(server.url, signedIn.accessToken);

    const video = await dataOf(
      asha.POST("/videos", {
        body: {
          title: "A walk through Jaipur",
          tags: ["travel", "india"],
          videoFile: await openAsBlob(join(ASSETS, "clip.mp4")),
        },
        bodySerializer: multipart,
      }),
    );
    expect(video.tags).toEqual(["travel", "india"]);

    const page = await dataOf(
      anybody.GET("/videos", { params: { query: { query: "jaipur", sortBy: "relevance" } } }),
    );
    expect(page.docs.map(({ _id }) => _id)).toEqual([video._id]);

    const path = { videoId: video._id };
    const liked = await dataOf(asha.POST("/likes/toggle/v/{videoId}", { params: { path } }));
    expect(liked).toEqual({ isLiked: true, likesCount: 1 });

    await dataOf(asha.DELETE("/videos/{videoId}", { params: { path } }));
    const { error } = await anybody.GET("/videos/{videoId}", { params: { path } });
    expect(error?.code).toBe("VIDEO_NOT_FOUND");
    await server.stop();
  });

  it("is refused by the compiler what the API does not take", () => {
    const client = createClient("http://127.0.0.1:9");
    // Never called: the compiler's refusals are the test.
    const calls = [
      // @ts-expect-error no such path
      () => client.GET("/video"),
      // @ts-expect-error a tweet has content
      () => client.POST("/tweets", { body: {} }),
      // @ts-expect-error videos are not sorted by likes
      () => client.GET("/videos", { params: { query: { sortBy: "likes" } } }),
    ];
    expect(calls).toHaveLength(3);
  });
});
