import assert from "node:assert/strict";
import { test } from "node:test";
import { preferredForm } from "./accept.ts";
import { toAnswer, type ErrorPage } from "./error-page.ts";

test("a page for who asks for HTML, JSON for who asks for JSON, else text", () => {
  const rows: readonly (readonly [accept: string | undefined, form: string])[] = [
    [undefined, "text"],
    ["", "text"],
    ["*/*", "text"],
    // Browsers, a navigation and an image; axios; Livewire and Inertia.
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"],
    ["image/avif,image/webp,*/*;q=0.8", "text"],
    ["application/json, text/plain, */*", "json"],
    ["text/html, application/xhtml+xml", "html"],
    ["application/vnd.api+json", "json"],
    ["*/*, application/json", "json"],
    ["text/html;q=0.5, application/json;q=0.9", "json"],
    ["application/json;q=0.5, */*", "text"],
    ["application/json;q=0", "text"],
    ["TEXT/HTML ; Q=1", "html"],
    ["text/html;q=x, application/json;q=7", "text"],
    [";,=,", "text"],
  ];
  for (const [accept, form] of rows) assert.equal(preferredForm(accept), form, accept);
});

const page: ErrorPage = { status: 503, title: "the app is <away>", text: "Wait & see." };
const asked = (accept: string, method = "GET") => ({ method, headers: { accept } });

test("the three forms say the same", () => {
  assert.deepEqual(toAnswer(page, asked("text/plain"), "r-1"), {
    status: 503,
    text: "Service Unavailable: the app is <away>.\nWait & see.\nRequest r-1\n",
    headers: { "Content-Type": "text/plain; charset=utf-8" },
  });
  assert.deepEqual(toAnswer(page, asked("application/json"), "r-1"), {
    status: 503,
    text: '{"message":"The app is <away>. Wait & see.","status":503,"request_id":"r-1"}',
    headers: { "Content-Type": "application/json" },
  });
  const { text, headers } = toAnswer(page, asked("text/html"), "r-1");
  assert.deepEqual(headers, { "Content-Type": "text/html; charset=utf-8" });
  assert.match(text, /<h1>The app is &lt;away&gt;<\/h1>\n<p>Wait &amp; see.<\/p>/);
  assert.doesNotMatch(text, /refresh/);
});

test("with a time to try again the page does so by itself, unless that would repeat more than a GET", () => {
  const later = { ...page, retryAfterSeconds: 5 };
  assert.equal(toAnswer(later, asked("*/*"), "r-1").headers?.["Retry-After"], "5");
  assert.match(toAnswer(later, asked("text/html"), "r-1").text, /http-equiv="refresh" content="5"/);
  assert.doesNotMatch(toAnswer(later, asked("text/html", "POST"), "r-1").text, /refresh/);
});
