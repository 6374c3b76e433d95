/** The page's actions, by path below `/console/`: each takes a JSON object of strings. */

import type { ConsoleSources } from "./sources.ts";

export type Fields = Readonly<Record<string, unknown>>;

export interface ActionAnswer {
  readonly status: number;
  readonly value: object;
}

export type Action = (fields: Fields) => Promise<ActionAnswer>;

export function createActions({ actions }: ConsoleSources): ReadonlyMap<string, Action> {
  return new Map<string, Action>([
    [
      "disconnect",
      async ({ socketId }) =>
        actions.disconnect(textOf(socketId)) ? done : failed(404, "It has ended before."),
    ],
    [
      "publish",
      async ({ appId, channel, event, data }) => {
        const why = await actions.publish({
          appId: textOf(appId),
          channel: textOf(channel),
          event: textOf(event),
          data: textOf(data),
        });
        return why === null ? done : failed(422, why);
      },
    ],
    [
      "replay",
      async ({ socketId, channel }) => ({
        status: 200,
        value: await actions.replay(textOf(socketId), textOf(channel)),
      }),
    ],
  ]);
}

const done: ActionAnswer = { status: 200, value: {} };

function failed(status: number, message: string): ActionAnswer {
  return { status, value: { message } };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
