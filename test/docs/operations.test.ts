/** That the figures of docs/operations.md are those that were measured, and its sums add up. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { allOptions } from "../../sidecar/config/table/table.ts";

const folder = new URL("../../docs/", import.meta.url);
const read = (page: string): string => readFileSync(new URL(page, folder), "utf8");
const page = read("operations.md");

/** The cells of a table's rows, by the first words of its head. */
function tableOf(head: string): string[][] {
  const [, rows = ""] = page.split(`| ${head} |`)[1]?.split(/\| ---.*\n/) ?? [];
  return rows
    .slice(0, rows.indexOf("\n\n"))
    .split("\n")
    .map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

describe("docs/operations.md", () => {
  const figures = tableOf("What | Takes");

  it("has figures of each kind", () => assert.ok(figures.length >= 8, String(figures.length)));

  for (const [what = "", takes = "", source = ""] of figures) {
    it(`${what}: ${takes} is what was measured`, () => {
      const [, file = ""] = /\]\(([^)#]+)/.exec(source) ?? [];
      const [figure = ""] = /^[\d.,–]+/.exec(takes) ?? [];
      assert.notEqual(figure, "");
      const measured = new RegExp(`(?<![\\d.,])${figure.replaceAll(".", "\\.")}(?![\\d.]|,\\d)`);
      assert.match(read(file), measured);
    });
  }

  it("plans with these figures, and with the defaults", () => {
    const plan = page.split("## A capacity plan")[1]?.split("\n## ")[0] ?? "";
    for (const figure of ["9.1 µs", "110 MiB", "5.5 KB", "143 µs", "55 µs"]) {
      assert.ok(
        figures.some(([, takes]) => takes?.startsWith(figure)),
        figure,
      );
      assert.ok(plan.includes(figure), figure);
    }
    const fallback = (env: string) => allOptions.find((row) => row.env === env)?.fallback;
    assert.equal(fallback("POGO_MAX_CONNECTIONS"), 10_000);
    assert.equal(fallback("POGO_MAX_UPSTREAM_CONNECTIONS"), 512);
    assert.equal(fallback("POGO_OUTBOUND_TOTAL_BYTES"), 128 * 1_024 ** 2);
  });

  it("works the example out", () => {
    const example = page.split("An example: ")[1] ?? "";
    const [, connections = "", publishes = "", reached = "", deliveries = "", workers = ""] =
      /C = ([\d,]+), P = (\d+), of which each reaches (\d+), so that D = ([\d,]+); W = (\d+)/.exec(
        example,
      ) ?? [];
    const [c, p, d, w] = [connections, publishes, deliveries, workers].map((text) =>
      Number(text.replaceAll(",", "")),
    );
    assert.ok(c && p && d && w);
    assert.equal(d, p * Number(reached));
    const nodes = Math.ceil(c / 8_000) + 1;
    const perNode = c / nodes;
    const core = d * 9.1e-6;
    const memoryMiB = 110 + (perNode * 5_500) / 1_024 ** 2 + 128;
    for (const sentence of [
      `= ${nodes - 1} and one more`,
      `= ${core.toFixed(2)} of a core`,
      `${nodes} nodes with ${perNode.toLocaleString("en")} connections and ${(core / nodes).toFixed(2)} of a core each`,
      `= ${memoryMiB.toFixed(0)} MiB`,
      `= ${(c * 143e-6).toFixed(1)} s of CPU, ${((c * 143e-6) / nodes).toFixed(1)} s a node`,
      `/ ${w} = ${((c * 0.02) / w).toFixed(0)} s`,
      `= ${(p * 55e-6).toFixed(2)} of a core`,
    ]) {
      assert.ok(example.includes(sentence), sentence);
    }
  });
});
