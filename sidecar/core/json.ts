/** Parses untrusted JSON: never throws, and refuses nesting deeper than PHP reads (512). */

const maxDepth = 512;

export type JsonResult = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** A number that JavaScript's own would change (9007199254740993, 1.0): `JSON.stringify` writes its text. */
export interface ExactNumber {
  readonly rawJSON: string;
}

/** Parses `text`; not ok for anything but one JSON value nested at most 512 deep. */
export function parseJson(text: string): JsonResult {
  return parse(text, JSON.parse);
}

/** The same for what is passed on to others: encoded again, every number is what it was, digit for digit. */
export function parseExactJson(text: string): JsonResult {
  return parse(text, inexactNumber.test(text) ? parseExactly : JSON.parse);
}

/** A JSON object (not an array, not null); its fields are unknown until looked at. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return isComposite(value) && !Array.isArray(value);
}

/** A JSON object or array. */
export function isComposite(value: unknown): value is object {
  return typeof value === "object" && value !== null && !JSON.isRawJSON(value);
}

/** A number's text, as it was sent; null for anything else. */
export function numberText(value: unknown): string | null {
  if (typeof value === "number") return String(value);
  return JSON.isRawJSON(value) ? value.rawJSON : null;
}

function parse(text: string, parser: (text: string) => unknown): JsonResult {
  // Too short to hold 512 openings and closings: no need to look.
  if (text.length > 2 * maxDepth && isTooDeep(text)) return { ok: false };
  try {
    return { ok: true, value: parser(text) };
  } catch {
    return { ok: false };
  }
}

/**
 * What looks like a number that `JSON.stringify` might write otherwise: of more than 15 digits, very small, with an
 * exponent, with a zero at its end, -0. All others go the fast way; what is found inside a string costs only time.
 */
const inexactNumber =
  /(?:^|[\s:,[])(?:-0(?![.\d])|-?(?:\d{16}|[\d.]{17}|0\.0{6}|\d+\.\d*0(?!\d)|\d+(?:\.\d+)?[eE]))/;

function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? JSON.rawJSON(source)
      : value,
  );
}

/** ECMAScript's "JSON.parse source text access", which TypeScript's library lacks. */
declare global {
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): ExactNumber;
    isRawJSON(value: unknown): value is ExactNumber;
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c /* \ */) i++;
      else if (c === 0x22 /* " */) inString = false;
    } else if (c === 0x22) {
      inString = true;
    } else if (c === 0x5b /* [ */ || c === 0x7b /* { */) {
      if (++depth > maxDepth) return true;
    } else if (c === 0x5d /* ] */ || c === 0x7d /* } */) {
      depth--;
    }
  }
  return false;
}
