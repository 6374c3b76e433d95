/** A Chromium that fetches nothing by itself. */

import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";
import { chromiumPath } from "./needs.ts";

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath() ?? "",
    args: [
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}
