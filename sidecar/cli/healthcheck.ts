/** `healthcheck`: asks a running sidecar on its admin port whether it is alive. */

import { get } from "node:http";
import { formatErrors, loadAdmin } from "../config.ts";
import { exitCodes, type CommandContext } from "./command.ts";

/** Less than the shortest deadline that a container runtime is likely to give, starting this process included. */
const deadlineMs = 1500;

/**
 * Asks `/livez`, which is 200 as long as the node can answer at all, draining included: a container that stops in
 * order must not be called unhealthy. Whether it wants traffic is `/readyz`, for load balancers.
 * Ends with 0 or 1, since Docker reserves the other codes, and prints one line.
 */
export async function healthcheck(context: CommandContext): Promise<number> {
  const loaded = loadAdmin(context);
  if (!loaded.ok) {
    context.complain(formatErrors(loaded.errors));
    return exitCodes.failure;
  }
  const { host, port } = loaded.admin;
  const target = { host: reachable(host), port, path: "/livez" };
  const outcome = await ask(target);
  const where = `http://${target.host.includes(":") ? `[${target.host}]` : target.host}:${port}${target.path}`;
  if (outcome === 200) {
    context.print(`alive: ${where} answered 200\n`);
    return exitCodes.ok;
  }
  const what = typeof outcome === "number" ? `answered ${outcome}` : outcome;
  context.complain(`not alive: ${where} ${what}\n`);
  return exitCodes.failure;
}

/** The status, or in words why there is none. */
function ask(target: { host: string; port: number; path: string }): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
  const signal = AbortSignal.timeout(deadlineMs);
  const request = get({ ...target, signal, agent: false }, (response) => {
    response.resume();
    response.on("error", () => undefined); // the status has been taken; what breaks after it changes nothing
    resolve(response.statusCode ?? "answered without a status");
    request.destroy();
  });
  request.on("error", (error) => {
    const code = "code" in error ? String(error.code) : error.message;
    resolve(
      signal.aborted ? `did not answer within ${deadlineMs / 1000} s` : `can't be had: ${code}`,
    );
  });
  return promise;
}

/** Where a listener on all addresses is reached from the same machine. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
