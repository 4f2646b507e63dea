import supertest from "supertest";
import { origin, useApi } from "../support/api";

useApi();

async function page(path: string): Promise<{ text: string; type: string; policy: string }> {
  const response = await supertest(origin()).get(path).expect(200);
  return {
    text: response.text,
    type: response.get("Content-Type")!,
    policy: response.get("Content-Security-Policy")!,
  };
}

describe("the front page", () => {
  it("is HTML under a policy that runs no inline script and asks nobody else", async () => {
    const { text, type, policy } = await page("/");
    expect(type).toMatch(/^text\/html/);
    expect(policy).toMatch(/script-src 'self'(;|$)/);
    expect(policy).toMatch(/default-src 'self'(;|$)/);
    expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/i);
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it("names nothing that is not there", async () => {
    const { text } = await page("/");
    const paths = [...text.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path!);
    expect(paths).toEqual(
      expect.arrayContaining(["/style.css", "/front-page.js", "/favicon.svg", "/api/v1/docs"]),
    );
    for (const path of new Set(paths)) {
      await page(path);
    }
    for (const [, id] of text.matchAll(/href="#([^"]+)"/g)) {
      expect(text).toContain(`id="${id}"`);
    }
  });

  it("finds every element that its script asks for", async () => {
    const [{ text: html }, { text: script }] = [await page("/"), await page("/front-page.js")];
    const asked = [...script.matchAll(/byId\("([^"]+)"\)/g)].map(([, id]) => id!);
    expect(asked.length).toBeGreaterThan(5);
    for (const id of asked) {
      expect(html).toContain(`id="${id}"`);
    }
  });

  it("inserts what the API answers as text, never as HTML", async () => {
    const { text, type } = await page("/front-page.js");
    expect(type).toMatch(/javascript/);
    expect(text).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML|srcdoc|eval\(|Function\(/,
    );
  });
});
