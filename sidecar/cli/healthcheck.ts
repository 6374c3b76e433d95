/** `healthcheck`: asks a running sidecar on its admin port whether it is alive. */

import { requestAdmin } from "./admin-request.ts";
import { exitCodes, type CommandContext } from "./command.ts";

/**
 * Asks `/livez`, which is 200 as long as the node can answer at all, draining included: a container that stops in
 * order must not be called unhealthy. Whether it wants traffic is `/readyz`, for load balancers.
 * Ends with 0 or 1, since Docker reserves the other codes, and prints one line.
 */
export async function healthcheck(context: CommandContext): Promise<number> {
  const answer = await requestAdmin(context, "GET", "/livez");
  if (!answer) return exitCodes.failure;
  const { where } = answer;
  if (answer.ok && answer.status === 200) {
    context.print(`alive: ${where} answered 200\n`);
    return exitCodes.ok;
  }
  const what = answer.ok ? `answered ${answer.status}` : answer.why;
  context.complain(`not alive: ${where} ${what}\n`);
  return exitCodes.failure;
}
