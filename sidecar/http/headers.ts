/** Reads header fields as they were received: names and values alternating, with case and duplicates kept. */

/** `IncomingMessage.rawHeaders`: name, value, name, value … in latin1. */
export type RawHeaders = readonly string[];

/** Every field in the order received. */
export function* fieldsOf(
  rawHeaders: RawHeaders,
): Generator<readonly [name: string, value: string]> {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    yield [rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""];
  }
}

/** All values of one field, in the order received. `name` in lower case. */
export function valuesOf(rawHeaders: RawHeaders, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const field = rawHeaders[index] ?? "";
    if (field.length !== name.length || field.toLowerCase() !== name) continue;
    values.push(rawHeaders[index + 1] ?? "");
  }
  return values;
}

/** The first value of one field. `name` in lower case. */
export function valueOf(rawHeaders: RawHeaders, name: string): string | undefined {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const field = rawHeaders[index] ?? "";
    if (field.length === name.length && field.toLowerCase() === name) return rawHeaders[index + 1];
  }
  return undefined;
}

/** The elements of a field that is a comma-separated list, over all its lines; empty ones left out (RFC 9110 §5.6.1). */
export function listOf(rawHeaders: RawHeaders, name: string): string[] {
  return valuesOf(rawHeaders, name)
    .flatMap((value) => value.split(","))
    .map((element) => element.trim())
    .filter((element) => element !== "");
}

/** Length of a request's body by its fields, which the guard has checked: `chunked`, or bytes (0: no body). */
export function bodyLength(rawHeaders: RawHeaders): number | "chunked" {
  if (isChunked(rawHeaders)) return "chunked";
  return Number(valueOf(rawHeaders, "content-length") ?? 0);
}

/** Whether a body has a transfer coding, which can only be `chunked` once the guard has let it pass. */
export function isChunked(rawHeaders: RawHeaders): boolean {
  return valueOf(rawHeaders, "transfer-encoding") !== undefined;
}
