/** `npm run demo`: the sidecar before a small example app, with nothing installed but Node. */

import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createExampleApp } from "./app.ts";

const host = "127.0.0.1";
const startDeadlineMs = 15_000;

const app = { id: "demo", key: "demo-key", secret: randomBytes(16).toString("hex") };
const port = await freePort(8080);
const adminPort = await freePort(2019);
const address = `http://${host}:${port}`;
const admin = `http://${host}:${adminPort}`;

const upstream = createExampleApp({
  app,
  sidecar: { host, port },
  metricsUrl: `${admin}/metrics`,
  log: (line) => console.log(line),
});
upstream.listen(0, host);
await once(upstream, "listening");

const sidecar = startSidecar(boundPort(upstream.address()));
const stopping = new AbortController();
let stoppedAtMs = -Infinity;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
process.on("exit", () => sidecar.kill("SIGKILL")); // nothing outlives the demo
sidecar.once("exit", (code) => {
  if (!stopping.signal.aborted) console.error(`The sidecar ended by itself (exit code ${code}).`);
  process.exit(stopping.signal.aborted && code === 0 ? 0 : 1);
});

await ready();
console.log(`
  Pogo Sidecar is running before the example app.

    Open in two tabs   ${address}
    Metrics            ${admin}/metrics

  Ctrl-C ends both.
`);

function startSidecar(upstreamPort: number): ChildProcess {
  // Settings of the reader's own sidecar or Reverb stay out of the demo; POGO_LOG_LEVEL may be set.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(POGO|REVERB)_/.test(name));
  return spawn(process.execPath, [fileURLToPath(new URL("../sidecar/main.ts", import.meta.url))], {
    env: {
      ...Object.fromEntries(inherited),
      POGO_HOST: host,
      POGO_PORT: String(port),
      POGO_ADMIN_HOST: host,
      POGO_ADMIN_PORT: String(adminPort),
      POGO_UPSTREAM: `http://${host}:${upstreamPort}`,
      POGO_APP_ID: app.id,
      POGO_APP_KEY: app.key,
      POGO_APP_SECRET: app.secret,
      POGO_LOG_LEVEL: process.env["POGO_LOG_LEVEL"] ?? "warn",
    },
    stdio: ["ignore", "inherit", "inherit"],
    // A process group of its own: Ctrl-C comes to the demo alone, which then stops the sidecar in order.
    detached: true,
  });
}

/**
 * The first signal stops the sidecar in order, the second at once; the demo ends with it. One Ctrl-C under npm is two
 * signals: the terminal sends it to all, and npm passes its own on.
 */
function stop(signal: NodeJS.Signals): void {
  if (signal === "SIGINT" && performance.now() - stoppedAtMs < 500) return;
  stoppedAtMs = performance.now();
  sidecar.kill(stopping.signal.aborted ? "SIGKILL" : "SIGTERM");
  stopping.abort();
}

async function ready(): Promise<void> {
  const deadline = Date.now() + startDeadlineMs;
  while (!(await isReady())) {
    if (Date.now() > deadline) {
      console.error(`The sidecar did not get ready within ${startDeadlineMs / 1000} s.`);
      process.exit(1);
    }
    await delay(50);
  }
}

async function isReady(): Promise<boolean> {
  return fetch(`${admin}/readyz`).then(
    (response) => response.ok,
    () => false, // not listening yet
  );
}

/** `preferred` if it is free, else any other that is. */
async function freePort(preferred: number): Promise<number> {
  const probe = createServer();
  const taken = await new Promise<boolean>((resolve) => {
    probe.once("error", () => resolve(true));
    probe.listen(preferred, host, () => resolve(false));
  });
  if (taken) return freePort(0);
  const found = boundPort(probe.address());
  probe.close();
  await once(probe, "close");
  return found;
}

function boundPort(bound: ReturnType<ReturnType<typeof createServer>["address"]>): number {
  if (bound === null || typeof bound === "string") throw new Error("not listening on a TCP port");
  return bound.port;
}
