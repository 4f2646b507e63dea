import { operation } from "./operation";
import { z } from "./zod";

export const getOpenApi = operation({
  method: "get",
  path: "/openapi.json",
  tag: "Docs",
  summary: "This document",
  access: "public",
  status: 200,
  message: "",
  data: z.looseObject({ openapi: z.string().openapi({ example: "3.1.0" }) }),
  produces: "application/json",
});

export const getDocs = operation({
  method: "get",
  path: "/docs",
  tag: "Docs",
  summary: "This document as a page to browse and try",
  access: "public",
  status: 200,
  message: "",
  data: z.unknown(),
  produces: "text/html",
});
