/** Contradictions between apps that receive what Laravel publishes to Redis: the prefix must tell whose an event is. */

import { quote, type ConfigError } from "../errors.ts";
import { redisBroadcasts } from "../table/redis-broadcasts.ts";
import type { Reader } from "../sources/reader.ts";

export function findBroadcastConflicts({ apps }: Reader): readonly ConfigError[] {
  const listening = apps.flatMap((scope, index) =>
    scope.read(redisBroadcasts.isEnabled)
      ? [{ scope, index, prefix: scope.read(redisBroadcasts.prefix) }]
      : [],
  );
  return listening.flatMap(({ scope, index, prefix }): readonly ConfigError[] => {
    const other = listening.find(
      (one) =>
        one.index < index && (prefix.startsWith(one.prefix) || one.prefix.startsWith(prefix)),
    );
    if (!other || scope.hasFailed(redisBroadcasts.prefix)) return [];
    const message = `${quote(prefix)} and apps[${other.index}]'s ${quote(other.prefix)} begin alike: an event would be both apps'. Give each Laravel app a prefix of its own (REDIS_PREFIX).`;
    return [{ kind: "conflict", name: scope.nameOf(redisBroadcasts.prefix), message }];
  });
}
