/** Parsers of amounts with a unit: durations in milliseconds, sizes in bytes. */

import { showDuration } from "../../core/duration.ts";
import { accept, reject, type Parser } from "./parser.ts";

const millisecondsIn: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Timers of Node end at once beyond this (2^31 - 1 ms); no option may. */
const longestMs = 24 * 3_600_000;

/**
 * `54s`, `1500ms`, `2m`, `1.5h`, and Go's composites that the original took: `1m30s`. A bare number is refused,
 * since nobody can tell seconds from milliseconds.
 * @param options.stepMs the value is a multiple of it
 * @param options.zero 0 is a value, written `0`, `0s` or `off`; a text says what for, else it is no limit
 */
export function duration(
  options: { stepMs?: number; minMs?: number; maxMs?: number; zero?: boolean | string } = {},
): Parser<number> {
  const { stepMs = 1, minMs = 0, maxMs = longestMs, zero = false } = options;
  const meaning = zero === true ? "for no limit" : zero;
  const examples = stepMs === 1000 ? "54s, 2m, 1h" : "54s, 1500ms, 2m, 1h";
  const bounds =
    minMs === 0
      ? `up to ${showDuration(maxMs)}`
      : `from ${showDuration(minMs)} to ${showDuration(maxMs)}`;
  return {
    allowed: `a duration ${bounds} with its unit (${examples})${meaning === false ? "" : `, or 0 ${meaning}`}`,
    placeholder: "duration",
    parse(text) {
      const lowerCase = text.toLowerCase();
      if (zero !== false && /^(0+|off)$/.test(lowerCase)) return accept(0);
      if (/^\d+(\.\d+)?$/.test(text)) {
        return reject(`a bare number has no unit, ${text}s is seconds and ${text}ms milliseconds`);
      }
      if (!/^(\d{1,12}(\.\d{1,9})?(ms|s|m|h))+$/.test(lowerCase)) return reject();
      let total = 0;
      for (const [, amount, unit] of lowerCase.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
        total += Number(amount) * (millisecondsIn[unit ?? ""] ?? Number.NaN);
      }
      const value = Math.round(total);
      if (value > maxMs) return reject();
      if (value === 0) return zero === false ? reject("it must be longer than zero") : accept(0);
      if (value < minMs) return reject();
      return value % stepMs === 0
        ? accept(value)
        : reject("the protocol counts whole seconds here");
    },
    show: showDuration,
  };
}

const bytesIn: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
};

/** `16384`, `16KiB`, `2MiB`; also `16k`, `2m` as nginx and PHP write them (1024). */
export function bytes(range: { min: number; max: number }): Parser<number> {
  return {
    allowed: `a number of bytes from ${range.min} to ${range.max} (16384, 16KiB, 2MiB)`,
    placeholder: "bytes",
    parse(text) {
      const [, amount, unit = ""] = /^(\d{1,15})\s*([a-z]*)$/i.exec(text) ?? [];
      const size = bytesIn[unit.toLowerCase()];
      if (amount === undefined) return reject();
      if (size === undefined) {
        return reject(`${JSON.stringify(unit)} is no unit here, KiB, MiB and GiB are`);
      }
      const value = Number(amount) * size;
      return value >= range.min && value <= range.max ? accept(value) : reject();
    },
    show: String,
  };
}

/** The body of a request or an answer, which is held in memory. */
export const bodyBytes = bytes({ min: 1, max: 1024 ** 3 });

/** Whole seconds, which the protocol counts in. */
export const seconds: Parser<number> = scaled(duration({ stepMs: 1000 }), 1000);

/** The same texts for a value in a larger unit. */
function scaled(inner: Parser<number>, factor: number): Parser<number> {
  return {
    ...inner,
    parse(text) {
      const parsed = inner.parse(text);
      return parsed.ok ? accept(parsed.value / factor) : parsed;
    },
    show: (value) => inner.show(value * factor),
  };
}
