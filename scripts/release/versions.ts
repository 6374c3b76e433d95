/** What says which version this is: CHANGELOG.md, package.json, its lock, pages and manifests; and what of it changes with a release. */

/** Their texts. */
export interface VersionedFiles {
  readonly changelog: string;
  readonly manifest: string;
  readonly lock: string;
  /** By path: pages and manifests that name a package or an image by its version. */
  readonly named: Readonly<Record<string, string>>;
}

/** The newest heading of the changelog: `## 0.1.0 (unreleased)`, or with a date in the brackets. */
const heading = /^## (\d+\.\d+\.\d+) \((unreleased|\d{4}-\d\d-\d\d)\)$/m;

/** `pogo-sidecar:0.1.0`, an image; `pogo-sidecar-0.1.0.tgz`, a package. */
const versioned = /(?<=pogo-sidecar[:-])\d+\.\d+\.\d+/g;

/**
 * Everything in which they are not of one mind.
 *
 * @param release the tag and the repository (`owner/name`) of a release: then the version has to have its date
 */
export function disagreements(
  { changelog, manifest, lock, named }: VersionedFiles,
  release?: { readonly tag: string; readonly repository: string },
): readonly string[] {
  const version = versionOf(manifest);
  const [, newest, when] = heading.exec(changelog) ?? [];
  const wrong: string[] = [];
  if (newest !== version) {
    wrong.push(`CHANGELOG.md begins with ${newest}, package.json has ${version}`);
  }
  if (versionOf(lock) !== version) wrong.push(`package-lock.json is not of ${version}`);
  for (const [path, text] of Object.entries(named)) {
    const others = text.match(versioned)?.filter((other) => other !== version) ?? [];
    for (const other of new Set(others)) wrong.push(`${path} names ${other}`);
  }
  if (!release) return wrong;
  if (release.tag !== `v${version}`) wrong.push(`the tag is ${release.tag}, not v${version}`);
  if (when === "unreleased") wrong.push(`CHANGELOG.md has no date for ${version}`);
  if (!manifest.includes(`github.com/${release.repository}.git"`)) {
    // npm takes no provenance of another repository than the package names.
    wrong.push(`package.json names another repository than ${release.repository}`);
  }
  return wrong;
}

/** The newest version, released on this day. */
export function date(
  files: VersionedFiles,
  day: string,
): { readonly version: string; files: VersionedFiles } {
  const version = versionOf(files.manifest);
  const changelog = files.changelog.replace(heading, `## ${version} (${day})`);
  return { version, files: { ...files, changelog } };
}

/** Work on the next version begins. */
export function begin(files: VersionedFiles, version: string): VersionedFiles {
  const before = versionOf(files.manifest);
  const [first = ""] = heading.exec(files.changelog) ?? [];
  return {
    changelog: files.changelog.replace(first, `## ${version} (unreleased)\n\n${first}`),
    manifest: files.manifest.replace(`"version": "${before}"`, `"version": "${version}"`),
    // Its own version stands twice, before those of all packages.
    lock: files.lock
      .replace(`"version": "${before}"`, `"version": "${version}"`)
      .replace(`"version": "${before}"`, `"version": "${version}"`),
    named: Object.fromEntries(
      Object.entries(files.named).map(([path, text]) => [path, text.replace(versioned, version)]),
    ),
  };
}

/** What the changelog says of the newest version. */
export function notes({ changelog }: VersionedFiles): string {
  const [, newest = ""] = changelog.split(/^## .*$/m);
  return newest.trim();
}

function versionOf(text: string): string {
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? "";
}
