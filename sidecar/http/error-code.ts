/** The code of a Node error, such as `ECONNREFUSED` or `ERR_BUFFER_TOO_LARGE`. */

/** Null: it has no such name. */
export function errorCode(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
