/** What began or ended over all nodes, as scripts return it to the node that runs them, which sends the webhooks. */

import type { Occupancy } from "../../../core/occupancy.ts";
import { channelMark, parseField } from "../keys.ts";
import { readTexts } from "./reply.ts";

export interface Transition {
  readonly occupancy: Occupancy;
  readonly change: "began" | "ended";
}

const marks = { began: "+", ended: "-" } as const;

/** An end waits for the grace, and a beginning undoes it. */
export const transitionsLua = `
local transitions = {}

local function began(field, isNews)
  if grace < 0 then return end
  if redis.call('ZREM', base .. 'ends', field) == 1 then return end
  if isNews then transitions[#transitions + 1] = '${marks.began}' .. field end
end

local function ended(field)
  if grace < 0 then return end
  if grace == 0 then
    transitions[#transitions + 1] = '${marks.ended}' .. field
  else
    -- A channel's end is due behind those of its members, which come in the same millisecond.
    local behind = string.sub(field, 1, ${channelMark.length}) == '${channelMark}' and 0.5 or 0
    redis.call('ZADD', base .. 'ends', nowMs + grace + behind, field)
  end
end
`;

export function readTransitions(raw: unknown): readonly Transition[] {
  return readTexts(raw).flatMap((text) =>
    toTransition(text.startsWith(marks.began) ? "began" : "ended", text.slice(1)),
  );
}

/** Of fields whose ends are due. */
export function readEnds(raw: unknown): readonly Transition[] {
  return readTexts(raw).flatMap((field) => toTransition("ended", field));
}

function toTransition(change: Transition["change"], field: string): readonly Transition[] {
  const occupancy = parseField(field);
  return occupancy ? [{ occupancy, change }] : [];
}
