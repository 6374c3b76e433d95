/** One request to the admin port of a sidecar that runs on this machine. */

import { formatErrors, formatWarnings, loadAdmin } from "../config.ts";
import { reachableHost, urlHost } from "../http/host.ts";
import { request } from "../http/node-http.ts";
import type { CommandContext } from "./command.ts";
import { errorCode } from "../http/error-code.ts";
import { showDuration } from "../core/duration.ts";

export type AdminAnswer =
  | {
      readonly ok: true;
      readonly status: number;
      /** A line or two; empty where it is not plain text: what listens there is no sidecar. */
      readonly text: string;
      readonly where: string;
    }
  /** `why` in words, to stand behind the address: `did not answer within 1500ms`. */
  | { readonly ok: false; readonly why: string; readonly where: string };

/** Less than the shortest deadline that a container runtime is likely to give, starting this process included. */
const deadlineMs = 1500;

/** More than a sidecar answers. */
const maxCharacters = 1000;

/** What to do where no sidecar answers. */
export const whereElse =
  "start the sidecar (pogo-sidecar), or name its admin port with --admin-port or POGO_ADMIN_PORT";

/** Complains of an `.env` that can't be read. Resolves with null where the configuration of the admin port is wrong, of which it has complained then. */
export async function requestAdmin(
  context: CommandContext,
  method: "GET" | "POST",
  path: string,
): Promise<AdminAnswer | null> {
  const loaded = loadAdmin(context);
  if (!loaded.ok) {
    context.complain(formatErrors(loaded.errors));
    return null;
  }
  context.complain(formatWarnings(loaded.warnings));
  const { port } = loaded.admin;
  const host = reachableHost(loaded.admin.host);
  const where = `http://${urlHost(host)}:${port}${path}`;
  const { promise, resolve } = Promise.withResolvers<AdminAnswer>();
  const signal = AbortSignal.timeout(deadlineMs);
  const sent = request({ host, port, path, method, signal, agent: false }, (response) => {
    const { statusCode: status = 0, headers } = response;
    const isText = headers["content-type"]?.startsWith("text/plain") ?? false;
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      if (isText) text = (text + part).slice(0, maxCharacters);
    });
    // The status has been taken; what breaks after it changes nothing.
    response.on("error", () => undefined);
    response.once("close", () => resolve({ ok: true, status, text: text.trim(), where }));
  });
  sent.on("error", (error) => {
    const code = errorCode(error) ?? error.message;
    const why = signal.aborted
      ? `did not answer within ${showDuration(deadlineMs)}`
      : `can't be reached (${code}): ${whereElse}`;
    resolve({ ok: false, why, where });
  });
  sent.end();
  return promise;
}
