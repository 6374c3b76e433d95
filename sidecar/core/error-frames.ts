/** The catalogue's errors as frames: each is encoded once, and everybody gets the same bytes. */

import type { ErrorData } from "./dialect.ts";
import type { ProtocolError } from "./errors.ts";
import { encodeFrame, type Frame } from "./frame.ts";
import { encodeError } from "./messages.ts";

const frames: Readonly<Record<ErrorData, WeakMap<ProtocolError, Frame>>> = {
  string: new WeakMap(),
  object: new WeakMap(),
};

export function errorFrame(error: ProtocolError, data: ErrorData): Frame {
  let frame = frames[data].get(error);
  if (!frame) {
    frame = encodeFrame(encodeError(error, data));
    frames[data].set(error, frame);
  }
  return frame;
}
