/** WebSockets of the app itself, passed through: the handshake by the engine, then bytes both ways. */

import type { ClientRequest, IncomingMessage, ServerResponse as Response } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Report } from "../core/report.ts";
import { ServerResponse } from "../http/node-http.ts";
import { Reading } from "../http/read-turns.ts";
import type { RequestContext } from "../http/request-context.ts";
import { Attempt } from "./attempt.ts";
import type { Engine, OpenUpgrade } from "./engine.ts";
import { notConnected, refusalPages } from "./faults.ts";
import { flushHead, relayHead } from "./relay.ts";
import { createTunnel, watchUnread, type Tunnel } from "./tunnel.ts";
import type { Guest } from "./waiting-entry.ts";
import type { Ticket } from "./waiting-room.ts";

export interface PassThroughOptions {
  readonly engine: Engine;
  /** As `visitorOf` gives it. */
  readonly visitor: string;
  /** As `toUpstreamFields` makes them; Connection and Upgrade are added. */
  readonly fields: readonly string[];
  /** To the waiting room. */
  readonly enter: (guest: Guest) => Ticket;
  /** How long it waits there; 0: not at all. */
  readonly awayWaitMs: number;
  /** From the handshake to its answer; 0: no limit. */
  readonly responseTimeoutMs: number;
  /** The app took the handshake; from now on bytes pass until a side leaves or `socket` is destroyed. */
  readonly onOpen: (tunnel: Tunnel) => void;
  readonly report: Report;
}

/** Passes one handshake on, and the connection after it; there is no limit on its silence. */
export function passThrough(
  context: RequestContext,
  socket: Duplex,
  head: Buffer,
  options: PassThroughOptions,
): void {
  const { engine, visitor, fields, awayWaitMs, responseTimeoutMs, report } = options;
  const { req } = context;
  let request: ClientRequest | undefined;
  const attempt = new Attempt({
    context,
    report,
    answer(page) {
      stopWatching();
      context.refuse(socket, context.show(page));
      attempt.end(page.status, { isComplete: true });
    },
  });

  // The engine writes the fields of the 101 as text: one byte a character, as they were received.
  socket.setDefaultEncoding("latin1");
  const stopWatching = watchUnread(socket, () => {
    attempt.end(0, { isComplete: false });
    request?.destroy();
    socket.destroy();
  });
  const ticket = options.enter({
    go: () => void start().catch((error: unknown) => attempt.fail("not_sent", String(error))),
    refuse(reason) {
      attempt.refuse(refusalPages[reason]);
      report({ kind: "proxy_refused", reason });
    },
  });
  socket.once("close", () => ticket.leave());

  async function start(): Promise<void> {
    const openUpgrade = await engine.loadUpgrades();
    if (awayWaitMs > 0 && !(await isAppThere())) return;
    if (attempt.isWaiting) open(openUpgrade);
  }

  /** The engine can't be asked twice for one socket: whether there is anybody to connect to is tried before. */
  async function isAppThere(): Promise<boolean> {
    try {
      await engine.probe();
    } catch (error) {
      ticket.failed(error instanceof Error ? error.message : String(error));
      return false;
    }
    ticket.connected();
    return true;
  }

  function open(openUpgrade: OpenUpgrade): void {
    context.forward();
    // After the handshake is answered there is nothing to say: engine and tunnel end what is left.
    const made = openUpgrade(req, socket, head, fields, ({ fault, message }) => {
      if (notConnected.has(fault)) ticket.failed(message);
      if (attempt.isWaiting) attempt.fail(fault, message);
    });
    request = made;
    attempt.limit(
      responseTimeoutMs,
      () => true,
      () => made.destroy(),
    );
    made.once("response", onRefusal);
    // The engine begins to read the socket in between.
    made.prependOnceListener("upgrade", stopWatching);
    made.once("upgrade", (_response, appSocket) => {
      ticket.connected();
      if (!attempt.isWaiting) return void appSocket.destroy();
      attempt.relay();
      options.onOpen(createTunnel(socket, appSocket, visitor));
      attempt.end(101, { isComplete: true });
    });
  }

  /** The app answered with something else than 101: the client gets that, and its connection ends. */
  function onRefusal(answer: IncomingMessage): void {
    stopWatching();
    ticket.connected();
    if (!attempt.isWaiting || !(socket instanceof Socket)) return void answer.destroy();
    const res = new ServerResponse(req);
    res.assignSocket(socket);
    // Node's server no longer listens to this socket.
    socket.on("drain", () => res.emit("drain"));
    const { statusCode: status = 0, statusMessage: reason = "", rawHeaders } = answer;
    if (!relayHead({ status, reason, rawHeaders }, res, { closes: true, requestId: context.id })) {
      res.detachSocket(socket);
      attempt.fail("bad_response", `unreadable answer: status ${status} can't be relayed`);
      return void answer.destroy();
    }
    attempt.relay();
    relayBody(answer, res, visitor, (error) => attempt.fail("response_cut", error.message));
    res.once("finish", () => socket.end(() => socket.destroy()));
    res.once("close", () => {
      socket.destroy();
      attempt.end(res.statusCode, { isComplete: res.writableFinished });
    });
  }
}

/** No faster than the client reads it; whichever side breaks off, the other one ends too. */
function relayBody(
  answer: IncomingMessage,
  res: Response,
  visitor: string,
  onCut: (error: Error) => void,
): void {
  const reading = new Reading(answer, visitor);
  answer.on("data", (chunk: Buffer) => {
    reading.took(chunk);
    if (!res.write(chunk)) reading.block();
  });
  answer.once("end", () => res.end());
  answer.once("error", (error) => {
    if (!res.destroyed) onCut(error);
    res.destroy();
  });
  res.on("drain", () => reading.unblock());
  res.once("close", () => answer.destroy());
  flushHead(res);
}
