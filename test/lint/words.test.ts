/** The words of ARCHITECTURE.md in names: what the field has no such word for was a private language. */

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

/** What operators type is a name in code once, where it becomes a function. */
const commands: ReadonlySet<string> = new Set(["sidecar/main.ts: hold"]);

/** Names in code: what is left when comments and texts are taken away, split at capitals and digits. */
function wordsOf(code: string): ReadonlySet<string> {
  const bare = code
    .replaceAll(/\/\*.*?\*\/|\/\/[^\n]*/gs, " ")
    .replaceAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/gs, " ");
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
