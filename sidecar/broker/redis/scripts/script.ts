/**
 * Lua that Redis runs as one atomic step, with its typed arguments and reply beside it. The data that the scripts work
 * on is in docs/scaling.md ("The data in Redis").
 */

import { createHash } from "node:crypto";
import { envelopeVersion } from "../envelope.ts";
import { topicMark } from "../keys.ts";

export type Argument = string | number;

/** @typeParam A what it takes @typeParam R what it gives */
export interface Script<A extends readonly unknown[], R> {
  readonly text: string;
  readonly sha: string;
  readonly args: (...args: A) => readonly Argument[];
  readonly reply: (raw: unknown) => R;
}

/** Runs a script for one app. Rejects with what Redis said, or where the outcome is not known. */
export type RunScript = <A extends readonly unknown[], R>(
  script: Script<A, R>,
  ...args: A
) => Promise<R>;

/** What every script is given first, as `prelude` names it. */
export interface Common {
  readonly base: string;
  readonly publishCommand: "PUBLISH" | "SPUBLISH";
  /** How long an end waits for its undoing before webhooks are sent; null: there are no webhooks. */
  readonly graceMs: number | null;
}

export function encodeCommon({ base, publishCommand, graceMs }: Common): readonly Argument[] {
  return [base, publishCommand, graceMs ?? -1];
}

const prelude = `
local base, publish, grace = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

local function send(channel, text)
  redis.call(publish, base .. '${topicMark}' .. channel, text)
end

-- A message of the nodes (envelope.ts).
local function announce(channel, message)
  message.v = ${envelopeVersion}
  send(channel, cjson.encode(message))
end
`;
const commonCount = 3;

/** One argument for each parameter, then any number of others, which Lua finds from ARGV[rest] on. */
type Arguments<P extends readonly string[]> = readonly [
  ...{ readonly [K in keyof P]: Argument },
  ...Argument[],
];

export function script<
  const P extends readonly string[],
  A extends readonly unknown[],
  R,
>(definition: {
  /** The names by which Lua knows the arguments. */
  readonly parameters: P;
  readonly args: (...args: A) => Arguments<P>;
  readonly reply: (raw: unknown) => R;
  readonly lua: string;
}): Script<A, R> {
  const { parameters, args, reply, lua } = definition;
  const places = parameters.map((_, index) => `ARGV[${commonCount + 1 + index}]`);
  const names = ["rest", ...parameters].join(", ");
  const values = [commonCount + 1 + parameters.length, ...places].join(", ");
  const text = `${prelude}local ${names} = ${values}\n${lua}`;
  return { text, sha: createHash("sha1").update(text).digest("hex"), args, reply };
}
