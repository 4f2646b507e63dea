import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import mongoose from "mongoose";
import supertest, { type Response, type Test } from "supertest";
import { createApp } from "../../src/app";
import { API_PREFIX } from "../../src/constants";
import { connectDB, type Database } from "../../src/db";
import { createHttpServer } from "../../src/utils/http-server";
import { expectContract } from "./contract";

let server: Server;
let database: Database;

/** Runs the real app on a real port over the real database for all tests of this file. */
export function useApi(): void {
  beforeAll(async () => {
    database = await connectDB();
    server = createHttpServer(createApp()).listen(0, "127.0.0.1");
    await once(server, "listening");
  });

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await mongoose.connection.dropDatabase();
    await database.disconnect();
  });
}

/** Where the app of this test file answers. */
export function origin(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Method = "get" | "post" | "patch" | "delete" | "head" | "put" | "options";

/** A request below /api/v1, whose reply must be what the endpoint's schemas promise. */
export function api(method: Method, path: string, token?: string): Test {
  const test = supertest(origin())[method](`${API_PREFIX}${path}`);
  if (token !== undefined) {
    test.set("Authorization", `Bearer ${token}`);
  }
  return test.expect((response: Response) => expectContract(method, path, response));
}

/** A cookie-keeping client, as a browser is. */
export function browser() {
  return supertest.agent(origin());
}
