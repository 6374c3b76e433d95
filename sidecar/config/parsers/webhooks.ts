/** Parsers of webhooks: endpoints, events and channels. */

import { isChannelName } from "../../core/channel-name.ts";
import { webhookEventNames, type WebhookEventName } from "../../core/ports.ts";
import { parseTarget } from "../../webhooks/target.ts";
import { accept, list, oneOf, reject, type Parser } from "./parser.ts";

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
  isConfidential: true,
  // Paths and queries hold tokens at times (Slack's, Discord's): only where it goes is shown.
  show(url) {
    const [, scheme = "", user = "", host = "", rest = ""] =
      /^(https?:\/\/)?([^/?]*@)?([^/?]*)(.*)$/i.exec(url) ?? [];
    return `${scheme}${user && "…@"}${host}${rest.length > 1 ? "/…" : rest}`;
  },
};

export const webhookUrls = list(
  webhookUrl,
  "a comma list of http:// and https:// URLs and of paths on the upstream such as /pogo/events",
  "urls",
);

const eventNames = list(
  oneOf(webhookEventNames),
  `a comma list of ${webhookEventNames.join(", ").replace(/, (?=\w+$)/, " and ")}, or all`,
  "events",
);

/** Null: all of them. */
export const webhookEvents: Parser<ReadonlySet<WebhookEventName> | null> = {
  allowed: eventNames.allowed,
  placeholder: eventNames.placeholder,
  parse(text) {
    if (text.toLowerCase() === "all") return accept(null);
    const parsed = eventNames.parse(text);
    if (!parsed.ok) return parsed;
    return parsed.value.length === 0
      ? reject("for no event at all, leave the URL out")
      : accept(new Set(parsed.value));
  },
  show: (names) => (names === null ? "all" : eventNames.show([...names])),
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
