/** Whether the linter sees what the import rules of ARCHITECTURE.md forbid: planted lines, in files where they would stand. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";

const root = join(import.meta.dirname, "../..");

const forbidden: Readonly<Record<string, readonly string[]>> = {
  "sidecar/core/planted.ts": [
    'import "../ws/outbox.ts";',
    'import "./../ws/outbox.ts";',
    'import "./testing/../../ws/outbox.ts";',
    'import "..";',
    'export * from "../server.ts";',
    'import "pino";',
    'import "node:crypto";',
    'import "node:timers/promises";',
    "Math.random();",
    "crypto.randomUUID();",
    "globalThis.setTimeout(() => {}, 1);",
    "global.process.exit();",
    "process.exit();",
    "setTimeout(() => {}, 1);",
    "Date.now();",
    "new Date();",
    "performance.now();",
    'fetch("/");',
    'new WebSocket("ws://a.test");',
    'console.log("x");',
  ],
  "sidecar/core/report/planted.ts": [
    'import "../../ws/outbox.ts";',
    'import "../testing/doubles.ts";',
    'import "pino";',
    "Date.now();",
  ],
  "sidecar/core/signature.ts": [
    'import "../ws/outbox.ts";',
    'import "./../server.ts";',
    'import "node:fs";',
    'import "node:crypto/promises";',
    'import "pino";',
    'import { randomBytes } from "node:crypto";',
    'import { randomUUID as id } from "node:crypto";',
    'import { getRandomValues } from "node:crypto";',
    'import crypto from "node:crypto";',
    'import * as crypto from "node:crypto";',
    "Date.now();",
    "Math.random();",
  ],
  "sidecar/server.ts": ["process.exit();", 'import "node:process";', "globalThis.process.exit();"],
  "sidecar/observability/events/planted.ts": [
    'import "../../ws/outbox.ts";',
    'import "../../broker/memory.ts";',
    'import "../../config.ts";',
    'import { env } from "node:process";',
  ],
  "sidecar/broker/redis/scripts/planted.ts": [
    'import "../../../ws/outbox.ts";',
    'import "../../../config.ts";',
    'import "../../../../scripts/docs.ts";',
    'import { env } from "node:process";',
  ],
  "sidecar/broker/redis/planted.ts": [
    'import "../../ws/outbox.ts";',
    'import "../../core/../ws/outbox.ts";',
    'import "../../observability/log.ts";',
    'import "../../config.ts";',
    'import "../../../scripts/docs.ts";',
    'import { env } from "node:process";',
    "process.exit();",
    "globalThis.process.exit();",
  ],
};

const adapters = [
  "ws",
  "http-api",
  "proxy",
  "authorizer",
  "broker",
  "webhooks",
  "workers",
  "tracing",
  "observability",
];
const forbiddenInAdapters = [
  'import "../config.ts";',
  'import "../config/derive.ts";',
  'import "../cli/start.ts";',
  'import "./../server.ts";',
  'import "../core/../server.ts";',
  'import "../../scripts/docs.ts";',
  'import { env } from "node:process";',
  'import { env } from "process";',
  "process.exit();",
  "globalThis.process.exit();",
  "global.process.exit();",
];

const allowed: Readonly<Record<string, readonly string[]>> = {
  "sidecar/core/planted.ts": ['import "./hub.ts";', "Math.max(1, 2);"],
  "sidecar/core/planted.test.ts": [
    'import "node:assert/strict";',
    "Math.random();",
    "Date.now();",
    'import "../ws/outbox.ts";',
  ],
  "sidecar/core/testing/planted.ts": ['import "../hub.ts";', "Math.random();", "Date.now();"],
  "sidecar/core/signature.ts": [
    'import { createHmac, timingSafeEqual } from "node:crypto";',
    'import "./app.ts";',
  ],
  "sidecar/ws/planted.ts": [
    'import "../core/hub.ts";',
    'import "../http/headers.ts";',
    'import "./outbox.ts";',
    'import "lru-cache";',
    'import "node:net";',
    "Date.now();",
  ],
  "sidecar/core/report/planted.ts": ['import "../ports.ts";', 'import "./proxy.ts";'],
  "sidecar/observability/events/planted.ts": [
    'import "../../core/report.ts";',
    'import "../rows.ts";',
    'import "prom-client";',
  ],
  "sidecar/http/planted.ts": ['import "../core/ports.ts";', 'import "node:net";'],
  "sidecar/broker/redis/scripts/planted.ts": [
    'import "../../../core/hub.ts";',
    'import "../keys.ts";',
  ],
  "sidecar/broker/redis/planted.ts": [
    'import "../../core/hub.ts";',
    'import "../../http/headers.ts";',
    'import "../memory.ts";',
    'import "ioredis";',
  ],
  "sidecar/config/planted.ts": ["process.exit();"],
};

const rows: readonly { file: string; line: string; isForbidden: boolean }[] = [
  ...rowsOf(forbidden, true),
  ...["http", ...adapters].flatMap((room) => {
    const siblings = adapters.filter((other) => other !== room);
    const lines = [
      ...forbiddenInAdapters,
      ...siblings.map((other) => `import "../${other}/planted.ts";`),
    ];
    return rowsOf({ [`sidecar/${room}/planted.ts`]: lines }, true);
  }),
  ...rowsOf(allowed, false),
];

function rowsOf(table: Readonly<Record<string, readonly string[]>>, isForbidden: boolean) {
  return Object.entries(table).flatMap(([file, lines]) =>
    lines.map((line) => ({ file, line, isForbidden })),
  );
}

/** What the linter has against each row, in their order. */
let complaints: readonly string[] = [];

before(() => {
  const folder = mkdtempSync(join(tmpdir(), "lint-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const folders = rows.map((row, index) => {
    // The rules go by the path below the configuration: each row has one of its own.
    const own = join(folder, String(index));
    mkdirSync(dirname(join(own, row.file)), { recursive: true });
    cpSync(join(root, ".oxlintrc.json"), join(own, ".oxlintrc.json"));
    writeFileSync(join(own, row.file), `${row.line}\n`);
    return own;
  });
  const oxlint = join(root, "node_modules/.bin/oxlint");
  const { stdout, stderr } = spawnSync(oxlint, ["--format=unix", "."], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.ok(stdout !== "", stderr);
  complaints = folders.map((_own, index) =>
    stdout
      .split("\n")
      .filter((line) => line.startsWith(`${index}/`) && line.includes("no-restricted-"))
      .join("\n"),
  );
});

describe("import rules", () => {
  for (const file of new Set(rows.map((row) => row.file))) {
    test(`${file}: what is forbidden is seen, and nothing else`, () => {
      const own = rows.flatMap((row, index) => (row.file === file ? [{ ...row, index }] : []));
      const seen = own.filter(({ index }) => complaints[index] !== "");
      assert.deepEqual(
        seen.map(({ line }) => line),
        own.filter(({ isForbidden }) => isForbidden).map(({ line }) => line),
      );
    });
  }
});
