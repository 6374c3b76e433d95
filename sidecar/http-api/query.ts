/** A query string as PHP reads it (`parse_str`), which is what the Pusher SDKs sign and Reverb checks. */

export type Query = ReadonlyMap<string, string>;

/**
 * Names and values percent-decoded, `+` a space; of a name given twice the last one counts, and `name[]` values
 * are joined with commas. Never throws: what can't be decoded stays as it is.
 */
export function parseQuery(search: string): Query {
  const query = new Map<string, string>();
  const lists = new Map<string, string[]>();
  for (const pair of search.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? "" : decode(pair.slice(equals + 1));
    const bracket = name.indexOf("[");
    if (bracket < 1) {
      query.set(name, value);
      continue;
    }
    const listName = name.slice(0, bracket);
    const values = lists.get(listName) ?? [];
    values.push(value);
    lists.set(listName, values);
    query.set(listName, values.join(","));
  }
  return query;
}

function decode(text: string): string {
  // Most need none of it.
  if (!text.includes("%") && !text.includes("+")) return text;
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
