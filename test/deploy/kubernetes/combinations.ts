/** Which components of deploy/k8s can stand together: every sidecar with every set of the others. */

import { readdirSync } from "node:fs";
import { join } from "node:path";

export const folder = join(import.meta.dirname, "../../../deploy/k8s");

/** One of them is in every combination. */
export const sidecars: readonly string[] = ["sidecar", "sidecar-classic"];

/** What a component is of no use without. */
export const needs: Readonly<Record<string, string>> = { autoscaling: "redis" };

/** The others, in the order in which they are listed. */
const extras: readonly string[] = readdirSync(join(folder, "components"))
  .filter((name) => !sidecars.includes(name))
  .toSorted();

/** All that are of use, each as the list of its components. */
export function combinations(): readonly (readonly string[])[] {
  const sets = Array.from({ length: 2 ** extras.length }, (_, bits) =>
    extras.filter((_name, index) => (bits >> index) % 2 === 1),
  ).filter((set) => set.every((name) => !needs[name] || set.includes(needs[name])));
  return sidecars.flatMap((sidecar) => sets.map((set) => [sidecar].concat(set)));
}
