/** The form of the doctor's checks and of their findings. */

import type { Config } from "../../config.ts";
import type { App } from "../../core/app.ts";
import type { Environment } from "../../config/sources/env-files.ts";

/** The installation that is looked at. */
export interface Subject {
  readonly config: Config;
  /** The first of the apps. */
  readonly app: App;
  readonly env: Environment;
  /** Where browsers and Laravel reach the sidecar. */
  readonly url: URL;
  /** Of a logged-in visitor, as a browser sends it; null: a guest. */
  readonly cookie: string | null;
  /** To be replayed; null: none. */
  readonly channel: string | null;
  /** The PHP app's folder. */
  readonly folder: string;
}

export type Finding =
  | { readonly status: "ok"; readonly text: string }
  /** `fix`: the line that mends it. */
  | { readonly status: "wrong"; readonly text: string; readonly fix: string }
  /** May be as it should; does not fail. */
  | { readonly status: "hint"; readonly text: string; readonly fix: string }
  | { readonly status: "skipped"; readonly text: string };

export interface Check {
  readonly name: string;
  /** While one of these is wrong there is nothing to see here. */
  readonly needs?: readonly Check[];
  /** MUST resolve; an error of its own is a bug. */
  readonly run: (subject: Subject) => Promise<Finding>;
}

/** Nobody stands in front: the address is the sidecar's own port. */
export function isOwnPort(url: URL, port: number): boolean {
  return url.protocol === "http:" && Number(url.port || 80) === port;
}

export const ok = (text: string): Finding => ({ status: "ok", text });
export const wrong = (text: string, fix: string): Finding => ({ status: "wrong", text, fix });
export const hint = (text: string, fix: string): Finding => ({ status: "hint", text, fix });
export const skipped = (text: string): Finding => ({ status: "skipped", text });
