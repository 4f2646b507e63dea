import { extendZodWithOpenApi } from "@asteasolutions/zod-to-openapi";
import { z } from "zod";

// Gives every schema `.openapi()`; must run before the first schema is made, hence this door to zod.
extendZodWithOpenApi(z);

// Messages for the people who call the API, not for those who wrote the schema.
z.config({
  customError: (issue) => {
    if (issue.code !== "invalid_type") {
      return undefined;
    }
    return issue.input === undefined ? "is required" : `must be of type ${String(issue.expected)}`;
  },
});

export { z };
