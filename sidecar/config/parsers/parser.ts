/** How the text of an option becomes a value: one parser per kind, which also says in words what it accepts. */

export interface Parser<T> {
  /** What a value may be; completes the sentence "… is not ⟨allowed⟩". */
  readonly allowed: string;
  /** Stands for the value in usage texts: `--port <port>`. */
  readonly placeholder: string;
  /** `text` is trimmed and not empty. */
  parse(text: string): Parsed<T>;
  /** The value as text: what `parse` takes, empty for an empty list or path. */
  show(value: T): string;
  /** A text that is refused may hold a secret, and is not repeated; `show` leaves it out of values. */
  readonly isConfidential?: true;
}

/** `why`: what is wrong with this very value and how to put it right, where `allowed` leaves that open. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why?: string };

export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function reject(why?: string): Parsed<never> {
  return why === undefined ? { ok: false } : { ok: false, why };
}

export function integer(
  range: { min: number; max?: number },
  placeholder = "number",
): Parser<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = range;
  const bounds = range.max === undefined ? `of ${min} or more` : `from ${min} to ${max}`;
  return {
    allowed: `a whole number ${bounds}`,
    placeholder,
    parse(text) {
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? accept(value) : reject();
    },
    show: String,
  };
}

export const port = integer({ min: 0, max: 65_535 }, "port");

/** How many of something there may be at most. */
export const count = integer({ min: 1, max: 1_000_000_000 });

/** A number above zero, fractions included: a rate. */
export const positive: Parser<number> = {
  allowed: "a number above 0",
  placeholder: "rate",
  parse(text) {
    const value = /^\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    return value > 0 ? accept(value) : reject();
  },
  show: String,
};

const truths = new Map([
  ...["true", "(true)", "1", "on", "yes"].map((word) => [word, true] as const),
  ...["false", "(false)", "0", "off", "no"].map((word) => [word, false] as const),
]);

/** Takes what Laravel's `env()` and PHP's ini files take for a boolean. */
export const boolean: Parser<boolean> = {
  allowed: "true or false",
  placeholder: "true|false",
  parse(text) {
    const value = truths.get(text.toLowerCase());
    return value === undefined ? reject() : accept(value);
  },
  show: String,
};

export function oneOf<const T extends string>(words: readonly T[]): Parser<T> {
  return {
    allowed: `one of ${words.join(", ")}`,
    placeholder: words.join("|"),
    parse(text) {
      const found = words.find((word) => word === text.toLowerCase());
      return found === undefined ? reject() : accept(found);
    },
    show: String,
  };
}

/** Comma-separated items; empty ones are left out. */
export function list<T>(
  item: Parser<T>,
  allowed: string,
  placeholder: string,
): Parser<readonly T[]> {
  return {
    allowed,
    placeholder,
    ...(item.isConfidential && { isConfidential: true }),
    parse(text) {
      const values: T[] = [];
      for (const [index, part] of text.split(",").entries()) {
        if (part.trim() === "") continue;
        const parsed = item.parse(part.trim());
        if (!parsed.ok) {
          const shown = item.isConfidential ? `item ${index + 1}` : JSON.stringify(part.trim());
          return reject(parsed.why ?? `${shown} is not ${item.allowed}`);
        }
        values.push(parsed.value);
      }
      return accept(values);
    },
    show: (values) => values.map((value) => item.show(value)).join(","),
  };
}

/** Words for "no value": those that Laravel's `env()` turns into null, and `none`. */
const noneWords: ReadonlySet<string> = new Set(["none", "null", "(null)"]);

export function orNone<T>(inner: Parser<T>): Parser<T | null> {
  return {
    allowed: `${inner.allowed}, or none`,
    placeholder: inner.placeholder,
    parse: (text) => (noneWords.has(text.toLowerCase()) ? accept(null) : inner.parse(text)),
    show: (value) => (value === null ? "none" : inner.show(value)),
  };
}

/** For an option that may be left out: nothing but the absence of a text is null. */
export function optional<T>(inner: Parser<T>): Parser<T | null> {
  return { ...inner, show: (value) => (value === null ? "" : inner.show(value)) };
}

/** Wraps a parser of amounts: 0 is no limit. */
export function zeroIsOff(inner: Parser<number>): Parser<number> {
  return {
    allowed: `${inner.allowed}, or 0 for no limit`,
    placeholder: inner.placeholder,
    parse: (text) => (/^0+$/.test(text) ? accept(0) : inner.parse(text)),
    show: (value) => inner.show(value),
  };
}
