/** The sidecar's own errors: a page for people, JSON for programs, else plain text. */

import type { IncomingMessage } from "node:http";
import { preferredForm, type Form } from "./accept.ts";
import { STATUS_CODES } from "./node-http.ts";
import type { PlainAnswer } from "./plain-answer.ts";

export interface ErrorPage {
  readonly status: number;
  /** What is the matter, in the middle of a sentence: `the application did not answer`. */
  readonly title: string;
  /** What it means, and who can do what about it: sentences. */
  readonly text: string;
  /** When to try again; a page does so by itself. */
  readonly retryAfterSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** In the form that the request asks for. @param id of the request, by which its lines in the log are found. */
export function toAnswer(
  page: ErrorPage,
  { method, headers }: Pick<IncomingMessage, "method" | "headers">,
  id: string,
): PlainAnswer {
  const { status, retryAfterSeconds } = page;
  const form = preferredForm(headers.accept);
  // A reload would ask with GET.
  const reloads = retryAfterSeconds !== undefined && method === "GET";
  return {
    status,
    text: render[form](page, { id, reloads }),
    headers: {
      ...page.headers,
      "Content-Type": contentTypes[form],
      ...(retryAfterSeconds !== undefined && { "Retry-After": String(retryAfterSeconds) }),
    },
  };
}

const contentTypes: Readonly<Record<Form, string>> = {
  html: "text/html; charset=utf-8",
  json: "application/json",
  text: "text/plain; charset=utf-8",
};

interface Circumstances {
  readonly id: string;
  readonly reloads: boolean;
}

const render: Readonly<Record<Form, (page: ErrorPage, now: Circumstances) => string>> = {
  text: ({ status, title, text }, { id }) =>
    `${STATUS_CODES[status] ?? status}: ${title}.\n${text}\nRequest ${id}\n`,
  /** `message` is where Laravel's own errors have it. */
  json: ({ status, title, text }, { id }) =>
    JSON.stringify({ message: `${asHeading(title)}. ${text}`, status, request_id: id }),
  html: ({ status, title, text, retryAfterSeconds }, { id, reloads }) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${reloads ? `<meta http-equiv="refresh" content="${retryAfterSeconds}">\n` : ""}<title>${escape(asHeading(title))}</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 20vh auto 2rem; padding: 0 1.5rem }
  h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .75rem }
  small { opacity: .65 }
</style>
<h1>${escape(asHeading(title))}</h1>
<p>${escape(text)}</p>
${reloads ? "<p>This page tries again by itself.</p>\n" : ""}<small>${status} ${STATUS_CODES[status] ?? ""} · request ${escape(id)}</small>
</html>
`,
};

function asHeading(title: string): string {
  return title.slice(0, 1).toUpperCase() + title.slice(1);
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function escape(text: string): string {
  return text.replaceAll(/[&<>]/g, (character) => entities[character] ?? "");
}
