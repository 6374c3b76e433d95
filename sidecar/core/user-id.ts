/** User ids as apps write them: a string, or a number, whose digits are kept exactly. */

import { numberText, type ExactNumber } from "./json.ts";

export type UserId = string | number | ExactNumber;

export function isUserId(value: unknown): value is UserId {
  // Half a character (a lone surrogate) is no text that could be passed on.
  return typeof value === "string" ? value.isWellFormed() : isFiniteNumber(value);
}

/** A number that no client can read, such as 1e999, is no id. */
export function isInfinite(value: unknown): boolean {
  return numberText(value) !== null && !isFiniteNumber(value);
}

/** Two ids are the same user if they are equal as text (rule P02). */
export function idText(id: UserId): string {
  return typeof id === "string" ? id : (numberText(id) ?? "");
}

/**
 * Whom one can sign in as, watch, publish to and terminate: 1 to 240 characters, whichever they are. So the name of a
 * user's own channel is no longer than that of any other.
 */
export function isUserName(id: string): boolean {
  return id !== "" && id.length <= maxUserNameLength && id.isWellFormed();
}

const maxUserNameLength = 240;

function isFiniteNumber(value: unknown): value is number | ExactNumber {
  const text = numberText(value);
  return text !== null && Number.isFinite(Number(text));
}
