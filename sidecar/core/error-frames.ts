/** The catalogue's errors as frames: each is encoded once, and the same bytes go to all who are sent it. */

import type { ProtocolError } from "./errors.ts";
import { encodeFrame, type Frame } from "./frame.ts";
import { encodeError } from "./messages.ts";

const frames = new WeakMap<ProtocolError, Frame>();

export function errorFrame(error: ProtocolError): Frame {
  let frame = frames.get(error);
  if (!frame) {
    frame = encodeFrame(encodeError(error));
    frames.set(error, frame);
  }
  return frame;
}
