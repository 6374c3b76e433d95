/** Parsers of what a webhook is told with: endpoints, events and channels. */

import { isChannelName } from "../core/channel-name.ts";
import type { WebhookEvent } from "../core/ports.ts";
import { parseTarget } from "../webhooks/target.ts";
import { withoutUrlSecrets } from "./errors.ts";
import { accept, list, oneOf, reject, type Parser } from "./parsers.ts";

type EventName = WebhookEvent["name"];

const webhookUrl: Parser<string> = {
  allowed: "an http:// or https:// URL, or a path on the upstream such as /pogo/events",
  placeholder: "url",
  parse(text) {
    if (text.startsWith("//")) return reject("a host goes behind http:// or https://");
    // RFC 3986 §2, without `#`, which nobody is sent, and without what URL parsers repair in silence.
    if (!/^(https?:\/\/[^/]|\/)[\w.~!$&'()*+;=:@%/?[\]-]*$/i.test(text)) return reject();
    if (!hasReadablePassword(text)) return reject("its user or password is wrongly encoded");
    return parseTarget(text, { kind: "tcp", host: "upstream", port: 80 }).ok
      ? accept(text)
      : reject();
  },
  show: withoutUrlSecrets,
};

export const webhookUrls = list(
  webhookUrl,
  "a comma list of http:// and https:// URLs and of paths on the upstream such as /pogo/events",
  "urls",
);

const eventNames: Parser<readonly EventName[]> = list(
  oneOf([
    "channel_occupied",
    "channel_vacated",
    "member_added",
    "member_removed",
    "client_event",
    "cache_miss",
    "subscription_count",
    "user_connected",
    "user_disconnected",
  ]),
  "a comma list of channel_occupied, channel_vacated, member_added, member_removed, client_event, cache_miss, subscription_count, user_connected and user_disconnected, or all",
  "events",
);

/** Null: all of them. */
export const webhookEvents: Parser<readonly EventName[] | null> = {
  allowed: eventNames.allowed,
  placeholder: eventNames.placeholder,
  parse(text) {
    if (text.toLowerCase() === "all") return accept(null);
    const parsed = eventNames.parse(text);
    return parsed.ok && parsed.value.length === 0
      ? reject("to be told of nothing, leave the URL out")
      : parsed;
  },
  show: (names) => (names === null ? "all" : eventNames.show(names)),
};

export const channelPrefix: Parser<string> = {
  allowed: "the beginning of a channel's name, of letters, digits and - _ = @ , . ;",
  placeholder: "prefix",
  parse: (text) => (isChannelName(text) ? accept(text) : reject()),
  show: String,
};

/** Node decodes it for the `Authorization` header, and throws where that can't be done. */
function hasReadablePassword(text: string): boolean {
  const [, userInfo = ""] = /^https?:\/\/([^/?]*)@/i.exec(text) ?? [];
  try {
    decodeURIComponent(userInfo);
    return true;
  } catch {
    return false;
  }
}
