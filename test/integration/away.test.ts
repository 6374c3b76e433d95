/** A whole sidecar whose app goes and comes, and the commands that a deployment's script has for it. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { askFor } from "../../sidecar/cli/admin-action.ts";
import { healthcheck } from "../../sidecar/cli/healthcheck.ts";
import { listenRaw } from "../../sidecar/testing/raw-http.ts";
import { startApp, startSidecar, type RunningSidecar } from "../kit/start.ts";

/** Runs a command as the command line does. */
async function command(
  { adminUrl }: { readonly adminUrl: string },
  action: Parameters<typeof askFor>[0],
  ...argv: string[]
) {
  const printed: string[] = [];
  const code = await askFor(action, {
    argv: [...argv, `--admin-port=${new URL(adminUrl).port}`],
    env: {},
    readFile: () => assert.fail("no file was named"),
    isTerminal: false,
    print: (text) => void printed.push(text),
    complain: (text) => void printed.push(text),
  });
  return { code, text: printed.join("") };
}

const waits = (sidecar: RunningSidecar, count: number): Promise<void> =>
  sidecar.seriesBecome("pogo_proxy_requests_waiting_for_app", { "": count });

describe("hold and release", () => {
  it("new requests wait from one to the other, and the command prints what goes on", async (test) => {
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: await startApp(test, (_req, res) => void res.end("page")),
    });
    assert.deepEqual(await command(sidecar, "hold", "--for", "1m"), {
      code: 0,
      text: "new requests wait for 60s; 0 requests under way go on\n",
    });
    const page = fetch(sidecar.url);
    await waits(sidecar, 1);
    await sidecar.seriesBecome("pogo_proxy_requests_paused", { "": 1 });
    await sidecar.seriesBecome("pogo_upstream_up", { "": 1 });
    const released = await command(sidecar, "release");
    assert.deepEqual(released, { code: 0, text: "1 request waited, and goes on\n" });
    assert.equal(await (await page).text(), "page");
    assert.deepEqual(await command(sidecar, "release"), { code: 0, text: "nothing was held\n" });
    const lines = new Set(sidecar.lines.map(({ msg }) => msg));
    assert.ok(lines.has("new requests do not reach the app, as was asked for on the admin port"));
    assert.ok(lines.has("requests go on"));
  });

  it("a hold ends by itself", async (test) => {
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: await startApp(test, (_req, res) => void res.end("page")),
    });
    assert.equal(
      (await fetch(`${sidecar.adminUrl}/hold?for=300ms`, { method: "POST" })).status,
      200,
    );
    assert.equal(await (await fetch(sidecar.url)).text(), "page");
    await sidecar.seriesBecome("pogo_proxy_requests_paused", { "": 0 });
  });

  it("what can't be done is refused, with the reason", async (test) => {
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: "http://127.0.0.1:9" });
    for (const length of ["1h", "5", "soon", "0s", ""]) {
      const { code, text } = await command(sidecar, "hold", `--for=${length}`);
      assert.equal(code, 1, length);
      assert.match(text, /^for=.*: a hold takes a time up to 2m, with its unit: 30s/);
    }
    const { text: withoutTime } = await command(sidecar, "hold", "--for", "--admin-host=127.0.0.1");
    assert.match(withoutTime, /^for=: a hold takes a time up to 2m/);
    const mistakes: readonly (readonly [argv: readonly string[], said: RegExp])[] = [
      [["60s"], /^pogo-sidecar hold takes no argument; its time is given with --for/],
      [["--for=60s", "now"], /^pogo-sidecar hold takes no argument; its time is given with --for/],
      [["--admin-host=127.0.0.1", "60s"], /^pogo-sidecar hold takes no argument; its time/],
      [["--for=60s", "--for", "2m"], /^--for is given twice$/],
      [
        ["--time", "60s"],
        /^--time: there is no such option; pogo-sidecar help --all lists them\.$/,
      ],
      [["--for=60s", "--wait"], /^--wait: there is no such option; /],
    ];
    for (const [argv, said] of mistakes) {
      const { code, text } = await command(sidecar, "hold", ...argv);
      assert.equal(code, 64, argv.join(" "));
      assert.match(text.trim(), said);
    }
    for (const argv of [["now"], ["--for=1s"], ["--force"]]) {
      for (const action of ["release", "drain"] as const) {
        assert.equal((await command(sidecar, action, ...argv)).code, 64, argv.join(" "));
      }
    }
    await sidecar.seriesBecome("pogo_proxy_requests_paused", { "": 0 });
    const alone = await startSidecar(test);
    const { code, text } = await command(alone, "hold");
    assert.deepEqual([code, text], [1, "there is no app behind: POGO_UPSTREAM is none\n"]);
    const nobody = await listenRaw(test);
    await nobody.stop();
    const gone = await command({ adminUrl: `http://127.0.0.1:${nobody.port}` }, "hold");
    assert.equal(gone.code, 1);
    assert.match(
      gone.text,
      /\/hold can't be reached \(ECONNREFUSED\): start the sidecar \(pogo-sidecar\), or name/,
    );
  });

  it("another server at the admin port has done nothing, whatever it answers", async (test) => {
    const adminUrl = await startApp(test, (_req, res) => {
      res.setHeader("Content-Type", "text/html").end("<h1>page</h1>");
    });
    assert.deepEqual(await command({ adminUrl }, "hold"), {
      code: 1,
      text: `${adminUrl}/hold answered 200, and not as a sidecar does: start the sidecar (pogo-sidecar), or name its admin port with --admin-port or POGO_ADMIN_PORT\n`,
    });
  });

  it("an .env that can't be read is named, since it may have another admin port", async (test) => {
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: "http://127.0.0.1:9" });
    const said: string[] = [];
    const context = {
      argv: [],
      env: { POGO_ADMIN_PORT: new URL(sidecar.adminUrl).port },
      envFile: ".env",
      readFile() {
        throw Object.assign(new Error(), { code: "EACCES" });
      },
      isTerminal: false,
      print: (text: string) => void said.push(text),
      complain: (text: string) => void said.push(text),
    };
    const warning = `Warning: ".env": it can't be read: this user may not read it.\n`;
    assert.equal(await healthcheck(context), 0);
    assert.deepEqual(said.splice(0), [warning, `alive: ${sidecar.adminUrl}/livez answered 200\n`]);
    for (const action of ["hold", "release", "drain"] as const) {
      assert.equal(await askFor(action, context), 0);
      assert.equal(said[0], warning, action);
      said.length = 0;
    }
    await sidecar.stop();
  });

  it("a drain does not end a hold: who waits for longer than it has is answered 503 at once, and it is over", async (test) => {
    const asked: string[] = [];
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: await startApp(test, (req, res) => {
        asked.push(req.url ?? "");
        res.end("page");
      }),
      POGO_SHUTDOWN_TIMEOUT: "1m",
    });
    await command(sidecar, "hold", "--for=2m");
    const page = fetch(sidecar.url);
    await waits(sidecar, 1);
    await sidecar.stop();
    const { status, headers } = await page;
    assert.deepEqual([status, headers.get("retry-after")], [503, "5"]);
    assert.deepEqual(asked, []);
  });

  it("a hold that is asked for while the node drains says whether requests wait, or are refused", async (test) => {
    const isAsked = Promise.withResolvers<void>();
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: await startApp(test, () => isAsked.resolve()),
      POGO_SHUTDOWN_TIMEOUT: "1m",
    });
    // Its answer is what the drain waits for.
    const page = fetch(sidecar.url).catch(() => null);
    await isAsked.promise;
    await command(sidecar, "drain");
    const held = await command(sidecar, "hold", "--for=2m");
    assert.deepEqual(held, {
      code: 0,
      text: "new requests are answered 503, for the node is draining and stops before 2m are over; 1 request under way goes on\n",
    });
    const shorter = await command(sidecar, "hold", "--for=1s");
    assert.match(shorter.text, /^new requests wait for 1s; 1 request under way goes on\n/);
    await sidecar.stop();
    await page;
  });

  it("drain stops the node", async (test) => {
    const sidecar = await startSidecar(test);
    const { code, text } = await command(sidecar, "drain");
    assert.equal(code, 0);
    assert.match(text, /^draining: .*, at the latest after POGO_SHUTDOWN_TIMEOUT\n$/);
    await sidecar.stop();
  });
});

