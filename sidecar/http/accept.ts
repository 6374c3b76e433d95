/** Which of the sidecar's few response formats a client prefers (RFC 9110 §12.5.1). */

export type Form = "html" | "json" | "text";

/**
 * The form that `Accept` likes best; among equals the one that it names, then the one that it names first. Plain text
 * where it names none of them, as curl's and fetch's.
 */
export function preferredForm(accept: string | undefined): Form {
  let best: Wish = { form: "text", quality: 0, isNamed: false };
  for (const range of (accept ?? "").split(",")) {
    const wish = toWish(range);
    if (wish && isBetter(wish, best)) best = wish;
  }
  return best.form;
}

interface Wish {
  readonly form: Form;
  readonly quality: number;
  /** Not by a wildcard. */
  readonly isNamed: boolean;
}

const forms: Readonly<Record<string, Form>> = {
  "text/html": "html",
  "application/xhtml+xml": "html",
  "application/json": "json",
  "text/plain": "text",
  "text/*": "text",
  "*/*": "text",
};

function toWish(range: string): Wish | null {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
  const form = /^application\/[^/]+\+json$/.test(type) ? "json" : forms[type];
  if (form === undefined) return null;
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  return quality > 0 && quality <= 1 ? { form, quality, isNamed: !type.endsWith("*") } : null;
}

function isBetter(wish: Wish, best: Wish): boolean {
  if (wish.quality !== best.quality) return wish.quality > best.quality;
  return wish.isNamed && !best.isNamed;
}
