import { operation } from "./operation";
import { z } from "./zod";

export const healthcheck = operation({
  method: "get",
  path: "/healthcheck",
  tag: "Health",
  summary: "The process answers",
  access: "public",
  status: 200,
  message: "OK",
  data: z.strictObject({ status: z.literal("ok") }),
});

export const readiness = operation({
  method: "get",
  path: "/healthcheck/ready",
  tag: "Health",
  summary: "Database and storage answer and every required index exists",
  description: "What is missing stands in `errors`.",
  access: "public",
  status: 200,
  message: "Ready",
  data: z.strictObject({ status: z.literal("ready") }),
  errors: ["NOT_READY"],
});
