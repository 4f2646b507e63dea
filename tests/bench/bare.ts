import { createWriteStream } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";

/*
 * The least that an upload can cost: a bare server that writes what it is sent into the file that
 * its argument names, and answers when that is on the disk.
 */

const [target = ""] = process.argv.slice(2);

const server = createServer((req, res) => {
  pipeline(req, createWriteStream(target, { flush: true })).then(
    () => res.end(),
    () => res.destroy(),
  );
}).listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
