/**
 * What this node's subscribers of a presence channel are sent about its members: first the list, then who comes and
 * goes.
 */

import { sendToAll, type Recipient } from "./recipient.ts";
import { FlapDamper } from "./flap-damper.ts";
import { encodeFrame, type Frame } from "./frame.ts";
import { encodeMemberAdded, encodeMemberRemoved, encodePresenceSucceeded } from "./messages.ts";
import { memberKey, type Member } from "./presence.ts";
import type { RosterView } from "./presence-store.ts";

/**
 * Each subscriber's list and what it is sent after it always come to what all others have: a list is the roster with
 * those whose going is not announced yet, so it changes with the announcements alone.
 */
export class PresenceFeed {
  readonly #channel: string;
  readonly #recipients: ReadonlySet<Recipient>;
  readonly #damper = new FlapDamper<Member>();
  #list: Frame | null = null;
  /** Of the last list that was encoded; how long the next one will be, nearly. */
  #listBytes = 0;

  constructor(channel: string, recipients: ReadonlySet<Recipient>) {
    this.#channel = channel;
    this.#recipients = recipients;
  }

  get listBytes(): number {
    return this.#listBytes;
  }

  added(member: Member): void {
    if (!this.#damper.came(memberKey(member))) return;
    this.#announce(encodeMemberAdded(this.#channel, member));
  }

  removed(member: Member): void {
    if (this.#damper.went(memberKey(member), member)) this.#announceRemoved(member);
  }

  /** `subscription_succeeded` for a member: encoded once for all who ask while it is the same. */
  list(roster: RosterView | undefined): Frame {
    if (!this.#list) {
      const members = [...(roster?.members() ?? []), ...this.#damper.delayed()];
      this.#list = encodeFrame(encodePresenceSucceeded(this.#channel, members));
      this.#listBytes = this.#list.length;
    }
    return this.#list;
  }

  /** To be done one by one: announces who went within the tick that ends, and is still gone. */
  tick(): (() => void)[] {
    return this.#damper.tick().map((key) => () => {
      const member = this.#damper.release(key);
      if (member) this.#announceRemoved(member);
    });
  }

  #announceRemoved({ userId }: Member): void {
    this.#announce(encodeMemberRemoved(this.#channel, userId));
  }

  #announce(text: string): void {
    this.#list = null;
    sendToAll(this.#recipients, encodeFrame(text));
  }
}
