/** Ids of users as apps write them: text, or a number, which keeps its digits. */

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

function isFiniteNumber(value: unknown): value is number | ExactNumber {
  const text = numberText(value);
  return text !== null && Number.isFinite(Number(text));
}
