/** What every page for people must keep: its links lead somewhere, and what it names is there. */

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { anchorOf } from "../../scripts/markdown.ts";
import { directives } from "../../sidecar/config/sources/directives.ts";
import { allOptions } from "../../sidecar/config/table/table.ts";
import { scenarios } from "../bench/scenarios.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = globSync(["*.md", "docs/*.md", "docs/adr/*.md", "laravel/README.md"], { cwd: root });
const own = globSync("docs/*.md", { cwd: root }).filter((page) => page !== "docs/README.md");

const options: ReadonlySet<string | undefined> = new Set([
  ...allOptions.flatMap(({ env, original }) => [env, `${env}_FILE`, original]),
  ...directives.map(({ env }) => env),
  "POGO_CONFIG",
]);

/** Of the Laravel package and of what Kubernetes makes: no options. */
const others =
  /^POGO_(ADMIN_URL|BROADCAST_CONNECTION|SERVICE_HOST|WEBHOOK_CACHE_STORE|WEBHOOK_PATH|WS)$/;

describe("pages", () => {
  for (const page of pages) {
    it(`${page}: every link leads somewhere`, () => {
      const missing = linksOf(read(page)).filter((link) => !leadsSomewhere(page, link));
      assert.deepEqual(missing, []);
    });

    it(`${page}: every option that it names is one`, () => {
      const named = read(page).match(/\bPOGO_[A-Z_]*[A-Z]\b/g) ?? [];
      const unknown = named.filter((name) => !options.has(name) && !others.test(name));
      assert.deepEqual([...new Set(unknown)], []);
    });
  }
});

describe("README.md", () => {
  it("has no figure that docs/benchmarks.md does not have", () => {
    const benchmarks = read("docs/benchmarks.md");
    const [row = ""] = /^\| deliveries a second.*$/m.exec(read("README.md")) ?? [];
    const figures = row.match(/\b\d+(,\d{3})+\b/g) ?? [];
    assert.ok(figures.length >= 3);
    assert.deepEqual(
      figures.filter((figure) => !benchmarks.includes(figure)),
      [],
    );
  });
});

describe("docs/benchmarks.md", () => {
  it("has a row for each scenario, which says whether it takes --target", () => {
    const rows = [...read("docs/benchmarks.md").matchAll(/^\| `([a-z-]+)` \|.*\| (\S[^|]*) \|$/gm)];
    const listed = rows.map(([, name, target]) => [name, target?.startsWith("yes")]);
    const known = scenarios.map(({ name, takesTarget }) => [name, takesTarget]);
    assert.deepEqual(Object.fromEntries(listed), Object.fromEntries(known));
  });
});

describe("lines of the log", () => {
  const code = globSync("sidecar/**/*.ts", { cwd: root }).map(read).join("\n");
  const quoted = pages.flatMap((page) => sentencesOf(read(page)).map((text) => [page, text]));

  it("that a page quotes are there", () => {
    assert.ok(quoted.length >= 8, String(quoted.length));
    const missing = quoted.filter(([, text = ""]) => !code.includes(text));
    assert.deepEqual(missing, []);
  });
});

describe("docs/README.md", () => {
  it("leads to every page of docs/, and to the decisions", () => {
    const index = read("docs/README.md");
    const missing = own.filter((page) => !index.includes(`(${page.replace("docs/", "")})`));
    assert.deepEqual(missing, []);
    assert.ok(index.includes("(adr"));
  });

  it("each decision has a number of its own, which its title has too, a date and a status", () => {
    const decisions = pages.filter((page) => page.startsWith("docs/adr/")).toSorted();
    const numbers = decisions.map((page) => Number(/\d{4}/.exec(page)?.[0]));
    assert.deepEqual(
      numbers,
      decisions.map((_, index) => index + 1),
    );
    for (const [index, page] of decisions.entries()) {
      const [title, , status] = read(page).split("\n");
      assert.ok(title?.startsWith(`# ${index + 1}. `), page);
      assert.match(status ?? "", /^Date: [\d-]+(, revised [\d-]+)?\. Status: accepted\.$/, page);
    }
  });
});

/** Those within the repository, without what is in code. */
function linksOf(text: string): readonly string[] {
  const prose = text.replaceAll(/^```.*?^```/gms, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^https?:/.test(link));
}

/** Of what is in code: what reads like a sentence and is no command; … stands for its end. */
function sentencesOf(text: string): readonly string[] {
  const commands =
    /^(?:client-output-buffer-limit|composer|docker|grep|journalctl|kubectl|npm|npx|php|pogo-sidecar|systemctl)\b/;
  return [...text.matchAll(/`([a-z][\w',:;.% -]*)(?: …)?`/g)]
    .map(([, quoted = ""]) => quoted.trim())
    .filter((quoted) => quoted.split(" ").length >= 5)
    .filter((quoted) => !commands.test(quoted) && !/^\w+:/.test(quoted));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : join(dirname(page), path);
  if (!existsSync(join(root, target))) return false;
  return anchor === undefined || anchorsOf(read(target)).has(anchor);
}

function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.replaceAll(/^```.*?^```/gms, "").matchAll(/^#+ (.+)$/gm);
  return new Set([...headings].map(([, heading = ""]) => anchorOf(heading.replaceAll("`", ""))));
}
