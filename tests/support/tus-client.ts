import { createReadStream } from "node:fs";
import { Upload, type UploadOptions } from "tus-js-client";

/*
 * A client of its own process: uploads a file, prints how far it is and what came of it. Arguments:
 * the endpoint, the access token, the file and, to go on with an upload, its URL.
 */
const [endpoint = "", token = "", path = "", uploadUrl] = process.argv.slice(2);

/** Bytes between two lines. */
const STEP = 50e6;

let printed = -1;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const options: UploadOptions = {
  endpoint,
  ...(uploadUrl === undefined ? {} : { uploadUrl }),
  headers: { Authorization: `Bearer ${token}` },
  metadata: { title: "A long walk", tags: "walk,long" },
  // While the server is away, for as long as it takes to come back.
  retryDelays: Array.from({ length: 200 }, () => 300),
  onUploadUrlAvailable: () => print(`url ${upload.url}`),
  onProgress: (bytes) => {
    const step = Math.floor(bytes / STEP);
    if (step > printed) {
      printed = step;
      print(`sent ${step}`);
    }
  },
  onSuccess: ({ lastResponse }) => print(`video ${lastResponse.getHeader("X-Video-Id")}`),
  onError: (error) => print(`failed ${error.message}`),
};

const upload = new Upload(createReadStream(path), options);
upload.start();
