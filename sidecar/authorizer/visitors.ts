/** Who is asking: the client's address, and what tells visitors behind one address apart. */

import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Place } from "./fair-queue.ts";

/** The credentials that a subrequest carries; they are not kept. */
export interface Credentials {
  readonly cookie: string;
  readonly authorization: string;
}

/** Digests of credentials kept at a time, for all apps; the ones longest unused go first. */
const maxProven = 20_000;

/**
 * Anybody can make up a cookie, so credentials identify a visitor only once the app has accepted them. Until then a
 * visitor is a connection, and all of an address also count together. Only a keyed digest of credentials is kept, in
 * memory.
 */
export class Visitors {
  readonly #key: string;
  readonly #proven = new LRUCache<string, true>({ max: maxProven });

  /** @param key Random, of this process alone. */
  constructor(key: Buffer) {
    this.#key = key.toString("base64");
  }

  placeOf(asker: {
    readonly appId: string;
    /** As `visitorOf` gives it. */
    readonly address: string;
    readonly socketId: string;
    readonly credentials: Credentials;
  }): Place {
    const { address, socketId } = asker;
    const digest = this.#digest(asker.appId, asker.credentials);
    return digest !== null && this.#proven.get(digest)
      ? { address, session: digest, isProven: true }
      : { address, session: socketId, isProven: false };
  }

  /** The app has accepted these credentials. */
  prove(appId: string, credentials: Credentials): void {
    const digest = this.#digest(appId, credentials);
    if (digest !== null) this.#proven.set(digest, true);
  }

  #digest(appId: string, { cookie, authorization }: Credentials): string | null {
    if (cookie === "" && authorization === "") return null;
    const text = JSON.stringify([this.#key, appId, cookie, authorization]);
    return hash("sha256", text, "base64url").slice(0, 22);
  }
}
