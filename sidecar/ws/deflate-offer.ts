/**
 * Which offer of permessage-deflate is accepted (RFC 7692 §7.1): one without context on either side. Then a broadcast's
 * frame is the same for every client, and no connection keeps a window of its own.
 */

const extensionName = "permessage-deflate";

/** As a power of 2: what a frame that is shared looks back, and so the least that a client may ask for. */
export const windowBits = 13;

/** What the parameters of an offer may be; `true`: they have no value. */
const parameters: Readonly<Record<string, (value: string | true) => boolean>> = {
  server_no_context_takeover: (value) => value === true,
  client_no_context_takeover: (value) => value === true,
  server_max_window_bits: (value) => isBits(value) && Number(value) >= windowBits,
  client_max_window_bits: (value) => value === true || isBits(value),
};

/**
 * The value of `Sec-WebSocket-Extensions` in the answer; null: none of the offers can be taken up, and nothing is
 * compressed. An offer that is malformed is passed over, as one that asks too much.
 */
export function agreeToDeflate(offered: string): string | null {
  for (const offer of offered.split(",")) {
    const [name, ...rest] = offer.split(";").map((part) => part.trim());
    if (name?.toLowerCase() !== extensionName) continue;
    const asked = readParameters(rest);
    if (!asked) continue;
    return [
      extensionName,
      "server_no_context_takeover",
      "client_no_context_takeover",
      // An answer has to name it where the offer does (§7.1.2.1).
      ...(asked.has("server_max_window_bits") ? [`server_max_window_bits=${windowBits}`] : []),
    ].join("; ");
  }
  return null;
}

/** Null: one of them is unknown, there twice, or can't be met. */
function readParameters(parts: readonly string[]): ReadonlySet<string> | null {
  const names = new Set<string>();
  for (const part of parts) {
    const [name = "", ...values] = part.split("=");
    const value = values.length === 0 ? undefined : values.join("=");
    const key = name.trim().toLowerCase();
    const isMet = Object.hasOwn(parameters, key) && parameters[key]?.(unquoted(value));
    if (!isMet || names.has(key)) return null;
    names.add(key);
  }
  return names;
}

function unquoted(value: string | undefined): string | true {
  return value === undefined ? true : value.trim().replace(/^"(.*)"$/, "$1");
}

/** RFC 7692 §7.1.2: from 8 to 15, without leading zeros. */
function isBits(value: string | true): boolean {
  return value !== true && /^([89]|1[0-5])$/.test(value);
}
