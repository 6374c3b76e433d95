/** Settings that work as written, but let in somebody that nobody thought of. */

import type { ConfigWarning } from "../errors.ts";
import { upstreamAddress } from "../parsers/addresses.ts";
import type { Reader } from "../sources/reader.ts";
import { table } from "../table/table.ts";
import type { Config } from "../derive.ts";
import { isThisMachine } from "./node.ts";

/** Answers without a signature, of an app to which others may be on the way (ADR 16). */
export function findRisks(
  { apps, upstream: { address } }: Config,
  reader: Reader,
): readonly ConfigWarning[] {
  if (address?.kind !== "tcp" || isThisMachine(address.host)) return [];
  const message = `the app's answers count without a signature, and it is on another host (${upstreamAddress.show(address)}): whoever can answer in its place there, or write on the way, lets anybody into any private channel. Have the app on this machine or in this pod, or that network to yourself.`;
  return apps.flatMap(({ acceptsUnsignedAnswers }, index) => {
    const name = reader.apps[index]?.nameOf(table.app.acceptsUnsignedAnswers);
    return acceptsUnsignedAnswers && name !== undefined ? [{ name, message }] : [];
  });
}
