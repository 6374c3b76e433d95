/** A handshake's header fields for as long as its connection is open: one string in place of some thirty. */

import type { Handshake } from "../core/ports.ts";

/** No field has it in its name or value (RFC 9110 §5.5). */
const separator = "\n";

/** Of no use to whom the app is asked for: they were about the handshake alone. */
const unneeded = /^(sec-websocket-.*|upgrade|accept-encoding|cache-control|pragma)$/i;

export class KeptHandshake implements Handshake {
  readonly remoteAddress: string;
  readonly #packed: string | null;

  /** @param options.keepsFields Whether anybody will ask for them: the app, behind, that authorizes. */
  constructor(
    { rawHeaders, remoteAddress }: Handshake,
    { keepsFields }: { readonly keepsFields: boolean },
  ) {
    this.remoteAddress = remoteAddress;
    this.#packed = keepsFields ? pack(rawHeaders) : null;
  }

  get rawHeaders(): readonly string[] {
    return this.#packed?.split(separator) ?? [];
  }
}

/** Null: there are none. */
function pack(rawHeaders: readonly string[]): string | null {
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    if (!unneeded.test(name)) kept.push(name, rawHeaders[index + 1] ?? "");
  }
  return kept.length === 0 ? null : kept.join(separator);
}