describe("an app that is away", () => {
  it("is in the health, the metrics and one line of the log at each change", async (test) => {
    const app = createServer((_req, res) => void res.end("page"));
    const { port, stop } = await listenRaw(test);
    await stop();
    const sidecar = await startSidecar(test, { POGO_UPSTREAM: `http://127.0.0.1:${port}` });
    const readHealth = async () =>
      Object(await (await fetch(`${sidecar.adminUrl}/pogo/health`)).json());
    // Nobody has tried yet: no reason for an alert, and none to say that it answers.
    await sidecar.seriesBecome("pogo_upstream_up", { "": 1 });
    assert.equal((await readHealth()).upstream, "unknown");
    const pages = [1, 2, 3].map(async (index) => (await fetch(`${sidecar.url}/${index}`)).text());
    await sidecar.seriesBecome("pogo_upstream_up", { "": 0 });
    const health = await readHealth();
    assert.deepEqual([health.status, health.upstream], ["ok", "away"]);
    assert.equal((await fetch(`${sidecar.adminUrl}/readyz`)).status, 200);
    app.listen(port, "127.0.0.1");
    test.after(() => {
      app.closeAllConnections();
      app.close();
    });
    assert.deepEqual(await Promise.all(pages), ["page", "page", "page"]);
    await sidecar.seriesBecome("pogo_upstream_up", { "": 1 });
    assert.equal((await readHealth()).upstream, "up");
    const changes = sidecar.lines.filter(({ msg }) => String(msg).startsWith("the app "));
    assert.deepEqual(
      changes.map(({ msg }) => msg),
      ["the app does not answer: requests wait for it", "the app is back"],
    );
    assert.equal(changes[1]?.["requests_waited"], 3);
    await sidecar.seriesBecome("pogo_proxy_requests_total", { 'code="200"': 3 });
  });

  it("at the end of a stop who waits for it is answered 503 instead of being cut", async (test) => {
    const sidecar = await startSidecar(test, {
      POGO_UPSTREAM: "http://127.0.0.1:9",
      POGO_SHUTDOWN_TIMEOUT: "300ms",
    });
    const page = fetch(sidecar.url);
    await sidecar.seriesBecome("pogo_upstream_up", { "": 0 });
    await sidecar.stop();
    const { status, headers } = await page;
    assert.deepEqual([status, headers.get("connection")], [503, "close"]);
  });
});
