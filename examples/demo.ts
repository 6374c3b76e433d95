/** `npm run demo`: the sidecar before a small example app, with nothing installed but Node. `--host`: for a phone, too. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import Pusher from "pusher";
import { createExampleApp } from "./app.ts";
import { createLine } from "./line.ts";
import { startSidecar, type SidecarProcess } from "./sidecar-process.ts";
import { createStage } from "./stage.ts";
import { createStory, toLine } from "./story.ts";

const flags = readFlags();
const loopback = "127.0.0.1";
/** Where pages come to: everything but the app and the admin port. */
const host = flags.host ? "0.0.0.0" : loopback;
const slowMs = 2_000;
/** How often something is published, a second apart, while the line is cut. */
const whileCut = 5;

const credentials = { id: "demo", key: "demo-key", secret: randomBytes(16).toString("hex") };
const port = await freePort(8080);
const adminPorts = [await freePort(2019), await freePort(2020)] as const;
const stagePort = await freePort(8081);
const appPort = await freePort(0);
/** Behind the line, which has the address that pages come to. */
const sidecarPort = await freePort(0);

const story = createStory(Date.now);
const behaviour = { delayMs: 0, refuses: false };
const app = createExampleApp({
  app: credentials,
  sidecar: { host: loopback, port: sidecarPort },
  behaviour,
  boot: {
    stagePort,
    ownApp: [
      "cd /path/to/your/app",
      `${sidecarCommand()} env --write`,
      "PHP_CLI_SERVER_WORKERS=4 php artisan serve --no-reload --port=8000 &",
      `${sidecarCommand()} --upstream=http://127.0.0.1:8000`,
    ].join("\n"),
  },
  log(text) {
    console.log(`app   ${text}`);
    story.add({ who: "app", text });
  },
});
await listen(app, appPort, loopback);

const stopping = new AbortController();
let stoppedAtMs = -Infinity;
const sidecar: SidecarProcess = await startSidecar({
  env: {
    POGO_HOST: loopback,
    POGO_PORT: String(sidecarPort),
    POGO_UPSTREAM: `http://${loopback}:${appPort}`,
    POGO_APP_ID: credentials.id,
    POGO_APP_KEY: credentials.key,
    POGO_APP_SECRET: credentials.secret,
    POGO_LOG_LEVEL: "debug",
    POGO_RECOVERY: "all",
  },
  adminPorts,
  onLine(json) {
    const line = toLine(json);
    if (!line) return;
    story.add(line);
    if (/"level":"(warn|error|fatal)"/.test(json)) console.log(`sidecar   ${line.text}`);
  },
  onExit(code) {
    if (!stopping.signal.aborted) console.error(`The sidecar ended by itself (exit code ${code}).`);
    process.exit(stopping.signal.aborted && code === 0 ? 0 : 1);
  },
}).catch((error: unknown) => {
  console.error(String(error));
  process.exit(1);
});
process.on("exit", () => sidecar.kill("SIGKILL")); // nothing outlives the demo
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

showMetrics();
const line = createLine({ host: loopback, port: sidecarPort });
await listen(line.server, port, host);
await listen(createStage({ story, pagePort: port, buttons: makeButtons() }), stagePort, host);
console.log(`
  Pogo Sidecar is running before the example app.

    Open in two tabs   http://${loopback}:${port}
${flags.host ? lanLines() : ""}    Console            ${sidecar.adminUrl}/
    Metrics            ${story.scene.metricsUrl}

  Ctrl-C ends all of it.${flags.host ? "" : " For a phone: npm run demo -- --host"}
`);

/** What the page's buttons do; each says so in the story. */
function makeButtons(): Readonly<Record<string, () => Promise<void>>> {
  const { id: appId, key, secret } = credentials;
  const host = loopback;
  const pusher = new Pusher({ appId, key, secret, host, port: String(sidecarPort), useTLS: false });
  return {
    async "stop-app"() {
      if (!app.listening) return;
      app.close();
      app.closeAllConnections();
      story.add({ who: "demo", text: "The app is stopped: nobody listens on its port." });
      story.change({ app: "stopped" });
    },
    async "start-app"() {
      if (app.listening) return;
      await listen(app, appPort, loopback);
      story.add({ who: "demo", text: "The app is back." });
      story.change({ app: "running" });
    },
    async "slow-app"() {
      behaviour.delayMs = behaviour.delayMs === 0 ? slowMs : 0;
      const isSlow = behaviour.delayMs > 0;
      const text = isSlow
        ? `The app takes ${slowMs / 1000} s for each answer.`
        : "The app is quick.";
      story.add({ who: "demo", text });
      story.change({ isSlow });
    },
    async refuse() {
      behaviour.refuses = !behaviour.refuses;
      const { refuses } = behaviour;
      const text = refuses ? "The app says no to everybody." : "The app says yes again.";
      story.add({ who: "demo", text });
      story.change({ refuses });
    },
    async "cut-line"() {
      if (story.scene.line === "cut") return;
      const text = `The line is cut for ${whileCut} s: every connection is reset, and the app goes on.`;
      story.add({ who: "demo", text });
      story.change({ line: "cut" });
      line.cut();
      for (let time = 1; time <= whileCut; time += 1) {
        await delay(1_000);
        const message = { from: "The app", text: `${time} of ${whileCut}, while the line was cut` };
        await pusher.trigger("lobby", "message", message);
        story.add({ who: "app", text: `publishes "${message.text}" to lobby` });
      }
      line.mend();
      story.add({ who: "demo", text: "The line is whole again." });
      story.change({ line: "whole" });
    },
    async "restart-sidecar"() {
      if (story.scene.sidecar === "restarting") return;
      story.add({ who: "demo", text: "Another sidecar starts, and this one is told to stop." });
      story.change({ sidecar: "restarting" });
      await sidecar.restart();
      showMetrics();
      story.change({ sidecar: "running" });
    },
  };
}

function showMetrics(): void {
  story.change({ metricsUrl: `${sidecar.adminUrl}/metrics` });
}

/** As it can be pasted on this machine. */
function readFlags(): { readonly host: boolean } {
  try {
    return parseArgs({ options: { host: { type: "boolean", default: false } } }).values;
  } catch {
    console.error(
      "npm run demo takes one flag, after --: npm run demo -- --host, for a phone, too.",
    );
    process.exit(64);
  }
}

function sidecarCommand(): string {
  return `${process.execPath} ${fileURLToPath(new URL("../sidecar/main.ts", import.meta.url))}`;
}

/** Where a phone in the same network finds it. */
function lanLines(): string {
  const addresses = Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal);
  const found = addresses.map(({ address }) => `http://${address}:${port}`);
  const shown = found.length > 0 ? found : ["this machine has no address in a network"];
  return shown.map((text) => `    On your phone      ${text}\n`).join("");
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

async function listen(server: Server, onPort: number, onHost: string): Promise<void> {
  server.listen(onPort, onHost);
  await once(server, "listening");
}

/** `preferred` if it is free, else any other that is. */
async function freePort(preferred: number): Promise<number> {
  const probe = createServer();
  const taken = await new Promise<boolean>((resolve) => {
    probe.once("error", () => resolve(true));
    probe.listen(preferred, host, () => resolve(false));
  });
  if (taken) return freePort(0);
  const bound = probe.address();
  probe.close();
  await once(probe, "close");
  if (bound === null || typeof bound === "string") throw new Error("not listening on a TCP port");
  return bound.port;
}
