/** The demo's own server, beside app and sidecar, both of which its buttons can stop: `/story` and `/do/{button}`. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Story } from "./story.ts";

export interface StageOptions {
  readonly story: Story;
  /** Port of the pages that may watch and press buttons; they are on the host that this server is asked by. */
  readonly pagePort: number;
  /** By the name of a button; done when it resolves. */
  readonly buttons: Readonly<Record<string, () => Promise<void>>>;
}

/** Listening is the caller's. */
export function createStage({ story, pagePort, buttons }: StageOptions): Server {
  return createServer((request, response) => {
    const origin = request.headers.origin ?? "";
    if (!isPage(origin, request.headers.host ?? "", pagePort)) return end(response, 403);
    response.setHeader("access-control-allow-origin", origin);
    const path = request.url ?? "";
    if (request.method === "GET" && path === "/story") return sendStory(story, request, response);
    const name = /^\/do\/([a-z-]+)$/.exec(path)?.[1] ?? "";
    const press = Object.hasOwn(buttons, name) ? buttons[name] : undefined;
    if (request.method !== "POST" || !press) return end(response, 404);
    press().then(
      () => end(response, 204),
      (error: unknown) => {
        story.add({ who: "demo", text: `${name}: ${String(error)}` });
        end(response, 500);
      },
    );
  });
}

/** Any page that the reader has open elsewhere could press buttons too. */
function isPage(origin: string, host: string, pagePort: number): boolean {
  const page = URL.parse(origin);
  const stage = URL.parse(`http://${host}`);
  return page !== null && page.hostname === stage?.hostname && page.port === portIn(pagePort);
}

/** As a URL has it: without the one that goes without saying. */
function portIn(port: number): string {
  return port === 80 ? "" : String(port);
}

/** Server-sent events, for as long as the page is there. */
function sendStory(story: Story, request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  const leave = story.watch((told) => response.write(`data: ${JSON.stringify(told)}\n\n`));
  request.once("close", leave);
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}
