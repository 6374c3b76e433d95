import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const packageJson = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
) as { version: string };

const credentials = { REVERB_APP_ID: "1", REVERB_APP_KEY: "key", REVERB_APP_SECRET: "hunter2" };
/** Any free ports, and no upstream. */
const anywhere = {
  ...credentials,
  POGO_HOST: "127.0.0.1",
  POGO_PORT: "0",
  POGO_ADMIN_PORT: "0",
  POGO_UPSTREAM: "none",
};

function spawnMain(
  args: readonly string[],
  env: Record<string, string>,
  cwd?: string,
): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd !== undefined && { cwd }),
  });
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<Ended> {
  const child = spawnMain(args, env, cwd);
  let [out, err] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

/** What a failed test leaves behind would keep this file from ending. */
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

/** A running sidecar: resolves once it logs that it listens. */
async function startMain(env: Record<string, string>, cwd?: string) {
  const child = spawnMain([], env, cwd);
  running.add(child);
  const ended = once(child, "exit") as Promise<[number | null, string | null]>;
  const lines: Record<string, unknown>[] = [];
  const events = new EventEmitter();
  if (!child.stdout) throw new Error("no pipe");
  createInterface(child.stdout).on("line", (line) => {
    const entry = JSON.parse(line) as Record<string, unknown>;
    lines.push(entry);
    events.emit("line");
  });
  void ended.then(() => events.emit("error", new Error(`it ended: ${JSON.stringify(lines)}`)));
  events.on("error", () => undefined); // of interest only to who waits

  async function logged(message: string): Promise<Record<string, unknown>> {
    for (;;) {
      const found = lines.find((line) => line["msg"] === message);
      if (found) return found;
      await once(events, "line");
    }
  }

  const entry = await logged("listening");
  const [port, adminPort] = [Number(entry["port"]), Number(entry["admin_port"])];
  return { child, ended, lines, logged, port, adminPort };
}

describe("version and help", () => {
  for (const args of [["version"], ["--version"], ["-v"]]) {
    it(`${args.join(" ")} prints the version of the package`, async () => {
      assert.deepEqual(await run(args), { code: 0, out: `${packageJson.version}\n`, err: "" });
    });
  }

  for (const [args, begin] of [
    [["--help"], "Pogo Sidecar: one port"],
    [["-h"], "Pogo Sidecar: one port"],
    [["help"], "Pogo Sidecar: one port"],
    [["--upstream=x", "--help"], "Pogo Sidecar: one port"],
    [["check", "--help"], "pogo-sidecar check: "],
    [["help", "check"], "pogo-sidecar check: "],
    [["--help", "port"], "--port <port>\n"],
    [["help", "--all"], "Files:\n  --config <path>\n"],
  ] as const) {
    it(`${args.join(" ")} prints help`, async () => {
      const { code, out, err } = await run(args);
      assert.deepEqual([code, err], [0, ""]);
      assert.ok(out.startsWith(begin), out);
    });
  }

  it("a command that is none ends with 64 and the one that was meant", async () => {
    const { code, out, err } = await run(["strat"]);
    assert.deepEqual([code, out], [64, ""]);
    assert.equal(err, 'There is no command "strat"; did you mean pogo-sidecar start?\n');
  });

  for (const args of [
    ["doctor", "--channel"],
    ["doctor", "--cookie", "--json"],
  ]) {
    it(`${args.join(" ")}: a flag without its value ends with 64`, async () => {
      const { code, out, err } = await run(args, credentials);
      assert.deepEqual([code, out, err], [64, "", `${args[1]} needs a value\n`]);
    });
  }

  for (const [args, flag] of [
    [["env", "--wirte"], "--write"],
    [["doctor", "--jsno"], "--json"],
    [["hold", "--fro=30s"], "--for"],
  ] as const) {
    it(`${args.join(" ")}: a command's own flag is among those that may be meant`, async () => {
      const { code, err } = await run(args, credentials);
      assert.notEqual(code, 0);
      assert.match(err, new RegExp(`there is no such option; did you mean ${flag}\\?`));
    });
  }
});

describe("check", () => {
  it("prints the effective configuration, secrets hidden", async () => {
    const { code, out, err } = await run(["check", "--port", "9000"], credentials);
    assert.equal(code, 0);
    assert.equal(err, "");
    assert.match(out, /^ {2}port +9000 +--port$/m);
    assert.match(out, /^ {2}app_secret +\(hidden\) +REVERB_APP_SECRET$/m);
    assert.doesNotMatch(out, /hunter2/);
  });

  it("says what has no effect, and ends with 0", async () => {
    const env = { ...credentials, POGO_WS_SHARD_QUEUE_SIZE: "1024" };
    const { code, err } = await run(["check"], env);
    assert.equal(code, 0);
    assert.match(err, /^Warning: POGO_WS_SHARD_QUEUE_SIZE: it has no effect here: .*\n$/);
  });

  it("D8: ends with 78 and every error at once", async () => {
    const { code, out, err } = await run(["check", "--prot=1"], {
      POGO_PORT: "x",
      POGO_UPSTREAM: "x",
    });
    assert.equal(code, 78);
    assert.equal(out, "");
    assert.match(err, /^The configuration has 6 errors:$/m);
    for (const name of [
      "--prot",
      "POGO_PORT",
      "POGO_UPSTREAM",
      "POGO_APP_ID",
      "POGO_APP_KEY",
      "POGO_APP_SECRET",
    ]) {
      assert.match(err, new RegExp(`^ {2}${name}: `, "m"));
    }
  });
});

describe("the .env of the working directory", () => {
  const folder = mkdtempSync(join(tmpdir(), "app-"));
  after(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, ".env"),
    'REVERB_APP_ID=1\nPUSHER_APP_KEY=from-env\nREVERB_APP_KEY="${PUSHER_APP_KEY}"\nREVERB_APP_SECRET=hunter2\nPOGO_PORT=1\n',
  );

  it("is read and named by check, and variables of the process win", async () => {
    const { code, out } = await run(["check"], { POGO_PORT: "9000" }, folder);
    assert.equal(code, 0);
    assert.ok(out.startsWith(`Read from ${join(folder, ".env")}\n\n`));
    assert.match(out, /^ {2}app_key +from-env +REVERB_APP_KEY in \.env$/m);
    assert.match(out, /^ {2}port +9000 +POGO_PORT$/m);
    assert.doesNotMatch(out, /hunter2/);
  });

  it("is named in the first line that start logs", async () => {
    const { POGO_HOST, POGO_PORT, POGO_ADMIN_PORT, POGO_UPSTREAM } = anywhere;
    const { lines, child } = await startMain(
      { POGO_HOST, POGO_PORT, POGO_ADMIN_PORT, POGO_UPSTREAM },
      folder,
    );
    assert.deepEqual(lines[0]?.["files"], [join(folder, ".env")]);
    child.kill();
  });

  for (const command of ["start", "check", "doctor"]) {
    it(`that can't be read is named first by ${command}, which then advises no other`, async () => {
      const other = mkdtempSync(join(tmpdir(), "app-"));
      mkdirSync(join(other, ".env"));
      const { code, out, err } = await run([command], {}, other);
      rmSync(other, { recursive: true });
      assert.equal(code, 78);
      assert.equal(out, "");
      assert.match(err, /^Warning: "\.env": it can't be read: it is a directory\.\nThe conf/);
      assert.match(err, /POGO_APP_SECRET: it is not set/);
      assert.doesNotMatch(err, /env --write/);
    });
  }

  it("is not read with --no-env-file", async () => {
    const { code } = await run(["check", "--no-env-file"], {}, folder);
    assert.equal(code, 78);
  });
});

describe("start", () => {
  it("logs what has no effect, and starts", async () => {
    const { lines, child } = await startMain({ ...anywhere, POGO_WS_SHARD_QUEUE_SIZE: "1024" });
    const warning = lines.find(({ level }) => level === "warn");
    assert.equal(warning?.["name"], "POGO_WS_SHARD_QUEUE_SIZE");
    child.kill();
  });

  it("D8: without credentials and without a terminal ends with 78, naming what is missing", async () => {
    const { code, out, err } = await run(["start"]);
    assert.equal(code, 78);
    assert.equal(out, "");
    assert.match(err, /POGO_APP_ID(.|\n)*POGO_APP_KEY(.|\n)*POGO_APP_SECRET/);
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`D4: ${signal} stops it in order, with 0`, async () => {
      const { child, ended, lines } = await startMain(anywhere);
      child.kill(signal);
      assert.deepEqual(await ended, [0, null]);
      assert.ok(lines.some((line) => line["msg"] === "stopping" && line["signal"] === signal));
      assert.doesNotMatch(JSON.stringify(lines), /hunter2/);
    });
  }

  it("D5: a second signal, half a second later, ends it at once, with 128 and the signal's number", async (t) => {
    const sidecar = await startMain({ ...anywhere, POGO_SHUTDOWN_TIMEOUT: "1h" });
    const { child, ended, port } = sidecar;
    // A request whose body never ends keeps the first signal waiting; 100 Continue tells that it has begun.
    const socket = connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.on("error", () => undefined); // it is cut
    socket.write(
      "POST /apps/1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    );
    const [interim] = (await once(socket, "data")) as [Buffer];
    assert.match(interim.toString(), /^HTTP\/1\.1 100 /);
    child.kill("SIGTERM");
    await sidecar.logged("draining");
    // One that comes right behind the first is the same, which npm has passed on.
    const again = setInterval(() => child.kill("SIGTERM"), 100);
    t.after(() => clearInterval(again));
    assert.deepEqual(await ended, [143, null]);
  });

  for (const [name, bug] of [
    ["an exception", 'throw new Error("a bug")'],
    ["a rejection", 'Promise.reject(new Error("a bug"))'],
  ] as const) {
    it(`D7: ${name} that nobody catches is logged and ends it with 1`, async () => {
      const code = `process.on("SIGUSR2",()=>{${bug}})`;
      const { child, ended, lines } = await startMain({
        ...anywhere,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`,
      });
      child.kill("SIGUSR2");
      assert.deepEqual(await ended, [1, null]);
      const fatal = lines.find((line) => line["level"] === "fatal");
      assert.equal(fatal?.["msg"], "uncaught exception");
      assert.match(JSON.stringify(fatal), /a bug/);
    });
  }

  for (const [name, flag] of [
    ["POGO_HOST", "--host"],
    ["POGO_ADMIN_HOST", "--admin-host"],
  ] as const) {
    it(`${name}: an address that this machine has not: 1, and how to choose another`, async () => {
      // 192.0.2.0/24 is for documents (RFC 5737), no machine has it.
      const { code, out } = await run([], { ...anywhere, [name]: "192.0.2.1" });
      assert.equal(code, 1);
      const entry = JSON.parse(out) as Record<string, unknown>;
      assert.equal(
        entry["hint"],
        `this machine has no address 192.0.2.1: choose another one with ${name} or ${flag}`,
      );
    });
  }

  it("a port that is in use: 1, and one line that names it and how to choose another", async (t) => {
    const other = createServer().listen(0, "127.0.0.1");
    t.after(() => other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    for (const [name, flag, often] of [
      ["POGO_PORT", "--port", "php artisan reverb:start"],
      ["POGO_ADMIN_PORT", "--admin-port", "another sidecar"],
    ] as const) {
      const { code, out, err } = await run([], { ...anywhere, [name]: String(port) });
      assert.equal(code, 1);
      assert.equal(err, "");
      const lines = out.trim().split("\n");
      assert.equal(lines.length, 1, out);
      const entry = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
      assert.equal(entry["level"], "fatal");
      assert.equal(
        entry["hint"],
        `port ${port} is in use: stop what listens there (often ${often}), or choose another one with ${name} or ${flag}`,
      );
    }
  });
});

describe("healthcheck", () => {
  /** A stand-in for the admin port that answers as the test wants. */
  let answer: number | "never" = 200;
  const asked: string[] = [];
  const admin = createServer((req, res) => {
    asked.push(req.url ?? "");
    if (answer !== "never") res.writeHead(answer).end("x");
  });
  let port = 0;
  before(async () => {
    admin.listen(0, "127.0.0.1");
    await once(admin, "listening");
    ({ port } = admin.address() as AddressInfo);
  });
  after(() => {
    admin.close();
    admin.closeAllConnections();
  });

  it("D9: asks /livez and ends with 0 on 200, without credentials", async () => {
    answer = 200;
    const { code, out, err } = await run(["healthcheck"], { POGO_ADMIN_PORT: String(port) });
    assert.deepEqual(
      { code, out, err },
      {
        code: 0,
        out: `alive: http://127.0.0.1:${port}/livez answered 200\n`,
        err: "",
      },
    );
    assert.deepEqual(asked, ["/livez"]);
  });

  it("finds a listener on all addresses on this machine", async () => {
    const { code } = await run(["healthcheck", "--admin-host=0.0.0.0", `--admin-port=${port}`]);
    assert.equal(code, 0);
  });

  it("D9: ends with 1 on any other status", async () => {
    answer = 503;
    const { code, out, err } = await run(["healthcheck", `--admin-port=${port}`]);
    assert.deepEqual(
      { code, out, err },
      {
        code: 1,
        out: "",
        err: `not alive: http://127.0.0.1:${port}/livez answered 503\n`,
      },
    );
  });

  it("D9: ends with 1 when nobody answers in time", async () => {
    answer = "never";
    const { code, err } = await run(["healthcheck", `--admin-port=${port}`]);
    assert.equal(code, 1);
    assert.match(err, /did not answer within 1500ms\n$/);
  });

  it("D9: ends with 1 when nobody listens", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const free = (closed.address() as AddressInfo).port;
    closed.close();
    await once(closed, "close");
    const { code, err } = await run(["healthcheck", `--admin-port=${free}`]);
    assert.equal(code, 1);
    assert.match(
      err,
      /can't be reached \(ECONNREFUSED\): start the sidecar \(pogo-sidecar\), or name its admin port/,
    );
  });

  it("a real sidecar is alive", async () => {
    const { child, ended, adminPort } = await startMain(anywhere);
    assert.equal((await run(["healthcheck", `--admin-port=${adminPort}`])).code, 0);
    child.kill("SIGTERM");
    await ended;
  });

  it("ends with 1 and the reason when its own options are wrong", async () => {
    const { code, err } = await run(["healthcheck", "--admin-port=x"]);
    assert.equal(code, 1);
    assert.match(err, /--admin-port: "x" is not a whole number/);
  });

  it("loads neither the server nor any package", () => {
    const seen = new Set<string>();
    const visit = (url: URL): void => {
      if (seen.has(url.href)) return;
      seen.add(url.href);
      const source = readFileSync(url, "utf8");
      for (const [, specifier = ""] of source.matchAll(
        /^(?:import|export)(?! type).*?from "(.*?)";/gms,
      )) {
        if (specifier.startsWith("node:")) continue;
        assert.match(specifier, /^\.\.?\//, `${url.pathname} imports ${specifier}`);
        visit(new URL(specifier, url));
      }
    };
    visit(new URL("cli/healthcheck.ts", import.meta.url));
    visit(new URL("main.ts", import.meta.url));
    assert.ok(seen.size > 10);
    assert.ok(![...seen].some((href) => /sidecar\/(sidecar|server)\.ts$|observability/.test(href)));
  });
});
