/** The close codes that have a series of their own: clients may send any, so the rest share one. */

import { errors, shutdownCloses } from "../../core/errors.ts";

const other = "other";

/** RFC 6455 §7.4.1, and what the catalogue closes with. */
export const closeCodes: Readonly<Record<string, string>> = {
  1000: "the client was done",
  1001: "the page was left, or the server behind a proxy went away",
  1002: "a protocol error",
  1003: "a kind of data that is not taken",
  1005: "a close without a code",
  1006: "no close: the connection broke off",
  1007: "text that is not UTF-8",
  1008: "against a policy",
  1009: "a message was too long",
  1010: "the client missed an extension",
  1011: "an unexpected condition",
  ...ofCatalogue(),
  [other]: "any other code",
};

export function closeCodeLabel(code: number): string {
  const label = String(code);
  return Object.hasOwn(closeCodes, label) ? label : other;
}

/** A code that the catalogue has for several errors means any of them. */
function ofCatalogue(): Record<string, string> {
  const meanings: Record<string, string> = {};
  const add = (code: number, meaning: string): void => {
    const before = meanings[code];
    meanings[code] = before === undefined ? meaning : `${before}, ${meaning}`;
  };
  for (const error of Object.values(errors)) {
    if ("closeCode" in error) add(error.closeCode, error.reason);
  }
  for (const { code } of Object.values(shutdownCloses)) add(code, "shutdown");
  return meanings;
}
