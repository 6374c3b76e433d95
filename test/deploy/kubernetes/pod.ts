/** A pod that got the sidecar: which container is which, and the environment that the sidecar will have. */

import { at, entries, list } from "../documents.ts";

export interface Pod {
  readonly deployment: unknown;
  /** `spec.template.spec`. */
  readonly spec: unknown;
  /** The first of the ordinary containers. */
  readonly app: unknown;
  readonly sidecar: unknown;
  /** Among the init containers, and restarted there. */
  readonly isNative: boolean;
  /** Of the sidecar: its options as they stand in the ConfigMap and in the container; null is a Secret's. */
  readonly options: ReadonlyMap<string, string | null>;
}

/**
 * The one Deployment with the label `pogo-sidecar`.
 *
 * @param imageEnvironment what the sidecar's image has in its environment
 */
export function readPod(
  resources: readonly unknown[],
  imageEnvironment: Readonly<Record<string, string>>,
): Pod {
  const deployment = ofKind(resources, "Deployment").find(
    (candidate) => at(candidate, "metadata", "labels", "pogo-sidecar") !== undefined,
  );
  const spec = at(deployment, "spec", "template", "spec");
  const isSidecar = (container: unknown): boolean => at(container, "name") === "pogo-sidecar";
  const native = list(at(spec, "initContainers")).find(isSidecar);
  const sidecar = native ?? list(at(spec, "containers")).find(isSidecar);
  return {
    deployment,
    spec,
    app: at(spec, "containers", 0),
    sidecar,
    isNative: native !== undefined && at(native, "restartPolicy") === "Always",
    options: new Map([
      ...Object.entries(imageEnvironment).filter(([name]) => name.startsWith("POGO_")),
      ...fromConfigMaps(sidecar, resources),
      ...environment(sidecar),
    ]),
  };
}

export function ofKind(resources: readonly unknown[], kind: string): readonly unknown[] {
  return resources.filter((resource) => at(resource, "kind") === kind);
}

/** What stands in the container itself; null for what comes from a Secret. */
export function environment(container: unknown): ReadonlyMap<string, string | null> {
  return new Map(
    list(at(container, "env")).map((entry) => {
      const value = at(entry, "value");
      return [String(at(entry, "name")), value === undefined ? null : String(value)];
    }),
  );
}

function fromConfigMaps(
  container: unknown,
  resources: readonly unknown[],
): readonly (readonly [string, string])[] {
  const names = new Set(
    list(at(container, "envFrom")).map((from) => at(from, "configMapRef", "name")),
  );
  return ofKind(resources, "ConfigMap")
    .filter((map) => names.has(at(map, "metadata", "name")))
    .flatMap((map) => entries(at(map, "data")))
    .map(([name, value]) => [name, String(value)]);
}

/** The number of a container's port, by name. */
export function portOf(container: unknown, name: unknown): unknown {
  const port = list(at(container, "ports")).find((candidate) => at(candidate, "name") === name);
  return at(port, "containerPort");
}

/** Whether the labels in `selector` are all the pods'. */
export function selects(selector: unknown, { deployment }: Pod): boolean {
  const labels = new Map(entries(at(deployment, "spec", "template", "metadata", "labels")));
  const wanted = entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels.get(key) === value);
}
