import { operations } from "./index";
import type { Operation } from "./operation";
import * as playlist from "./playlist.validation";

/** Another spelling of an endpoint that many clients use. */
export interface Alias {
  method: Operation["method"];
  path: string;
  /** The endpoint's own path, filled with the alias's parameters; it may end in a query. */
  target: string;
}

/** The spellings that are common enough to be answered; deprecated in the OpenAPI document. */
export const aliases: readonly Alias[] = [
  { method: "get", path: "/users/watch-history", target: "/users/history" },
  { method: "patch", path: "/users/update-avatar", target: "/users/avatar" },
  { method: "patch", path: "/users/update-cover-image", target: "/users/cover-image" },
  { method: "get", path: "/users/channel/:username", target: "/users/c/:username" },
  { method: "get", path: "/videos/user/:userId", target: "/videos?userId=:userId" },
  { method: "get", path: "/tweets/u/:userId", target: "/tweets/user/:userId" },
  ...Object.values(playlist).map(({ method, path }) => ({
    method,
    path: path.replace("/playlist", "/playlists"),
    target: path,
  })),
];

/** The endpoint that an alias means, with its name. */
export function aliased({ method, target }: Alias): [name: string, operation: Operation] {
  const [path] = target.split("?");
  const found = [...operations].find(
    ([, operation]) => operation.method === method && operation.path === path,
  );
  if (!found) {
    throw new Error(`the alias leads nowhere: ${target}`);
  }
  return found;
}
