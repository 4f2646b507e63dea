import type { RequestHandler } from "express";
import { API_PREFIX } from "../constants";
import { ApiError } from "../utils/ApiError";
import { groupBy } from "../utils/group-by";
import { operations } from "../validations";
import { aliases } from "../validations/aliases";

/** What each path of the API answers to, for the refusal of other methods. */
const paths = [...groupBy([...operations.values(), ...aliases], ({ path }) => path)].map(
  ([path, found]) => ({
    pattern: new RegExp(`^${API_PREFIX}${path.replace(/:\w+/g, "[^/]+")}/?$`, "i"),
    methods: found.map(({ method }) => method.toUpperCase()),
  }),
);

/** The last route, for whatever no other has answered: 405 where the path knows other methods, else 404. */
export const notFound: RequestHandler = function notFound(req) {
  const methods = paths.find(({ pattern }) => pattern.test(req.path))?.methods;
  throw methods
    ? new ApiError("METHOD_NOT_ALLOWED", { headers: { Allow: methods.join(", ") } })
    : new ApiError("ROUTE_NOT_FOUND");
};
