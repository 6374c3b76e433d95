/** What the page can read, by path below `/console/`: lists, and the details of one of their rows. */

import { createLists, type ListQuery } from "./lists.ts";
import type { ConsoleSources } from "./sources.ts";

/** Null: what was asked for is gone. */
export type Reading = (query: URLSearchParams) => Promise<object | null>;

/** Of a filter. */
const maxTextLength = 256;
const maxPage = 1_000;

export function createReadings(sources: ConsoleSources): ReadonlyMap<string, Reading> {
  const lists = createLists(sources);
  return new Map<string, Reading>([
    ["connections", (query) => lists.connections(toListQuery(query))],
    ["connection", async (query) => lists.connection(query.get("id") ?? "")],
    ["channels", (query) => lists.channels(toListQuery(query))],
    ["channel", async (query) => lists.channel(query.get("app") ?? "", query.get("name") ?? "")],
    ["nodes", async () => ({ nodes: await sources.nodes() })],
  ]);
}

function toListQuery(query: URLSearchParams): ListQuery {
  const page = Number(query.get("page") ?? 0);
  return {
    appId: query.get("app") || null,
    text: textOf(query, "text"),
    page: Number.isInteger(page) ? Math.min(Math.max(page, 0), maxPage) : 0,
  };
}

/** A filter, in small letters. */
export function textOf(query: URLSearchParams, name: string): string {
  return (query.get(name) ?? "").slice(0, maxTextLength).toLowerCase();
}
