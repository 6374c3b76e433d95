/** Reading JSON that strangers sent: never throws, and refuses what is nested deeper than PHP reads (512). */

const maxDepth = 512;

export type JsonResult = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** Parses `text`; not ok for anything but one JSON value nested at most 512 deep. */
export function parseJson(text: string): JsonResult {
  // Too short to hold 512 openings and closings: no need to look.
  if (text.length > 2 * maxDepth && isTooDeep(text)) return { ok: false };
  try {
    const value: unknown = JSON.parse(text);
    return { ok: true, value };
  } catch {
    return { ok: false };
  }
}

/** A JSON object (not an array, not null); its fields are unknown until looked at. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
