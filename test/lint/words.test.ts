/** The words of ARCHITECTURE.md in names and texts: what the field has no such word for was a private language. */

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

const avoided: ReadonlySet<string> = new Set(
  "tell tells told hear hears heard fact facts thing things beat beats hold holds held spread stranger strangers weigh weighs note notes noted".split(
    " ",
  ),
);

/** What operators type is a name in code twice: where it becomes a function, and where it is explained. */
const commands: ReadonlySet<string> = new Set([
  "sidecar/main.ts: hold",
  "sidecar/cli/commands.ts: hold",
]);

/** Names in code: what is left when comments and texts are taken away, split at capitals and digits. */
function wordsOf(code: string): ReadonlySet<string> {
  // Together, for an address in a text has what begins a comment.
  const bare = code.replaceAll(
    /\/\*.*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/gs,
    " ",
  );
  const names = bare.match(/[A-Za-z_$][\w$]*/g) ?? [];
  return new Set(
    names.flatMap((name) => name.split(/(?=[A-Z])|[\d_$]+/)).map((word) => word.toLowerCase()),
  );
}

test("names in the source are of the field's words", () => {
  const found = globSync("sidecar/**/*.ts", { cwd: root })
    .filter((file) => !file.endsWith(".test.ts") && !file.includes("/testing/"))
    .flatMap((file) =>
      [...wordsOf(readFileSync(join(root, file), "utf8"))]
        .filter((word) => avoided.has(word))
        .map((word) => `${file}: ${word}`)
        .filter((found) => !commands.has(found)),
    );
  assert.deepEqual(found, []);
});

/** What people search for when they have read it: *hold* is the command. */
const avoidedInTexts =
  /\b(ours|theirs|strangers?|tells?|told|hears?|heard|facts?|things?|beats?|spreads?|weighs?|notes?|noted|settles?)\b/i;

/** Text literals of a file, without what is in backticks within them: names are as they are. */
function textsOf(path: string): readonly string[] {
  const code = readFileSync(join(root, path), "utf8").replaceAll(
    /\/\*.*?\*\/|^\s*\/\/[^\n]*/gms,
    "",
  );
  const literals = code.match(/"(?:[^"\\\n]|\\.)*"/g) ?? [];
  return literals.map((text) => text.replaceAll(/`[^`]*`/g, ""));
}

test("log lines, hints, texts of metrics, alerts and errors are of the field's words", () => {
  const files = globSync(
    [
      "sidecar/observability/{events,metrics}/*.ts",
      "sidecar/core/errors.ts",
      "sidecar/{http/refusal,ws/refusals,authorizer/explain}.ts",
      "sidecar/console/{causes,limits,remedies}.ts",
      "sidecar/console/page/*.js",
      "sidecar/cli/doctor/*.ts",
      "scripts/{alerts,dashboard,symptoms}/*.ts",
      "scripts/error-causes.ts",
    ],
    { cwd: root },
  );
  assert.ok(files.length >= 30);
  const found = files.flatMap((file) =>
    textsOf(file)
      .filter((text) => avoidedInTexts.test(text))
      .map((text) => `${file}: ${text}`),
  );
  assert.deepEqual(found, []);
});

test("titles of tests are of the field's words", () => {
  const files = globSync("{sidecar,test,examples}/**/*.test.ts", { cwd: root });
  const found = files.flatMap((file) => {
    const titles = readFileSync(join(root, file), "utf8").matchAll(
      /^\s*(?:it|test|describe)\(\s*(["`].*)/gm,
    );
    return [...titles]
      .map(([, title = ""]) => title.split(/(?<=["`]), /)[0] ?? "")
      .filter((title) => avoidedInTexts.test(title))
      .map((title) => `${file}: ${title}`);
  });
  assert.deepEqual(found, []);
});
