/** Errors of Redis, in its own or the system's words, without secrets. */

/** Null where it says nothing: that there is no connection, which follows from what was said before. */
export function explainError(error: unknown): string | null {
  return error instanceof Error && !isConsequence(error) ? describe(error) : null;
}

/** Words of ioredis for commands that found no connection. */
function isConsequence({ message }: Error): boolean {
  return /^(Connection is closed|Stream isn't writeable|None of startup nodes)/.test(message);
}

/** A cluster's error is that of its nodes. What a server repeats of a command it does not know may be the password. */
function describe(error: Error): string {
  const inner = "lastNodeError" in error ? error.lastNodeError : null;
  const { message } = inner instanceof Error ? inner : error;
  return message.replace(/,? with args beginning with.*$/s, "");
}
