import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadAdmin, loadConfig, type ConfigError } from "../config.ts";
import { input, type Given } from "./testing/given.ts";

const credentials = "REVERB_APP_ID=1\nREVERB_APP_KEY=key\nREVERB_APP_SECRET=hunter2\n";

function load(given: Given) {
  const loaded = loadConfig(input(given));
  assert.ok(loaded.ok, loaded.ok ? "" : JSON.stringify(loaded.errors));
  const sourceOf = (key: string): string =>
    loaded.settings.find(({ option }) => option.key === key)?.source ?? "";
  return { ...loaded, sourceOf };
}

function errorsOf(given: Given): readonly string[] {
  const loaded = loadConfig(input(given));
  const errors: readonly ConfigError[] = loaded.ok ? [] : loaded.errors;
  return errors.map(({ name, message }) => `${name}: ${message}`);
}

describe("the .env of the working directory", () => {
  const files = { ".env": `${credentials}REVERB_SERVER_PORT=9000\n` };

  it("is read if it has the app's credentials, and says so", () => {
    const { config, envFiles, sourceOf } = load({ envFile: ".env", files });
    assert.equal(config.server.port, 9000);
    assert.equal(config.apps[0]?.secret, "hunter2");
    assert.deepEqual(envFiles, [".env"]);
    assert.equal(sourceOf("port"), "REVERB_SERVER_PORT in .env");
    assert.equal(sourceOf("app_secret"), "REVERB_APP_SECRET in .env");
  });

  it("loses to variables of the process, and wins over the config file", () => {
    const env = { REVERB_SERVER_PORT: "9001", POGO_CONFIG: "/c" };
    const given = {
      envFile: ".env",
      files: { ...files, "/c": '{"port": 1, "app_key": "of-file"}' },
    };
    const { config, sourceOf } = load({ ...given, env });
    assert.equal(config.server.port, 9001);
    assert.equal(sourceOf("port"), "REVERB_SERVER_PORT");
    assert.equal(config.apps[0]?.key, "key");
  });

  it("is left alone if it is somebody else's, even if it is no .env", () => {
    const env = { REVERB_APP_ID: "1", REVERB_APP_KEY: "k", REVERB_APP_SECRET: "s" };
    const foreign = { ".env": "POGO_PORT=1\nA B=C\n" };
    const { config, envFiles } = load({ envFile: ".env", files: foreign, env });
    assert.equal(config.server.port, 8080);
    assert.deepEqual(envFiles, []);
  });

  it("is that of APP_ENV where there is one, as Laravel has it", () => {
    const both = { ...files, ".env.staging": `${credentials}POGO_PORT=9002` };
    const staging = load({ envFile: ".env", files: both, env: { APP_ENV: "staging" } });
    assert.equal(staging.config.server.port, 9002);
    const local = load({ envFile: ".env", files: both, env: { APP_ENV: "local" } });
    assert.equal(local.config.server.port, 9000);
  });

  it("is not read with --no-env-file, nor where --env-file names another", () => {
    assert.equal(errorsOf({ envFile: ".env", files, argv: ["--no-env-file"] }).length, 3);
    const other = { ...files, "/other": credentials };
    const { config, envFiles } = load({
      envFile: ".env",
      files: other,
      argv: ["--env-file", "/other"],
    });
    assert.equal(config.server.port, 8080);
    assert.deepEqual(envFiles, ["/other"]);
  });

  it("that can't be read is a warning, for it may not be needed", () => {
    const env = { REVERB_APP_ID: "1", REVERB_APP_KEY: "k", REVERB_APP_SECRET: "s" };
    const readFile = (): never => {
      throw Object.assign(new Error(), { code: "EACCES" });
    };
    const loaded = loadConfig({ argv: [], env, readFile, envFile: ".env" });
    assert.ok(loaded.ok);
    assert.deepEqual(loaded.warnings, [
      { kind: "file", name: '".env"', message: "it can't be read: this user may not read it." },
    ]);
  });

  it("is what healthcheck reads too", () => {
    const loaded = loadAdmin(
      input({ envFile: ".env", files: { ".env": `${credentials}POGO_ADMIN_PORT=2020` } }),
    );
    assert.equal(loaded.ok && loaded.admin.port, 2020);
  });
});

describe("--env-file", () => {
  it("is given once or several times, and the last wins", () => {
    const files = {
      "/a": `${credentials}POGO_PORT=1\n`,
      "/b": 'POGO_PORT=2\nPOGO_PATH="/${POGO_PORT}"',
    };
    const { config, envFiles } = load({ argv: ["--env-file=/a", "--env-file", "/b"], files });
    assert.equal(config.server.port, 2);
    assert.equal(config.server.pathPrefix, "/2");
    assert.deepEqual(envFiles, ["/a", "/b"]);
  });

  it("expands as Laravel does", () => {
    const files = {
      "/e": 'PUSHER_APP_KEY=abc\nREVERB_APP_ID=1\nREVERB_APP_KEY="${PUSHER_APP_KEY}"\nREVERB_APP_SECRET=s',
    };
    const { config } = load({ argv: ["--env-file=/e"], files });
    assert.equal(config.apps[0]?.key, "abc");
  });

  const faults: readonly (readonly [name: string, given: Given, message: RegExp])[] = [
    [
      "that is not there",
      { argv: ["--env-file=/gone"] },
      /^"\/gone": it can't be read: there is no such file\.$/,
    ],
    ["without a value", { argv: ["--env-file"] }, /^--env-file: it needs a value\.$/],
    [
      "beside --no-env-file",
      { argv: ["--env-file=/e", "--no-env-file"], files: { "/e": credentials } },
      /^--no-env-file: --env-file names one/,
    ],
    [
      "that is none",
      { argv: ["--env-file=/e"], files: { "/e": `${credentials}POGO_PATH=hunter2 is` } },
      /^\/e line 4: Laravel's loader can't read it either: there is white space/,
    ],
    [
      "with an unknown name",
      { argv: ["--env-file=/e"], files: { "/e": `${credentials}POGO_PROT=1` } },
      /^POGO_PROT in \/e: there is no such option; did you mean POGO_PORT\?$/,
    ],
    [
      "with a value that can't be",
      { argv: ["--env-file=/e"], files: { "/e": `${credentials}POGO_PORT=x` } },
      /^POGO_PORT in \/e: "x" is not a whole number/,
    ],
    [
      "with a name that nothing has",
      { argv: ["--env-file=/e"], files: { "/e": `${credentials}POGO_PATH=\${PREFIX}` } },
      /^POGO_PATH in \/e: nothing has a value for \$\{PREFIX\}: set PREFIX above it in \/e\.$/,
    ],
  ];
  for (const [name, given, message] of faults) {
    it(`${name} is refused`, () => {
      const errors = errorsOf(given);
      assert.ok(
        errors.some((error) => message.test(error)),
        errors.join("\n"),
      );
      assert.doesNotMatch(errors.join(), /hunter2/);
    });
  }
});
