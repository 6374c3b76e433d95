/** What may be logged of the wire at `trace`: secrets, signatures and cookies are removed. */

/** In the place of a secret. */
const cut = "[cut]";

/** Names of header fields, of members of a message and of parameters whose values are nobody's business. */
const secretName =
  /auth|bearer|cookie|credential|jwt|key|password|protocol|secret|session|signature|token/i;

/** Not secret, though their names look like it. */
const publicNames: ReadonlySet<string> = new Set(["sec-websocket-key", "auth_timestamp"]);

/** A message is not logged longer than this, in characters. */
const maxTextLength = 2_000;
/** JSON within JSON is looked into so deep; Pusher's `data` is one level. */
const maxDepth = 4;

/** Names and values in turn; of an address in a value neither query nor userinfo is shown. */
export function redactFields(rawHeaders: readonly string[]): string[] {
  return rawHeaders.map((text, index) => {
    if (index % 2 === 0) return text.slice(0, maxTextLength);
    if (isSecretName(rawHeaders[index - 1] ?? "")) return cut;
    const shown = text.replace(/\?.*/s, `?${cut}`).replaceAll(/\/\/[^/\s]*@/g, `//${cut}@`);
    return shown.slice(0, maxTextLength);
  });
}

/** A message as JSON, `data` that is JSON in a text included; what is no JSON is not shown, for anything may be in it. */
export function redactMessage(text: string): string {
  const redacted = redactText(text, 0);
  return redacted.length > maxTextLength ? `${redacted.slice(0, maxTextLength)}…` : redacted;
}

function redactText(text: string, depth: number): string {
  try {
    return JSON.stringify(redactValue(JSON.parse(text), depth));
  } catch {
    return `[no JSON, ${text.length} characters]`;
  }
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === "string") return isJson(value) ? redactText(value, depth + 1) : value;
  if (typeof value !== "object" || value === null) return value;
  if (depth > maxDepth) return cut;
  if (Array.isArray(value)) return value.map((element) => redactValue(element, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      isSecretName(name) ? cut : redactValue(member, depth + 1),
    ]),
  );
}

/** An object or an array in a text. */
function isJson(text: string): boolean {
  return /^\s*[[{]/.test(text);
}

/** A header field, member or parameter of this name may hold a secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name) && !publicNames.has(name.toLowerCase());
}
