/** The arithmetic of a stop: who waits how long for whom between SIGTERM and SIGKILL. */

import { at, list, seconds } from "../documents.ts";
import type { Facts } from "../facts.ts";
import { type Pod } from "./pod.ts";

/** Between the last possible end of the sidecar and the kubelet's SIGKILL. */
const marginSeconds = 10;

/** After the app's preStop, for the requests that PHP is still at. */
const requestsSeconds = 5;

/** Everything in which a stop does not add up, in words. */
export function graceProblems(pod: Pod, facts: Facts): readonly string[] {
  const problems: string[] = [];
  const grace = Number(at(pod.spec, "terminationGracePeriodSeconds"));
  const preStop = preStopSeconds(pod);
  if (!(preStop >= 5)) problems.push("stop: the app ends before the nodes know that it is going");

  const shutdown = optionSeconds(pod, "POGO_SHUTDOWN_TIMEOUT", facts.shutdownTimeoutSeconds);
  const delay = optionSeconds(pod, "POGO_DRAIN_DELAY", 0);
  // A native sidecar gets SIGTERM when the app has ended, an ordinary container at the same moment as the app.
  const appEnds = preStop + requestsSeconds;
  if (!pod.isNative && !(delay >= appEnds)) {
    problems.push(`stop: the sidecar drains after ${delay} s, the app may need ${appEnds} s`);
  }
  const needed = (pod.isNative ? appEnds : 0) + delay + shutdown + marginSeconds;
  if (!(grace >= needed)) {
    problems.push(`stop: terminationGracePeriodSeconds is less than the ${needed} s needed`);
  }
  return problems;
}

function preStopSeconds(pod: Pod): number {
  const preStop = at(pod.app, "lifecycle", "preStop");
  const action = at(preStop, "sleep", "seconds");
  if (action !== undefined) return pod.isNative ? Number(action) : Number.NaN;
  const [command, length] = list(at(preStop, "exec", "command"));
  return command === "sleep" ? Number(length) : Number.NaN;
}

function optionSeconds(pod: Pod, name: string, otherwise: number): number {
  const value = pod.options.get(name);
  return value === undefined ? otherwise : seconds(value);
}
