/** A later version of the sidecar, made of this one: its messages have a field more, and there is a kind of message more. */

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "../../kit/process.ts";
import type { Scope } from "./cluster.ts";

interface Patch {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const patches: readonly Patch[] = [
  {
    file: "sidecar/broker/redis/envelope.ts",
    from: '    type: "event",\n    id,\n    node,\n    event,\n',
    to: '    type: "event",\n    trace: { id: "4bf92f35", flags: [1] },\n    id,\n    node,\n    event,\n',
  },
  {
    file: "sidecar/broker/redis/envelope.ts",
    from: 'type: "terminate", id, user: userId }',
    to: 'type: "terminate", reason: "signed out", id, user: userId }',
  },
  {
    file: "sidecar/broker/redis/scripts/script.ts",
    from: "  message.v = ${envelopeVersion}\n",
    to: "  message.v, message.since, message.why = ${envelopeVersion}, 17, { 'left' }\n",
  },
  {
    file: "sidecar/broker/redis/scripts/script.ts",
    from: "  redis.call(publish, base .. '${topicMark}' .. channel, text)\n",
    to: [
      "  local topic = base .. '${topicMark}' .. channel",
      '  redis.call(publish, topic, \'{"v":1,"type":"channel_renamed","to":"x"}\')',
      "  redis.call(publish, topic, text)\n",
    ].join("\n"),
  },
];

/** Its folder, which goes with the scope. @throws when the code is no longer what is patched here */
export function makeNextVersion(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "pogo-next-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(repository, "sidecar"), join(folder, "sidecar"), { recursive: true });
  cpSync(join(repository, "package.json"), join(folder, "package.json"));
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  for (const { file, from, to } of patches) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    assert.equal(text.split(from).length, 2, `${file} has ${from.trim()} once`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }
  return folder;
}
