/** The page's own files, and the header fields that keep everything else out of it. */

import { readFileSync } from "node:fs";

export interface Asset {
  readonly contentType: string;
  readonly body: Buffer;
}

const contentTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/** What may be asked for below `/console/`; index and login are answered at `/`. */
const assetNames = [
  "index.html",
  "login.html",
  "off.html",
  "console.css",
  "main.js",
  "actions.js",
  "api.js",
  "authorization.js",
  "channels.js",
  "connections.js",
  "dom.js",
  "events.js",
  "feed.js",
  "format.js",
  "health.js",
  "list-view.js",
  "overview.js",
  "refusals.js",
  "requests.js",
  "workers.js",
] as const;

export type AssetName = (typeof assetNames)[number];

const names: ReadonlySet<string> = new Set(assetNames);
const read = new Map<AssetName, Asset>();

export function isAssetName(name: string): name is AssetName {
  return names.has(name);
}

/** Read when it is asked for first, and kept: 60 KB or so in all. */
export function assetOf(name: AssetName): Asset {
  const known = read.get(name);
  if (known) return known;
  const asset = {
    contentType: contentTypes[name.split(".")[1] ?? ""] ?? "application/octet-stream",
    body: readFileSync(new URL(`page/${name}`, import.meta.url)),
  };
  read.set(name, asset);
  return asset;
}

/** Nothing is fetched from elsewhere, nothing inline is run, nobody frames it. */
export const pageFields: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  // With no-referrer a form's Origin is null, as a foreign page's may be.
  "Referrer-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};
