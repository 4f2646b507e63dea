import { startEmbeddedDatabase } from "../../../src/embedded-db";

/** Opens a data folder, tells what came of it, and lives until it is killed. */
async function main(dataDir: string): Promise<void> {
  const { owner, uri } = await startEmbeddedDatabase({ dataDir });
  process.send?.({ owner, uri });
  // The database does not keep a process alive by itself; the channel to the parent does.
  process.channel?.ref();
}

const [dataDir = ""] = process.argv.slice(2);
void main(dataDir);
