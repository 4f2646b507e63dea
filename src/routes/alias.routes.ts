import { Router, type Request, type RequestHandler } from "express";
import { aliases } from "../validations/aliases";

/** Rewrites the common other spellings to the endpoints they mean; the routers behind it answer. */
export const aliasRouter = Router();

for (const { method, path, target } of aliases) {
  aliasRouter[method](path, leadTo(target));
}

function leadTo(target: string): RequestHandler {
  return function rewrite(req, _res, next) {
    req.url = withQueryOf(req, fill(target, req.params));
    next("router");
  };
}

function fill(target: string, params: Request["params"]): string {
  return target.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
}

function withQueryOf(req: Request, url: string): string {
  // What follows the first question mark; further ones belong to the query.
  const start = req.url.indexOf("?");
  return start === -1 ? url : `${url}${url.includes("?") ? "&" : "?"}${req.url.slice(start + 1)}`;
}
