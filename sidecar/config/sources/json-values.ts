/** Turns a value in a JSON file into the text that an option's parser takes. */

/** Null: not set. Undefined: no value of an option. */
export function toText(value: unknown): string | null | undefined {
  if (value === null) return null;
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
  return isList ? value.join(",") : undefined;
}

export const whatTextIs = "a text, a number, true, false or a list of texts goes here.";
