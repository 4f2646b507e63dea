import createFetchClient, { type Client } from "openapi-fetch";
import type { paths } from "./schema";

/**
 * A client that knows every endpoint's parameters, bodies and replies. `baseUrl` is the API's, with
 * `/api/v1`; `accessToken` is sent as Bearer. A browser may leave it out and be known by its cookies.
 */
export function createClient(baseUrl: string, accessToken?: string): Client<paths> {
  return createFetchClient<paths>({
    baseUrl,
    credentials: "include",
    ...(accessToken === undefined ? {} : { headers: { Authorization: `Bearer ${accessToken}` } }),
  });
}

type Field = string | number | boolean | Blob;

/** The `bodySerializer` of requests with files: fields as they are, files as Blobs. */
export function multipart(fields: Record<string, Field | Field[] | undefined>): FormData {
  const form = new FormData();
  for (const [name, value = []] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      // Without a file name a part is a text field.
      form.append(name, one instanceof Blob ? new File([one], name, { type: one.type }) : `${one}`);
    }
  }
  return form;
}
