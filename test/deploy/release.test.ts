/** A release: its files say the same version, and its workflow publishes what can be traced back to a commit. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { paths, readVersionedFiles } from "../../scripts/release/files.ts";
import { begin, date, disagreements, notes } from "../../scripts/release/versions.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const files = readVersionedFiles(pathToFileURL(`${root}/`));
const manifest = JSON.parse(files.manifest) as {
  version: string;
  repository: { url: string };
  bugs: { url: string };
  homepage: string;
  keywords: string[];
  scripts: Record<string, string>;
};
const repository = "pogo-sidecar/pogo-sidecar";

describe("the files that say which version it is", () => {
  it("CHANGELOG, package.json, its lock, pages and manifests have one version", () => {
    assert.deepEqual(disagreements(files), []);
    const other = { ...files, named: { "README.md": "docker pull pogo-sidecar:9.9.9" } };
    assert.deepEqual(disagreements(other), ["README.md names 9.9.9"]);
  });

  it("every file that names a package or an image by its version is among them", () => {
    const { stdout } = spawnSync(
      "git",
      ["grep", "-lE", "pogo-sidecar[:-][0-9]+\\.[0-9]+\\.[0-9]+", "--", ":!*.ts"],
      { cwd: root, encoding: "utf8" },
    );
    assert.deepEqual(stdout.trim().split("\n").toSorted(), [...paths.named].toSorted());
  });

  it("package.json says where the code, the bugs and the manual are", () => {
    assert.equal(manifest.repository.url, `git+https://github.com/${repository}.git`);
    assert.equal(manifest.bugs.url, `https://github.com/${repository}/issues`);
    assert.equal(manifest.homepage, `https://github.com/${repository}#readme`);
    assert.ok(manifest.keywords.length > 0);
  });

  it("a release has a date, a tag of its version, and the repository it is published from", () => {
    const tag = `v${manifest.version}`;
    const { files: dated } = date(files, "2026-12-01");
    assert.deepEqual(disagreements(dated, { tag, repository }), []);
    assert.match(dated.changelog, new RegExp(`^## ${manifest.version} \\(2026-12-01\\)$`, "m"));
    const wrong = disagreements(dated, { tag: "v9.9.9", repository: "somebody/else" });
    assert.equal(wrong.length, 2);
  });

  it("the next version begins above the last one, in all of them", () => {
    const { files: dated } = date(files, "2026-12-01");
    const next = begin(dated, "9.9.9");
    assert.deepEqual(disagreements(next), []);
    assert.ok(next.changelog.indexOf("## 9.9.9 (unreleased)") < next.changelog.indexOf("2026-12"));
    assert.match(Object.values(next.named).join("\n"), /image: ghcr\S+:9\.9\.9$/m);
    assert.equal(notes(next), "");
    assert.ok(notes(dated).length > 100);
    const undated = disagreements(next, { tag: "v9.9.9", repository });
    assert.deepEqual(undated, ["CHANGELOG.md has no date for 9.9.9"]);
    assert.equal(files.lock.split(`"version": "${manifest.version}"`).length - 1 >= 2, true);
  });
});

interface Job {
  readonly needs?: string | string[];
  readonly permissions?: Record<string, string>;
  readonly steps: readonly {
    id?: string;
    run?: string;
    uses?: string;
    with?: Record<string, unknown>;
  }[];
}

interface Workflow {
  readonly permissions: Record<string, string>;
  readonly jobs: Record<string, Job>;
}

const workflow = (name: string): Workflow =>
  parse(read(`.github/workflows/${name}.yml`)) as Workflow;

describe("the workflows", () => {
  const release = workflow("release");

  it("publish nothing that was not proven before", () => {
    assert.match(stepsOf(release.jobs["check"]), /^\.ci\/run$/m);
    assert.match(stepsOf(release.jobs["check"]), /release -- check/);
    for (const name of ["npm", "image"]) assert.equal(release.jobs[name]?.needs, "check", name);
    assert.deepEqual(release.jobs["release"]?.needs, ["npm", "image"]);
  });

  it("npm: with provenance", () => {
    assert.match(stepsOf(release.jobs["npm"]), /^npm publish --provenance/m);
    assert.equal(release.jobs["npm"]?.permissions?.["id-token"], "write");
  });

  it("image: for two architectures, with provenance and an SBOM", () => {
    const build = release.jobs["image"]?.steps.find(({ uses }) =>
      uses?.startsWith("docker/build-push-action@"),
    );
    assert.equal(build?.with?.["platforms"], "linux/amd64,linux/arm64");
    assert.equal(build?.with?.["provenance"], "mode=max");
    assert.equal(build?.with?.["sbom"], true);
  });

  it("image: nothing that runs in it is made for one platform, so that no emulator is needed", () => {
    const { packages } = JSON.parse(files.lock) as {
      packages: Record<
        string,
        { dev?: boolean; os?: string[]; cpu?: string[]; hasInstallScript?: boolean }
      >;
    };
    const bound = Object.entries(packages).filter(
      ([, { dev, os, cpu, hasInstallScript }]) => !dev && (os ?? cpu ?? hasInstallScript),
    );
    assert.deepEqual(bound, []);
    const stages = read("Dockerfile").match(/^FROM .*$/gm) ?? [];
    assert.deepEqual(
      stages.map((stage) => stage.includes("--platform=$BUILDPLATFORM ")),
      [true, true, false],
    );
  });

  it("image: its bases are resolved to digests, once, and named in it", (t) => {
    const build = release.jobs["image"]?.steps.find(({ uses }) =>
      uses?.startsWith("docker/build-push-action@"),
    );
    assert.match(stepsOf(release.jobs["image"]), /^scripts\/release\/bases >> "\$GITHUB_OUTPUT"$/m);
    assert.equal(build?.with?.["build-contexts"], "${{ steps.bases.outputs.contexts }}");
    const label = "org.opencontainers.image.base.digest=${{ steps.bases.outputs.digest }}";
    assert.match(String(build?.with?.["labels"]), new RegExp(`^${RegExp.escape(label)}$`, "m"));

    // Stands for the registry, which no test asks: each image's digest is its name.
    const folder = mkdtempSync(join(tmpdir(), "bases-"));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "docker"), '#!/bin/sh\necho "sha256:of-$4"\n', { mode: 0o755 });
    const { stdout, stderr } = spawnSync(join(root, "scripts/release/bases"), {
      encoding: "utf8",
      env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
    });
    const [node, distroless] = [
      "node:24-trixie-slim",
      "gcr.io/distroless/nodejs24-debian13:nonroot",
    ];
    assert.deepEqual(
      stdout.trim().split("\n"),
      [
        "contexts<<END",
        `${distroless}=docker-image://gcr.io/distroless/nodejs24-debian13@sha256:of-${distroless}`,
        `${node}=docker-image://node@sha256:of-${node}`,
        "END",
        `digest=sha256:of-${distroless}`,
      ],
      stderr,
    );
  });

  for (const name of ["ci", "release"]) {
    it(`${name}.yml: reads only, but for what a job needs; runs scripts and files that are there`, () => {
      const { permissions, jobs } = workflow(name);
      assert.deepEqual(permissions, { contents: "read" });
      for (const [, script = ""] of Object.values(jobs)
        .map(stepsOf)
        .join("\n")
        .matchAll(/npm run (?:--silent )?([\w:]+)/g)) {
        assert.ok(Object.hasOwn(manifest.scripts, script), script);
      }
      assert.ok(existsSync(join(root, ".ci/run")));
    });
  }
});

function stepsOf(job: Job | undefined): string {
  return (job?.steps ?? []).map(({ run = "" }) => run).join("\n");
}
