/** A WebSocket of the app that passes through: two sockets, and how they close. */

import type { Duplex } from "node:stream";
import { Reading } from "../http/read-turns.ts";
import { FrameBoundary } from "./frame-boundary.ts";

export interface Tunnel {
  /**
   * Says goodbye to the client with 1001 (RFC 6455 §7.4.1) as soon as no frame of the app is under way. What the client
   * answers reaches the app; once one of them ends its connection, so does the other's. Whoever has not ended after
   * `goodbyeMs` is cut.
   */
  close(): void;
}

/** How long a client may take to answer a close. */
const goodbyeMs = 2_000;

/**
 * Joins two sockets, each of which is read in turns and no faster than the other one takes it. Lets neither outlive the
 * other: what is on its way is written first, then the connection goes.
 *
 * @param visitor whose it is, as `visitorOf` gives it
 */
export function createTunnel(client: Duplex, app: Duplex, visitor: string): Tunnel {
  const boundary = new FrameBoundary();
  let isClosing = false;
  let isClosed = false;
  // The engine has joined them by pipes.
  client.unpipe();
  app.unpipe();
  pass(client, app, visitor);
  pass(app, client, visitor, (chunk) => {
    if (isClosed) return "dropped";
    boundary.push(chunk);
    // This piece has still to be written.
    if (isClosing) queueMicrotask(sayGoodbye);
    return "passed";
  });
  tie(client, app);
  tie(app, client);

  function sayGoodbye(): void {
    if (isClosed || !boundary.isHere) return;
    isClosed = true;
    client.write(goingAway);
  }

  return {
    close() {
      if (isClosing) return;
      isClosing = true;
      const timer = setTimeout(() => client.destroy(), goodbyeMs).unref();
      client.once("close", () => clearTimeout(timer));
      sayGoodbye();
    },
  };
}

/** A Close frame of a server, with 1001. */
const goingAway = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

/** @param look sees each piece before it is written */
function pass(
  from: Duplex,
  to: Duplex,
  visitor: string,
  look: (chunk: Buffer) => "passed" | "dropped" = () => "passed",
): void {
  const reading = new Reading(from, visitor);
  from.on("data", (chunk: Buffer) => {
    reading.took(chunk);
    if (look(chunk) === "passed" && !to.write(chunk)) reading.block();
  });
  to.on("drain", () => reading.unblock());
  from.resume();
}

/** A WebSocket has no use for a connection that is open in one direction. */
function tie(left: Duplex, right: Duplex): void {
  left.once("end", () => right.end(() => right.destroy()));
  left.once("close", () => right.end(() => right.destroy()));
}

/**
 * Calls `onLeave` once when the client of a socket that nobody reads yet has ended or lost its connection. Reads no
 * further than the socket's own buffer; what came in stays there. A client that had sent frames before it left is not
 * noticed until somebody reads.
 *
 * @returns stops watching; to be called before anybody reads.
 */
export function watchUnread(socket: Duplex, onLeave: () => void): () => void {
  // With this listener a stream fills its buffer and hears of its end, and hands out nothing.
  const onReadable = (): void => {};
  const stop = (): void => {
    socket.off("readable", onReadable);
    socket.off("end", leave);
    socket.off("close", leave);
  };
  const leave = (): void => {
    stop();
    onLeave();
  };
  socket.on("readable", onReadable);
  socket.on("end", leave);
  socket.on("close", leave);
  return stop;
}
