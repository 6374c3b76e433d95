/** Which metrics and labels a PromQL expression names. That it is PromQL at all is promtool's to say. */

export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

export interface Named {
  readonly selectors: readonly Selector[];
  /** Of `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`. */
  readonly groupedBy: readonly string[];
}

/** Words before a list of labels. */
const grouping: ReadonlySet<string> = new Set(
  "by without on ignoring group_left group_right".split(" "),
);
/** Words that stand between expressions, and aggregations, which may be followed by `by` in place of a parenthesis. */
const words: ReadonlySet<string> = new Set(
  "and or unless bool offset sum count min max avg topk".split(" "),
);

/** A string, what is in brackets, a name or a variable, or any other sign. */
const token = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[A-Za-z_:$][\w:]*|[=!]~|!=|\S/g;

export function namesIn(expr: string): Named {
  const tokens: readonly string[] = expr.match(token) ?? [];
  const selectors: { metric: string; matchers: Matcher[] }[] = [];
  const groupedBy: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const word = tokens[at] ?? "";
    if (word === "{") {
      const end = tokens.indexOf("}", at);
      selectors.at(-1)?.matchers.push(...matchersIn(tokens.slice(at + 1, end)));
      at = end;
    } else if (grouping.has(word) && tokens[at + 1] === "(") {
      const end = tokens.indexOf(")", at);
      groupedBy.push(...tokens.slice(at + 2, end).filter((each) => each !== ","));
      at = end;
    } else if (isMetric(word, tokens[at + 1])) {
      selectors.push({ metric: word, matchers: [] });
    }
  }
  return { selectors, groupedBy };
}

function isMetric(word: string, next: string | undefined): boolean {
  return /^[A-Za-z_:]/.test(word) && next !== "(" && !grouping.has(word) && !words.has(word);
}

function matchersIn(tokens: readonly string[]): Matcher[] {
  const matchers: Matcher[] = [];
  for (let at = 0; at + 2 < tokens.length; at += 4) {
    const [label = "", operator = "", value = ""] = tokens.slice(at, at + 3);
    matchers.push({ label, operator, value: value.slice(1, -1) });
  }
  return matchers;
}
