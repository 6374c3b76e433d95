/**
 * `npm run release`: dates the CHANGELOG's newest version, which is package.json's, and says which commands publish it.
 * `npm run release -- next 0.2.0` begins the next one; `check TAG OWNER/NAME` and `notes` are the workflow's.
 */

import { readVersionedFiles, writeVersionedFiles } from "./release/files.ts";
import { begin, date, disagreements, notes } from "./release/versions.ts";

const root = new URL("../", import.meta.url);
const files = readVersionedFiles(root);

const [command = "date", ...args] = process.argv.slice(2);
const commands: Readonly<Record<string, () => void>> = {
  date() {
    refuse(disagreements(files));
    const dated = date(files, new Date().toISOString().slice(0, 10));
    writeVersionedFiles(root, dated.files);
    const tag = `v${dated.version}`;
    print(`CHANGELOG.md has the date. What publishes it:

  git commit --all --message "release ${dated.version}"
  git tag --annotate ${tag} --message ${tag}
  git push origin HEAD ${tag}

Then: npm run release -- next X.Y.Z`);
  },
  next() {
    const [version = ""] = args;
    if (!/^\d+\.\d+\.\d+$/.test(version)) refuse([`"${version}" is no version such as 0.2.0`]);
    writeVersionedFiles(root, begin(files, version));
  },
  check() {
    const [tag = "", repository = ""] = args;
    refuse(disagreements(files, { tag, repository }));
  },
  notes: () => print(notes(files)),
};

const run = Object.hasOwn(commands, command) ? commands[command] : undefined;
if (run) run();
else refuse([`there is no command ${command}: ${Object.keys(commands).join(", ")} are`]);

function refuse(reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  process.stderr.write(`${reasons.join("\n")}\n`);
  process.exit(1);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
