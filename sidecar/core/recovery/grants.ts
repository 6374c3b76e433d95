/**
 * What the app has granted a page on this connection, so that it need not be asked again when the page is back (rules
 * Y22–Y25 of docs/protocol.md). A page is identified by its token and its browser's cookie together; neither counts
 * alone.
 */

import { isShownIn, type Credentials, type Grant } from "./credentials.ts";
import type { Session } from "./session.ts";

/** Channels of one page of which it is remembered; the oldest give way. */
const maxChannels = 1_000;

export class Grants {
  readonly #browser: string;
  #credentials: Credentials | null = null;
  readonly #channels = new Set<string>();

  /** @param browser digest of its cookie */
  constructor(browser: string) {
    this.#browser = browser;
  }

  /**
   * The app has said yes to who showed these. All of it has to be shown again, for what was granted to less as well; what
   * was granted to something else no longer counts.
   */
  add(channel: string, shown: Credentials): void {
    if (!this.isFor(shown)) this.#channels.clear();
    this.#credentials = shown;
    this.#channels.delete(channel);
    this.#channels.add(channel);
    const [oldest] = this.#channels;
    if (this.#channels.size > maxChannels && oldest !== undefined) this.#channels.delete(oldest);
  }

  delete(channel: string): void {
    this.#channels.delete(channel);
  }

  /** Whoever they were for, nobody is granted anything any more. */
  clear(): void {
    this.#credentials = null;
    this.#channels.clear();
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  isFor(shown: Credentials): boolean {
    return this.#credentials !== null && isShownIn(this.#credentials, shown);
  }

  /** Goes on with those of a session, if they are this page's, in this browser. */
  adopt({ grant, seats, connections }: Session): boolean {
    if (grant?.browser !== this.#browser || connections > 1) return false;
    for (const [channel, { isGranted }] of seats) {
      if (isGranted) this.add(channel, grant.credentials);
    }
    return true;
  }

  /** What a session keeps of them; null: there are none. */
  get kept(): Grant | null {
    const credentials = this.#credentials;
    return credentials && { browser: this.#browser, credentials };
  }
}

/** The session as a client goes on with it: a grant is left out that is not its own. */
export function ownSession(grants: Grants | null, session: Session): Session {
  return grants?.adopt(session) ? session : { ...session, grant: null };
}
