import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findInheritedSockets } from "./inherited-sockets.ts";

describe("sockets that the service manager passes", () => {
  const rows: [title: string, env: Record<string, string>, expected: object][] = [
    ["none", {}, { public: null, admin: null }],
    ["one", { LISTEN_PID: "7", LISTEN_FDS: "1" }, { public: 3, admin: null }],
    [
      "one with systemd's own name for it",
      { LISTEN_PID: "7", LISTEN_FDS: "1", LISTEN_FDNAMES: "pogo-sidecar.socket" },
      { public: 3, admin: null },
    ],
    [
      "the admin port by its name",
      { LISTEN_PID: "7", LISTEN_FDS: "2", LISTEN_FDNAMES: "admin:public" },
      { public: 4, admin: 3 },
    ],
    [
      "those of another process (sd_listen_fds(3))",
      { LISTEN_PID: "8", LISTEN_FDS: "1" },
      { public: null, admin: null },
    ],
    ["a number that is none", { LISTEN_PID: "7", LISTEN_FDS: "x" }, { public: null, admin: null }],
  ];
  for (const [title, env, expected] of rows) {
    it(title, () => assert.deepEqual(findInheritedSockets(env, 7), expected));
  }
});
