/**
 * Answers a page's POST to the app's auth endpoint if the page is back and the app had granted it the channel before;
 * everything else goes on to the app unchanged (rules Y22–Y25 of docs/protocol.md).
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Connection } from "../core/connection.ts";
import type { Hub } from "../core/hub.ts";
import { isOriginOfHost } from "../core/origin.ts";
import type { Regrant } from "../core/recovery/regrant.ts";
import type { Report } from "../core/report.ts";
import { clientGoneStatus } from "../http/access-log.ts";
import type { Forwarding } from "../http/forwarded.ts";
import { valueOf, valuesOf } from "../http/headers.ts";
import { peekBody } from "../http/peek-body.ts";
import { peerOf } from "../http/peer.ts";
import type { PlainAnswer } from "../http/plain-answer.ts";
import type { RequestContext } from "../http/request-context.ts";
import { isPageScheme } from "./origin-gate.ts";
import { readCredentials } from "./page-credentials.ts";
import { questionBytes, readQuestion } from "./posted-question.ts";

export interface ReturningPagesOptions {
  /** Of the app's auth endpoint. */
  readonly authPath: string;
  /** The hub with a connection of this id, if it is on this node. */
  readonly hubOf: (socketId: string) => Hub | undefined;
  readonly forwarding: Forwarding;
  readonly report: Report;
}

/** @param pass has the app answer; called in the place of an answer, with the body unread */
export type ReturningPages = (
  context: RequestContext,
  res: ServerResponse,
  pass: () => void,
) => void;

export function createReturningPages(options: ReturningPagesOptions): ReturningPages {
  const { authPath, hubOf, forwarding, report } = options;

  /** Calls back with null where the app is to be asked. */
  function consider(
    context: RequestContext,
    res: ServerResponse,
    body: Buffer,
    done: (answer: PlainAnswer | null) => void,
  ): void {
    const { req } = context;
    const question = readQuestion(req.rawHeaders, body);
    const hub = question ? hubOf(question.socketId) : undefined;
    if (!question || !hub?.recovery) return done(null);
    const { socketId, channel } = question;
    const connection = hub.connections.get(socketId);
    const grants = connection?.recovery?.grants;
    if (!connection || !grants) return done(null);
    const about = { kind: "recovery_authorization", appId: hub.app.id, socketId, channel } as const;
    if (!isOfPage(req, connection)) {
      report({ ...about, outcome: "other_origin" });
      return done(null);
    }
    const shown = readCredentials(req.rawHeaders, hub.app.secret);
    hub.recovery.regrant(connection, channel, shown, (outcome) => {
      report({ ...about, outcome: outcome.kind });
      if (outcome.kind === "answered") return done(toAnswer(outcome));
      res.once("finish", () => {
        if (!context.isRelayed) return;
        // Not every app says no with 401 or 403: some send to a login page, or know no such route.
        if (res.statusCode !== 200 || !shown) return hub.recovery?.revoke(connection, channel);
        grants.add(channel, shown);
        hub.recovery?.changed(connection);
      });
      done(null);
    });
  }

  /** Another page's question is the app's to answer, and so is what it says of CORS. */
  function isOfPage(req: IncomingMessage, { handshake }: Connection): boolean {
    const peer = peerOf(req);
    const [origin, ...others] = valuesOf(req.rawHeaders, "origin");
    if (origin === undefined || others.length > 0) return false;
    if (origin !== valueOf(handshake.rawHeaders, "origin")) return false;
    const sites = valuesOf(req.rawHeaders, "sec-fetch-site");
    if (sites.some((site) => site.trim().toLowerCase() !== "same-origin")) return false;
    return (
      isOriginOfHost(origin, forwarding.host(peer) ?? "") &&
      isPageScheme(origin, forwarding.scheme(peer))
    );
  }

  return (context, res, pass) => {
    const { req } = context;
    const isAsked = req.method === "POST" && req.url === authPath;
    const bytes = isAsked ? questionBytes(req.rawHeaders) : null;
    if (bytes === null) return pass();
    const onGone = (): void => context.finish(clientGoneStatus);
    res.once("close", onGone);
    peekBody(req, bytes, (body) => {
      consider(context, res, body, (answer) => {
        res.off("close", onGone);
        if (res.destroyed) return;
        if (answer) context.answer(res, answer);
        else pass();
        req.resume();
      });
    });
  };
}

/** As Laravel's own, but for the field by which it can be told from it. */
function toAnswer({ auth, channelData }: Extract<Regrant, { kind: "answered" }>): PlainAnswer {
  const proof = { auth, ...(channelData !== null && { channel_data: channelData }) };
  const headers = { "Content-Type": "application/json", "X-Pogo-Recovery": "granted" };
  return { status: 200, text: JSON.stringify(proof), headers };
}
