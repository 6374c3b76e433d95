/** An app that remembers what it was asked, and answers as the test says; a yes, if it says nothing. */

import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { connectClient } from "../../kit/client.ts";
import { readQuestion, signedAnswer, startApp, startSidecar } from "../../kit/start.ts";
import type { Cleanup } from "../../../sidecar/testing/raw-http.ts";

export interface Question {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly socketId: string;
  readonly channel: string;
  /** Answers it with a yes. */
  allow(): void;
}

export type Answer = (question: Question, res: ServerResponse) => void;

export async function startAsked(
  test: Cleanup,
  options: { readonly answer?: Answer; readonly env?: Readonly<Record<string, string>> } = {},
) {
  const { answer = (question) => question.allow(), env = {} } = options;
  const asked: Question[] = [];
  const url = await startApp(test, async (req, res) => {
    const { socket_id: socketId, channel_name: channel } = await readQuestion(req);
    const { url: path = "", headers, rawHeaders } = req;
    const allow = () => void res.end(JSON.stringify(signedAnswer(socketId, channel)));
    const question = { path, headers, rawHeaders, socketId, channel, allow };
    asked.push(question);
    answer(question, res);
  });
  const sidecar = await startSidecar(test, { POGO_UPSTREAM: url, ...env });
  return {
    asked,
    sidecar,
    /** A page's client, unless the headers say otherwise; `Origin: ""` is none. */
    connect: (headers?: Record<string, string>) => connectClient(test, sidecar.port, headers),
  };
}
