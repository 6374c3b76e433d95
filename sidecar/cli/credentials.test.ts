import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CommandContext } from "./command.ts";
import { loadOrMakeUp } from "./credentials.ts";

function load(given: {
  isTerminal: boolean;
  env?: Record<string, string>;
  argv?: string[];
  file?: string;
  envFile?: string;
  fault?: Error;
}) {
  let printed = "";
  const context: CommandContext = {
    argv: [],
    env: {},
    ...given,
    readFile() {
      if (given.fault) throw given.fault;
      return given.file ?? "";
    },
    print: (text) => (printed += text),
    complain: () => undefined,
  };
  return { loaded: loadOrMakeUp(context).loaded, printed: () => printed };
}

describe("start without any credentials", () => {
  it("in a terminal makes up an id, key and secret, and prints the .env that has the same", () => {
    const { loaded, printed } = load({ isTerminal: true });
    assert.ok(loaded.ok);
    const [app] = loaded.config.apps;
    assert.match(app?.id ?? "", /^[1-9]\d{5}$/);
    assert.match(app?.key ?? "", /^[a-z0-9]{20}$/);
    assert.match(app?.secret ?? "", /^[a-z0-9]{20}$/);
    assert.notEqual(app?.key, app?.secret);
    const block = printed().slice(printed().indexOf("BROADCAST_CONNECTION"));
    assert.equal(
      block,
      [
        "BROADCAST_CONNECTION=reverb",
        "",
        `REVERB_APP_ID=${app?.id}`,
        `REVERB_APP_KEY=${app?.key}`,
        `REVERB_APP_SECRET=${app?.secret}`,
        "REVERB_HOST=localhost",
        "REVERB_PORT=8080",
        "REVERB_SCHEME=http",
        "# Read only where config/broadcasting.php names them.",
        "REVERB_INTERNAL_HOST=127.0.0.1",
        "REVERB_INTERNAL_PORT=8080",
        "REVERB_INTERNAL_SCHEME=http",
        "",
        'VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"',
        'VITE_REVERB_HOST="${REVERB_HOST}"',
        'VITE_REVERB_PORT="${REVERB_PORT}"',
        'VITE_REVERB_SCHEME="${REVERB_SCHEME}"',
        "",
        "",
      ].join("\n"),
    );
  });

  it("makes up none where there is a .env that can't be read", () => {
    const unreadable = Object.assign(new Error("EACCES"), { code: "EACCES" });
    const { loaded, printed } = load({ isTerminal: true, envFile: ".env", fault: unreadable });
    assert.ok(!loaded.ok);
    assert.equal(loaded.errors.length, 3);
    assert.equal(loaded.warnings.length, 1);
    assert.equal(printed(), "");
  });

  it("makes up none for an app that the config file lists without them", () => {
    const { loaded, printed } = load({
      isTerminal: true,
      argv: ["--config", "/c"],
      file: '{"apps": [{}]}',
    });
    assert.equal(
      loaded.ok ? "" : loaded.errors.map(({ kind }) => kind).join(),
      "missing,missing,missing",
    );
    assert.equal(printed(), "");
  });

  it("makes up others each time", () => {
    const keys = [1, 2, 3].map(() => {
      const { loaded } = load({ isTerminal: true });
      return loaded.ok ? loaded.config.apps[0]?.key : "";
    });
    assert.equal(new Set(keys).size, 3);
  });

  it("prints the port, host and path it is given", () => {
    const { printed } = load({
      isTerminal: true,
      argv: ["--port", "9000", "--path", "ws", "--host", "127.0.0.1"],
    });
    assert.match(printed(), /^REVERB_HOST=127\.0\.0\.1\nREVERB_PORT=9000$/m);
    assert.match(printed(), /^# .*wsPath: "\/ws"\nREVERB_SERVER_PATH=\/ws$/m);
  });

  it("without a terminal refuses, naming each missing name", () => {
    const { loaded, printed } = load({ isTerminal: false });
    assert.ok(!loaded.ok);
    const names = loaded.errors.map(({ kind, name }) => `${kind} ${name}`);
    assert.deepEqual(names, [
      "missing POGO_APP_ID",
      "missing POGO_APP_KEY",
      "missing POGO_APP_SECRET",
    ]);
    assert.equal(printed(), "");
  });

  it("that were given in part are not overruled", () => {
    const { loaded, printed } = load({ isTerminal: true, env: { REVERB_APP_KEY: "mine" } });
    assert.ok(!loaded.ok);
    assert.equal(loaded.errors.length, 2);
    assert.equal(printed(), "");
  });

  it("reports other errors, and prints no credentials that will not be used", () => {
    const { loaded, printed } = load({ isTerminal: true, env: { POGO_PORT: "x" } });
    assert.ok(!loaded.ok);
    assert.deepEqual(
      loaded.errors.map(({ name }) => name),
      ["POGO_PORT"],
    );
    assert.equal(printed(), "");
  });
});
