/** Which events of a channel's log a returning client is sent, or why that cannot be said. */

import type { Frame } from "../frame.ts";
import type { Resumption } from "./client.ts";
import type { LoggedEvent, Missed } from "./ports.ts";
import type { GapReason } from "../report/recovery.ts";
import type { Position, Seat } from "./session.ts";

export type Outcome =
  /** It was not in the channel before. */
  | { readonly kind: "new" }
  | { readonly kind: "gap"; readonly reason: GapReason }
  | { readonly kind: "resumed"; readonly frames: readonly Frame[]; readonly upTo: Position };

/** About what the outbox counts for a frame besides its bytes. */
const frameOverheadBytes = 128;

export function outcomeOf(
  missed: Missed,
  seat: Seat,
  client: {
    readonly socketId: string;
    readonly resumption: Resumption;
    readonly hasRoom: (bytes: number) => boolean;
  },
  compare: (a: Position, b: Position) => number,
): Outcome {
  if (!missed.ok) return gap("bounds");
  const { resumption, socketId, hasRoom } = client;
  const isShared = (resumption.session?.connections ?? 1) > 1;
  const isOwn = ({ event: { exceptSocketId } }: LoggedEvent): boolean =>
    exceptSocketId !== undefined &&
    (exceptSocketId === socketId || seat.socketIds.includes(exceptSocketId));
  const isBehind = ({ position }: LoggedEvent): boolean => compare(position, seat.position) > 0;
  // It can't be said which of the connections that shared the token this one was.
  const isAmbiguous = missed.events.some((event) => !isBehind(event) || (isShared && isOwn(event)));
  if (isAmbiguous) return gap("ambiguous");

  const frames = missed.events.filter((event) => !isOwn(event)).map(({ frame }) => frame);
  const bytes = frames.reduce((sum, { length }) => sum + length + frameOverheadBytes, 0);
  const isTooMuch = frames.length > resumption.leftEvents || bytes > resumption.leftBytes;
  if (isTooMuch || !hasRoom(bytes)) return gap("bounds");
  resumption.leftEvents -= frames.length;
  resumption.leftBytes -= bytes;
  return { kind: "resumed", frames, upTo: missed.upTo };
}

function gap(reason: GapReason): Outcome {
  return { kind: "gap", reason };
}
