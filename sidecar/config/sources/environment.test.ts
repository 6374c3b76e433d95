import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { readEnvironment } from "./environment.ts";

it("a name that the Laravel package reads from the app's .env is not an unknown option", () => {
  const file = join(import.meta.dirname, "../../../laravel/config/pogo.php");
  const names = [...readFileSync(file, "utf8").matchAll(/env\('(\w+)'/g)].map(([, name]) => name);
  assert.ok(names.includes("POGO_ADMIN_URL"));
  const env = Object.fromEntries(names.map((name) => [name, "value"]));
  assert.deepEqual(readEnvironment(env, new Map()).errors, []);
  const { errors } = readEnvironment({ POGO_ADMIN_URI: "value" }, new Map());
  assert.equal(errors.length, 1);
});
