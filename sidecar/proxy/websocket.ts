/** WebSockets of the app itself, passed through: the handshake by the engine, then bytes both ways. */

import { ServerResponse, type ClientRequest, type IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ProxyServer } from "http-proxy-3";
import type { Report } from "../core/report.ts";
import type { ProxyFault } from "../core/report/proxy.ts";
import { answerSocketPlainly } from "../http/plain-answer.ts";
import { answerTo, clientGoneStatus, faultOf, reportEnd, type Failure } from "./faults.ts";
import type { RequestFields } from "./hop-headers.ts";
import { relayResponse } from "./relay.ts";
import { tieTogether, watchUnread } from "./tunnel.ts";

export interface PassThroughOptions {
  readonly engine: ProxyServer;
  /** As `toUpstreamFields` makes them; Connection and Upgrade are added. */
  readonly fields: RequestFields;
  /** From the handshake to its answer; 0: no limit. */
  readonly responseTimeoutMs: number;
  /** The upstream took the handshake; from now on bytes pass until a side leaves or `socket` is destroyed. */
  readonly onOpen: () => void;
  readonly report: Report;
}

/** Passes one handshake on, and the connection after it; there is no limit on its silence. */
export function passThrough(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: PassThroughOptions,
): void {
  const { engine, responseTimeoutMs } = options;
  const target = req.url ?? "/";
  const startedMs = performance.now();
  /** Nothing was sent to the client, and it is still there. */
  let isUnanswered = true;
  let isFinished = false;
  let request: ClientRequest | undefined;

  // The engine writes the fields of the 101 as text: one byte a character, as they were received.
  socket.setDefaultEncoding("latin1");
  const stopWatching = watchUnread(socket, () => {
    if (isUnanswered) finish(clientGoneStatus);
    isUnanswered = false;
    request?.destroy();
    socket.destroy();
  });
  dispatch();

  function dispatch(): void {
    const { headers } = req;
    const upgrade = { connection: "Upgrade", upgrade: "websocket" };
    engine.once("proxyReqWs", start);
    // As in an exchange: the engine finds no fields to merge but those it looks for itself.
    req.headers = upgrade;
    try {
      const fields = { ...options.fields, ...upgrade };
      engine.ws(req, socket, head, { agent: false, headers: fields }, onError);
    } catch (error) {
      fail("not_sent", String(error));
    } finally {
      req.headers = headers;
      engine.off("proxyReqWs", start);
    }
    // The engine would relay a refusal without backpressure, and never end one that breaks off.
    request?.removeAllListeners("response").once("response", onRefusal);
  }

  /** Called by the engine in the turn of `ws()`, before it listens to the request itself. */
  function start(made: ClientRequest): void {
    request = made;
    made.path = target;
    made.once("upgrade", (_response, upstreamSocket) => {
      stopWatching();
      clearTimeout(deadline);
      if (!isUnanswered) return void upstreamSocket.destroy();
      isUnanswered = false;
      tieTogether(socket, upstreamSocket);
      options.onOpen();
      finish(101);
    });
    const deadline =
      responseTimeoutMs > 0
        ? setTimeout(() => {
            fail("response_timeout", `no answer to the handshake within ${responseTimeoutMs} ms`);
            made.destroy();
          }, responseTimeoutMs)
        : undefined;
    made.once("response", () => clearTimeout(deadline));
    made.once("close", () => clearTimeout(deadline));
  }

  /** The upstream answered with something else than 101: the client gets that, and its connection ends. */
  function onRefusal(proxyRes: IncomingMessage): void {
    if (!isUnanswered || !(socket instanceof Socket)) return void proxyRes.destroy();
    const res = new ServerResponse(req);
    res.assignSocket(socket);
    // Node's server no longer listens to this socket.
    socket.on("drain", () => res.emit("drain"));
    let failure: Failure | undefined;
    const isRelayed = relayResponse(proxyRes, res, {
      closes: true,
      onCut: (error) => (failure = { fault: "response_cut", cause: error.message }),
    });
    if (!isRelayed) {
      res.detachSocket(socket);
      fail("bad_response", `status ${proxyRes.statusCode} can't be relayed`);
      return void proxyRes.destroy();
    }
    isUnanswered = false;
    res.once("finish", () => socket.end(() => socket.destroy()));
    res.once("close", () => {
      socket.destroy();
      const isClientGone = !res.writableFinished && failure === undefined;
      finish(isClientGone ? clientGoneStatus : res.statusCode, failure);
    });
  }

  /** After the handshake is answered there is nothing to say: the engine and `tieTogether` end what is left. */
  function onError(error: Error): void {
    fail(faultOf(error), error.message);
  }

  function fail(fault: ProxyFault, cause: string): void {
    if (!isUnanswered) return;
    isUnanswered = false;
    answerSocketPlainly(socket, answerTo[fault]);
    finish(answerTo[fault].status, { fault, cause });
  }

  function finish(status: number, failure?: Failure): void {
    if (isFinished) return;
    isFinished = true;
    stopWatching();
    const { method = "GET" } = req;
    const durationMs = performance.now() - startedMs;
    reportEnd(options.report, { method, status, durationMs, failure });
  }
}
