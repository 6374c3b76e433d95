import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, it } from "node:test";
import { availableCores } from "./cores.ts";

/** In a cgroup with these quotas, by the folder below /sys/fs/cgroup. */
function coresIn(cgroup: string, quotas: Readonly<Record<string, string>> = {}): number {
  const files = new Map([["/proc/self/cgroup", `${cgroup}\n`]]);
  for (const [folder, quota] of Object.entries(quotas)) {
    files.set(`/sys/fs/cgroup${folder}/cpu.max`, `${quota}\n`);
  }
  return availableCores((path) => files.get(path) ?? "");
}

const all = availableParallelism();

describe("cores that a process may use", () => {
  it("a quota of less than two cores is one, and so is one below a core", () => {
    for (const quota of ["150000 100000", "100000 100000", "50000 100000", "1000 100000"]) {
      assert.equal(coresIn("0::/", { "": quota }), 1, quota);
    }
  });

  it("a quota of many cores does not make more of them than there are", () => {
    assert.equal(coresIn("0::/", { "": "102400000 100000" }), all);
  });

  it("without a quota all that Node names", () => {
    assert.equal(coresIn("0::/", { "": "max 100000" }), all);
    assert.equal(coresIn("0::/"), all);
  });

  it("the lowest quota of a cgroup and its parents counts, in a hybrid hierarchy too", () => {
    const below = { "/system.slice": "100000 100000", "/system.slice/pogo.service": "max 100000" };
    assert.equal(coresIn("0::/system.slice/pogo.service", below), 1);
    assert.equal(coresIn("1:name=systemd:/\n0::/system.slice/pogo.service", below), 1);
    assert.equal(coresIn("0::/other.slice", below), all);
  });

  it("a quota that can't be read or understood is no limit", () => {
    assert.equal(coresIn("0::/", { "": "soon" }), all);
    assert.equal(coresIn("4:cpu,cpuacct:/docker/1"), all);
    assert.equal(coresIn(""), all);
  });
});
