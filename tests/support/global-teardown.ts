import { rmSync } from "node:fs";
import { state } from "./global-state";

// eslint-disable-next-line no-restricted-exports -- jest asks for a default export
export default async function globalTeardown(): Promise<void> {
  await state.database?.stop();
  if (state.folder !== undefined) {
    rmSync(state.folder, { recursive: true, force: true });
  }
}
