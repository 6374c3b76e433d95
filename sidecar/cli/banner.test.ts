import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { loadConfig } from "../config.ts";
import { listen } from "../testing/raw-http.ts";
import { freePort } from "../testing/ports.ts";
import { renderBanner } from "./banner.ts";

async function banner(test: TestContext, dotenv: string, flags: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "shop-"));
  test.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, ".env");
  writeFileSync(path, dotenv);
  const loaded = loadConfig({
    argv: [`--env-file=${path}`, ...flags],
    env: {},
    readFile: () => dotenv,
  });
  assert.ok(loaded.ok);
  const { text, whenAppAnswers } = await renderBanner({
    ...loaded,
    version: "1.2.3",
    env: {},
    folder,
    ports: { port: 8080, adminPort: 2019 },
    addresses: ["192.168.1.20", "172.17.0.1"],
  });
  return { text: stripVTControlCharacters(text).replaceAll(folder, "/shop"), whenAppAnswers };
}

const credentials = "REVERB_APP_ID=7\nREVERB_APP_KEY=shop-key\nREVERB_APP_SECRET=hunter2\n";

describe("banner", () => {
  it("says where to open what, what the app is, the key, and where the settings came from", async (test) => {
    const port = await listen(
      test,
      createServer((_req, res) => res.setHeader("Set-Cookie", "XSRF-TOKEN=x").end("up")),
    );
    const { text, whenAppAnswers } = await banner(
      test,
      `${credentials}BROADCAST_CONNECTION=reverb\n`,
      [`--upstream=http://127.0.0.1:${port}`],
    );
    assert.equal(
      text,
      `
  Pogo Sidecar 1.2.3

  open       http://localhost:8080
             http://192.168.1.20:8080 from a phone in the same network
  app        http://127.0.0.1:${port} answers and is Laravel
  key        shop-key (app 7)
  settings   .env in /shop, --upstream (pogo-sidecar check shows all)
  console    http://127.0.0.1:2019/
  metrics    http://127.0.0.1:2019/metrics

`,
    );
    assert.equal(whenAppAnswers, null);
  });

  it("says what is missing, and that no app is there yet", async (test) => {
    const port = await freePort();
    const { text } = await banner(test, `${credentials}BROADCAST_CONNECTION=log\n`, [
      `--upstream=http://127.0.0.1:${port}`,
      "--host=127.0.0.1",
    ]);
    assert.match(text, /^ {2}open {7}http:\/\/127\.0\.0\.1:8080\n {2}app /m);
    assert.match(
      text,
      /app {8}http:\/\/127\.0\.0\.1:\d+: connection refused: nothing listens there\n {13}→ start the app .*; the sidecar goes on meanwhile$/m,
    );
    assert.match(
      text,
      /missing {4}BROADCAST_CONNECTION=log: .*\n {13}→ in \.env: BROADCAST_CONNECTION=reverb/,
    );
    assert.doesNotMatch(text, /hunter2/);
  });

  it("takes the redis driver for what it is: one that only some sidecars listen to", async (test) => {
    const dotenv = `${credentials}BROADCAST_CONNECTION=redis\nREDIS_HOST=127.0.0.1\n`;
    const alone = ["--upstream=none"];
    const { text } = await banner(test, dotenv, alone);
    assert.match(
      text,
      /missing {4}BROADCAST_CONNECTION=redis: .*\n {13}→ in \.env: BROADCAST_CONNECTION=reverb, or POGO_REDIS_BROADCASTS=on here\n/,
    );
    const listening = await banner(test, dotenv, [...alone, "--redis-broadcasts"]);
    assert.doesNotMatch(listening.text, /missing/);
  });

  it("says of no broadcaster at all what Laravel takes it for", async (test) => {
    const { text } = await banner(test, credentials, ["--upstream=none"]);
    assert.match(
      text,
      /missing {4}BROADCAST_CONNECTION is not set, which Laravel takes for null: events go nowhere\n/,
    );
  });

  it("says when the app that was not there is", async (test) => {
    const port = await freePort();
    const { whenAppAnswers } = await banner(test, credentials, [
      `--upstream=http://127.0.0.1:${port}`,
    ]);
    assert.ok(whenAppAnswers);
    const said = whenAppAnswers(10);
    const server = createServer((_req, res) => res.end("up"));
    test.after(() => void server.close());
    server.listen(port, "127.0.0.1");
    assert.equal(await said, `http://127.0.0.1:${port} answers`);
  });

  it("standing alone says what there is instead of an app", async (test) => {
    const { text, whenAppAnswers } = await banner(test, credentials, [
      "--upstream=none",
      "--path=/ws",
    ]);
    assert.equal(whenAppAnswers, null);
    assert.match(
      text,
      /open {7}http:\/\/localhost:8080 \(WebSockets at \/ws\/app\/\{key\}, and the API\)/,
    );
    assert.match(text, /app {8}stands alone/);
  });
});
