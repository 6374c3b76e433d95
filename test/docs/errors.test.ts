import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { renderErrorsDocs } from "../../scripts/errors-docs.ts";
import { errors } from "../../sidecar/core/errors.ts";
import { app, startSidecar } from "../kit/start.ts";

const page = renderErrorsDocs();

describe("docs/errors.md", () => {
  it("is what the catalogues say; npm run docs writes it", () => {
    const written = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
    assert.equal(written, page);
  });

  it("has every error of the protocol, and what to do about each", () => {
    for (const { code, message } of Object.values(errors)) {
      assert.ok(page.includes(String(code)) && page.includes(message), message);
    }
    for (const row of page.matchAll(/^\| \d{4} .*$/gm)) {
      const action = row[0].split(" | ").at(-1)?.replace(/ \|$/, "");
      assert.ok(action !== "" && action !== "–", row[0]);
    }
  });

  it("has as many cells in each row of a table as in its head", () => {
    let columns = 0;
    for (const line of page.split("\n")) {
      const cells = line.startsWith("|") ? line.split(/(?<!\\)\|/).length : 0;
      if (columns > 0 && cells > 0) assert.equal(cells, columns, line);
      columns = cells;
    }
  });

  it("says of what has no catalogue what the sidecar answers", async (t) => {
    const sidecar = await startSidecar(t);
    const answerTo = async (
      ...call: Parameters<typeof sidecar.call>
    ): Promise<[number, string]> => {
      const { status, text } = await sidecar.call(...call);
      return [status, text];
    };
    const other = { ...app, id: "9" };
    const unknown = "No matching application for ID [9].";
    assert.deepEqual(await answerTo("channels", {}, other), [404, unknown]);
    assert.deepEqual(await answerTo("events"), [405, "Method not allowed."]);
    assert.deepEqual(await answerTo("channels/presence-empty/users"), [404, "{}"]);
    const forged = await answerTo("channels", { secret: "another" });
    assert.deepEqual(forged, [401, "Authentication signature invalid."]);
    const stray = await fetch(`${sidecar.url}/elsewhere`);
    assert.deepEqual([stray.status, await stray.text()], [404, "Not found."]);
  });
});
