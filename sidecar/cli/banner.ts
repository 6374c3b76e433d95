/**
 * What somebody who starts the sidecar in a terminal reads first: where to go, what is running, and what is missing.
 */

import { basename, dirname, resolve } from "node:path";
import { networkInterfaces } from "node:os";
import { styleText } from "node:util";
import type { Config, Loaded } from "../config.ts";
import { isEveryAddress, urlHost } from "../http/host.ts";
import { isLoopbackHost } from "../http/ip-address.ts";
import { wait } from "../http/timers.ts";
import { appAnswers } from "./doctor/app.ts";
import type { Finding, Subject } from "./doctor/check.ts";
import { broadcastConnection, environmentFile, frontEnd } from "./doctor/machine.ts";

type Given = Pick<Extract<Loaded, { ok: true }>, "config" | "settings" | "envFiles">;

export interface BannerOptions extends Given {
  readonly version: string;
  readonly env: Subject["env"];
  /** The PHP app's. */
  readonly folder: string;
  /** As they were bound. */
  readonly ports: { readonly port: number; readonly adminPort: number };
  /** IPv4 addresses of this machine in its networks. */
  readonly addresses?: readonly string[];
}

/** Names of settings that are shown; the others are counted. */
const maxNames = 6;
const labelWidth = 11;

export interface Banner {
  readonly text: string;
  /** Null: the app answers, or there is none. Else asks it every `everyMs` and resolves with what there is to say once it does. */
  readonly whenAppAnswers: ((everyMs: number) => Promise<string>) | null;
}

export async function renderBanner(options: BannerOptions): Promise<Banner> {
  const { config, version, ports } = options;
  const [app] = config.apps;
  if (!app) return { text: "", whenAppAnswers: null };
  const subject: Subject = {
    config,
    app,
    env: options.env,
    folder: options.folder,
    url: new URL(`http://localhost:${ports.port}`),
    cookie: null,
    channel: null,
  };
  const upstream = await appAnswers.run(subject);
  const looks = [environmentFile, broadcastConnection, frontEnd].map((check) => check.run(subject));
  const missing = (await Promise.all(looks)).filter(({ status }) => status === "wrong");
  const others = config.apps.length - 1;
  const adminUrl = `http://${config.admin.host}:${ports.adminPort}/`;
  const text = [
    "",
    `  ${styleText("bold", "Pogo Sidecar")} ${version}`,
    "",
    ...row("open", openAt(options)),
    ...row("app", describeApp(upstream)),
    ...row("key", [`${app.key} (app ${app.id}${others > 0 ? `, and ${others} more` : ""})`]),
    ...row("settings", [describeSources(options)]),
    ...(isConsoleOpen(config) ? row("console", [adminUrl]) : []),
    ...row("metrics", [`${adminUrl}metrics`]),
    ...missing.flatMap((finding) => row("missing", describeMissing(finding))),
    "",
    "",
  ].join("\n");
  const isAway = upstream.status === "wrong";
  return { text, whenAppAnswers: isAway ? (everyMs) => waitForApp(subject, everyMs) : null };
}

function isConsoleOpen({ admin, console }: Config): boolean {
  return console.token !== null || isLoopbackHost(admin.host);
}

async function waitForApp(subject: Subject, everyMs: number): Promise<string> {
  for (;;) {
    await wait(everyMs);
    const finding = await appAnswers.run(subject);
    if (finding.status !== "wrong") return finding.text;
  }
}

function row(label: string, [first = "", ...others]: readonly string[]): readonly string[] {
  const indent = " ".repeat(2 + labelWidth);
  return [
    `  ${styleText("dim", label.padEnd(labelWidth))}${first}`,
    ...others.map((line) => indent + line),
  ];
}

function openAt({ config, ports, addresses = lanAddresses() }: BannerOptions): readonly string[] {
  const { host: bind, pathPrefix } = config.server;
  if (bind.kind === "unix") return [`unix:${bind.path}`];
  const isEverywhere = isEveryAddress(bind.host);
  const [here, ...elsewhere] = isEverywhere ? ["localhost", ...addresses.slice(0, 1)] : [bind.host];
  const urlOf = (host: string) => `http://${urlHost(host)}:${ports.port}`;
  const standsAlone = config.upstream.address === null;
  const what = standsAlone ? ` (WebSockets at ${pathPrefix}/app/{key}, and the API)` : "";
  return [
    styleText("cyan", urlOf(here ?? "localhost")) + what,
    ...elsewhere.map((host) => `${urlOf(host)} from a phone in the same network`),
  ];
}

function describeApp(finding: Finding): readonly string[] {
  if (!("fix" in finding)) return [finding.text];
  return [styleText("yellow", finding.text), `→ ${finding.fix}; the sidecar goes on meanwhile`];
}

function describeMissing(finding: Finding): readonly string[] {
  return [styleText("yellow", finding.text), ...("fix" in finding ? [`→ ${finding.fix}`] : [])];
}

/** Files by their folder, and the names of what does not come from them. */
function describeSources({ settings, envFiles }: BannerOptions): string {
  const files = envFiles.map((path) => `${basename(path)} in ${dirname(resolve(path))}`);
  const names = settings.map(({ source }) => source).filter((name) => /^(--|[A-Z_]+$)/.test(name));
  const distinct = [...new Set(names)];
  const more = distinct.length - maxNames;
  const listed = [...files, ...distinct.slice(0, maxNames), ...(more > 0 ? [`${more} more`] : [])];
  return `${listed.join(", ") || "defaults"} (pogo-sidecar check shows all)`;
}

function lanAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((entries = []) =>
    entries
      .filter(({ family, internal }) => family === "IPv4" && !internal)
      .map(({ address }) => address),
  );
}

/** Whether somebody reads it: not where only what goes wrong is to be seen. */
export function isWanted({ log }: Config): boolean {
  return ["trace", "debug", "info"].includes(log.level);
}
