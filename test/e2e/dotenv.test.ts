/** That a `.env` is read here as Laravel reads it: both read the same files, made up by chance. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseDotenv, resolveDotenv } from "../../sidecar/config/sources/dotenv.ts";
import { needsLaravel } from "./support/needs.ts";

const laravel = join(import.meta.dirname, "laravel");

/** Reads a JSON list of files, writes a JSON list of their values, null for one that is none. */
const reader = `
require 'vendor/autoload.php';
echo json_encode(array_map(function ($content) {
  $repository = Dotenv\\Repository\\RepositoryBuilder::createWithNoAdapters()
    ->addAdapter(Dotenv\\Repository\\Adapter\\ArrayAdapter::class)->immutable()->make();
  try {
    $entries = (new Dotenv\\Parser\\Parser())->parse($content);
    $values = [];
    (new Dotenv\\Loader\\Loader())->load($repository, $entries);
    foreach ($entries as $entry) $values[$entry->getName()] = $repository->get($entry->getName());
    return (object) array_filter($values, fn ($value) => $value !== null);
  } catch (Dotenv\\Exception\\InvalidFileException $error) {
    return null;
  }
}, json_decode(stream_get_contents(STDIN), true)));
`;

const piece = fc.constantFrom(
  ...Array.from("AB=\"'\\#$ \n{}1"),
  "A=",
  "\nB=",
  "\nB='",
  '\nB="',
  "${A}",
  "${B}",
  "\\n",
  '\\"',
  "export ",
  " # ",
  '"\n',
  "'\n",
  "\r\n",
);
const file = fc.array(piece, { maxLength: 14 }).map((pieces) => `A=${pieces.join("")}`);

describe("a .env file", { skip: needsLaravel() }, () => {
  it("has the values that Laravel's own loader reads, and is refused where that refuses it", () => {
    const files = fc.sample(file, 5_000);
    const { stdout, stderr } = spawnSync("php", ["-r", reader], {
      cwd: laravel,
      input: JSON.stringify(files),
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    const theirs = JSON.parse(stdout || assert.fail(stderr)) as (Record<string, string> | null)[];
    assert.equal(theirs.length, files.length);
    assert.ok(theirs.filter((values) => values !== null).length > 500);
    for (const [index, content] of files.entries()) {
      const parsed = parseDotenv(content);
      const values = parsed.ok
        ? Object.fromEntries(resolveDotenv(parsed.entries, () => undefined))
        : null;
      assert.deepEqual(values, theirs[index], JSON.stringify(content));
    }
  });
});
