import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { listen } from "../testing/raw-http.ts";
import { createBackend } from "./backend.ts";
import { createConsole } from "./console.ts";
import type { ConsoleSources } from "./sources.ts";

const nothing = (): void => undefined;

const sources: ConsoleSources = {
  worker: null,
  hubs: [],
  upstream: null,
  now: () => 0,
  clientIp: () => "",
  trafficOf: () => null,
  figures: () => Promise.resolve({}),
  nodes: () => Promise.resolve(null),
  watch: nothing,
  lineOf: () => null,
  refusals: () => [],
  actions: {
    disconnect: () => false,
    publish: () => Promise.resolve(null),
    replay: () => Promise.resolve({ isAllowed: true, text: "yes" }),
  },
};

test("so many questions at a time are answered; who is answered makes room", async (t) => {
  const waiting: (() => void)[] = [];
  const slow = () => new Promise<null>((resolve) => void waiting.push(() => resolve(null)));
  const handle = createConsole({
    token: null,
    showsPayloads: false,
    isLoopback: true,
    backend: createBackend({ ...sources, nodes: slow }),
    now: () => 0,
    loginRefused: nothing,
  });
  const port = await listen(t, createServer(handle));
  const ask = () => fetch(`http://127.0.0.1:${port}/console/nodes`);
  const first = Array.from({ length: 4 }, ask);
  while (waiting.length < 4) await new Promise(setImmediate);
  assert.equal((await ask()).status, 429);
  waiting.shift()?.();
  assert.equal((await Promise.race(first)).status, 200);
  const next = ask();
  while (waiting.length < 4) await new Promise(setImmediate);
  for (const answer of waiting) answer();
  for (const each of [...first, next]) assert.equal((await each).status, 200);
});
