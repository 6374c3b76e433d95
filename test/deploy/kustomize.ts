/** What `kubectl apply -k` makes of the manifests: as much of Kustomize as they use, so that no kubectl is needed. */

import { at, entries, list } from "./documents.ts";

export type Rendered =
  | { readonly ok: true; readonly resources: readonly unknown[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** The resources with the images' names and tags put in. */
export function renderKustomization(
  kustomization: unknown,
  resources: readonly unknown[],
): Rendered {
  const images = list(at(kustomization, "images"));
  const used = new Set(resources.flatMap(imagesOf).map(nameOf));
  const problems = [
    ...problemsOfHead(kustomization),
    ...entries(kustomization)
      .filter(([field]) => !knownFields.has(field))
      .map(([field]) => `${field} is not known here`),
    ...images.flatMap(problemsOfImage),
    ...images
      .map((image) => String(at(image, "name")))
      .filter((name) => !used.has(name))
      .map((name) => `no container has the image ${name}`),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const replaced = new Map(
    images.map((image) => [
      String(at(image, "name")),
      `${String(at(image, "newName"))}:${String(at(image, "newTag"))}`,
    ]),
  );
  return { ok: true, resources: resources.map((resource) => withImages(resource, replaced)) };
}

/** The images of all containers, wherever they stand. */
export function imagesOf(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(imagesOf);
  return entries(node).flatMap(([field, value]) =>
    field === "image" && typeof value === "string" ? [value] : imagesOf(value),
  );
}

const knownFields: ReadonlySet<string> = new Set(["apiVersion", "kind", "resources", "images"]);

function problemsOfHead(kustomization: unknown): readonly string[] {
  const head = `${String(at(kustomization, "apiVersion"))} ${String(at(kustomization, "kind"))}`;
  const isRight = head === "kustomize.config.k8s.io/v1beta1 Kustomization";
  return isRight ? [] : [`${head} is no kustomization`];
}

function problemsOfImage(image: unknown): readonly string[] {
  const name = String(at(image, "name"));
  // A tag that YAML reads as a number is refused by Kustomize.
  return ["name", "newName", "newTag"]
    .filter((field) => typeof at(image, field) !== "string")
    .map((field) => `image ${name}: ${field} is no text`);
}

function withImages(node: unknown, replaced: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(node)) return node.map((item) => withImages(item, replaced));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    entries(node).map(([field, value]) =>
      field === "image" && typeof value === "string"
        ? [field, replaced.get(nameOf(value)) ?? value]
        : [field, withImages(value, replaced)],
    ),
  );
}

/** Without tag and digest. */
function nameOf(image: string): string {
  return image.replace(/@.*$/, "").replace(/:[^/]*$/, "");
}
