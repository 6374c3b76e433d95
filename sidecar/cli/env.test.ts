import assert from "node:assert/strict";
import { parseEnv } from "node:util";
import { describe, it } from "node:test";
import type { CommandContext } from "./command.ts";
import { echoBlock } from "./echo-block.ts";
import { env } from "./env.ts";

function run(
  argv: readonly string[],
  files: Record<string, string> = {},
  variables: Record<string, string> = {},
  faults: { readonly read?: string; readonly write?: string } = {},
) {
  let [out, err] = ["", ""];
  const context: CommandContext = {
    argv,
    env: variables,
    envFile: ".env",
    isTerminal: false,
    readFile(path) {
      if (path === ".env") throwIfAny(faults.read);
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
      return text;
    },
    print: (text) => (out += text),
    complain: (text) => (err += text),
  };
  const code = env(context, (path, text) => {
    throwIfAny(faults.write);
    files[path] = text;
  });
  return { code, out, err, files };
}

function throwIfAny(code: string | undefined): void {
  if (code !== undefined) throw Object.assign(new Error(code), { code });
}

/** What Laravel's own `.env` begins with. */
const stock = "APP_NAME=Laravel\nBROADCAST_CONNECTION=log\nSESSION_DRIVER=database\n";

const names = [
  "BROADCAST_CONNECTION",
  "REVERB_APP_ID",
  "REVERB_APP_KEY",
  "REVERB_APP_SECRET",
  "REVERB_HOST",
  "REVERB_INTERNAL_HOST",
  "REVERB_INTERNAL_PORT",
  "REVERB_INTERNAL_SCHEME",
  "REVERB_PORT",
  "REVERB_SCHEME",
  "VITE_REVERB_APP_KEY",
  "VITE_REVERB_HOST",
  "VITE_REVERB_PORT",
  "VITE_REVERB_SCHEME",
];

describe("env", () => {
  it("prints the block with fresh credentials, and writes nothing", () => {
    const { code, out, files } = run([]);
    assert.equal(code, 0);
    assert.deepEqual(Object.keys(parseEnv(out)).toSorted(), names);
    assert.match(out, /^REVERB_APP_SECRET=[a-z0-9]{20}$/m);
    assert.notEqual(run([]).out, out);
    assert.deepEqual(files, {});
  });

  it("has the port, host and path that the sidecar would have", () => {
    const { out, err } = run(["--port", "9000", "--path", "/ws"], { ".env": stock });
    assert.match(err, /^ {2}wsPath: "\/ws",$/m);
    assert.match(out, /^REVERB_PORT=9000$/m);
    assert.match(out, /wsPath: "\/ws"/);
  });

  it("--write adds what Laravel's .env lacks, once, and lets it broadcast to the sidecar", () => {
    const { code, out, files } = run(["--write"], { ".env": stock });
    assert.equal(code, 0);
    const written = files[".env"] ?? "";
    assert.ok(written.startsWith(stock.replace("=log", "=reverb")));
    const values = parseEnv(written);
    assert.deepEqual(
      names.filter((name) => values[name] === undefined),
      [],
    );
    assert.equal(written.match(/^BROADCAST_CONNECTION=/gm)?.length, 1);
    assert.match(
      out,
      /^\.env: BROADCAST_CONNECTION is reverb now\.\nAdded to \.env: REVERB_APP_ID, /,
    );
    assert.doesNotMatch(out, new RegExp(values["REVERB_APP_SECRET"] ?? "none"));

    const again = run(["--write"], { ...files });
    assert.equal(again.files[".env"], written);
    assert.match(again.out, /^\.env lacks nothing\.\n/);
    assert.match(run([], { ...files }).err, /^\.env lacks nothing\.\n/);
  });

  it("--write makes a file where there is none, and keeps what another has", () => {
    assert.equal(parseEnv(run(["--write"]).files[".env"] ?? "")["REVERB_PORT"], "8080");
    const own = "REVERB_APP_KEY=mine\nBROADCAST_CONNECTION=pusher";
    const { files } = run(["--write"], { ".env": own });
    const written = files[".env"] ?? "";
    assert.ok(written.startsWith(`${own}\n\nREVERB_APP_ID=`));
    assert.equal(written.match(/REVERB_APP_KEY=/g)?.length, 2, "its own, and Vite's");
  });

  it("--write writes to the file that --env-file names", () => {
    const { files } = run(["--write", "--env-file", "/app/.env"], { "/app/.env": "A=1\n" });
    assert.match(files["/app/.env"] ?? "", /^A=1\n\nBROADCAST_CONNECTION=reverb\n/);
    assert.equal(files[".env"], undefined);
  });

  it("says which package Laravel publishes with, where Composer has not installed it", () => {
    const installed = (name: string): string =>
      `{"packages": [{"name": "${name}", "suggest": {"pusher/pusher-php-server": "^7.2"}}]}`;
    const path = "vendor/composer/installed.json";
    const advice = /composer require pusher\/pusher-php-server/;
    const lacking = { [path]: installed("laravel/framework") };
    assert.match(run(["--write"], { ".env": stock, ...lacking }).out, advice);
    assert.match(run([], { ".env": stock, ...lacking }).err, advice);
    const having = { [path]: installed("pusher/pusher-php-server") };
    for (const files of [having, {}]) {
      assert.doesNotMatch(run(["--write"], { ".env": stock, ...files }).out, advice);
    }
  });

  it("says which Echo one build needs to run everywhere, until the page has it", () => {
    const { out, err } = run([]);
    assert.ok(err.endsWith(`\n\n${echoBlock()}\n`), err);
    assert.ok(!out.includes("new Echo"), "standard output may be appended to a file");
    assert.ok(run(["--write"]).out.endsWith(`${echoBlock()}\n`));
    const files = { "resources/js/echo.js": `import Echo from "laravel-echo";\n${echoBlock()}\n` };
    assert.equal(run([], files).err, "");
  });

  for (const argv of [[], ["--write"]]) {
    it(`${argv.join()} makes up nothing beside a file that it can't read, and says so`, () => {
      const { code, out, err, files } = run(argv, {}, {}, { read: "EACCES" });
      assert.equal(code, 78);
      assert.equal(out, "");
      assert.equal(
        err,
        'The configuration has an error:\n  ".env": it can\'t be read: this user may not read it.\n',
      );
      assert.deepEqual(files, {});
    });
  }

  it("--write says of a file that it can't write why", () => {
    const { code, out, err } = run(["--write"], { ".env": stock }, {}, { write: "EACCES" });
    assert.equal(code, 78);
    assert.equal(out, "");
    assert.match(err, /^ {2}"\.env": it can't be written: this user may not write it\.$/m);
  });

  it("lacks nothing once it has all, comments or not", () => {
    const { files } = run(["--write", "--path", "/ws"], { ".env": stock });
    const written = files[".env"] ?? "";
    assert.match(written, /^# Read only where .*\nREVERB_INTERNAL_HOST=/m);
    const again = run(["--write", "--path", "/ws"], { ...files });
    assert.match(again.out, /^\.env lacks nothing\.\n/);
    assert.equal(again.files[".env"], written);
  });

  it("says what is wrong with a file, and leaves it as it is", () => {
    const broken = { ".env": "A B=C\n" };
    const { code, err, files } = run(["--write"], broken);
    assert.equal(code, 78);
    assert.match(err, /\.env line 1: Laravel's loader can't read it either/);
    assert.deepEqual(files, { ".env": "A B=C\n" });
  });
});
