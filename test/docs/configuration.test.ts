import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { renderConfigurationDocs } from "../../scripts/configuration-docs.ts";
import { commands } from "../../sidecar/cli/commands.ts";
import { formatErrors, loadConfig } from "../../sidecar/config.ts";
import { directives } from "../../sidecar/config/sources/directives.ts";
import { allOptions, perAppOptions } from "../../sidecar/config/table/table.ts";
import { input } from "../../sidecar/config/testing/given.ts";

describe("docs/configuration.md", () => {
  it("is what the option table says; npm run docs writes it", () => {
    const written = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
    assert.equal(written, renderConfigurationDocs());
  });

  it("has a row for each command that there is", () => {
    const [, section = ""] = renderConfigurationDocs().split("## Commands");
    const [table = ""] = section.split("\n## ");
    const rows = [...table.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, command]) => command);
    assert.deepEqual(rows, Object.keys(commands));
  });

  it("has an example of several apps that is complete: it is loaded as it stands there", () => {
    const [, section = ""] = renderConfigurationDocs().split("## Several apps");
    const [, json = ""] = /```json\n(.*?)```/s.exec(section) ?? [];
    const files = {
      "/etc/pogo.json": json,
      "/run/secrets/shop": "shop-secret\n",
      "/run/secrets/stats": "stats-secret\n",
      "/run/secrets/chat": "chat-secret\n",
    };
    const loaded = loadConfig(input({ argv: ["--config", "/etc/pogo.json"], files }));
    assert.ok(loaded.ok, loaded.ok ? "" : formatErrors(loaded.errors));
    const { apps, webhooks } = loaded.config;
    assert.deepEqual(
      apps.map(({ id, secret, maxConnections, clientEventRate }) => [
        id,
        secret,
        maxConnections,
        clientEventRate.perSecond,
      ]),
      [
        ["501", "shop-secret", 5000, 20],
        ["502", "chat-secret", null, 100],
      ],
    );
    assert.deepEqual(
      webhooks.apps.map(({ endpoints }) => endpoints.map(({ secret }) => secret)),
      [["shop-secret", "stats-secret"], []],
    );
  });

  it("names every key of an app", () => {
    const docs = renderConfigurationDocs();
    for (const { perApp } of perAppOptions) assert.ok(docs.includes(`\`${perApp}\``), perApp);
  });

  it("names every option, every name of Laravel's and every directive", () => {
    const docs = renderConfigurationDocs();
    const names = [
      ...allOptions.flatMap(({ env, flag, laravel, original }) => [env, flag, laravel, original]),
      ...directives.flatMap(({ name, env }) => [name, env]),
    ].filter((name) => name !== undefined);
    assert.deepEqual(
      names.filter((name) => !docs.includes(`\`${name}\``)),
      [],
    );
  });

  it("has as many cells in each row of a table as in its head", () => {
    let columns = 0;
    for (const line of renderConfigurationDocs().split("\n")) {
      const cells = line.startsWith("|") ? line.split(/(?<!\\)\|/).length : 0;
      if (columns > 0 && cells > 0) assert.equal(cells, columns, line);
      columns = cells;
    }
  });
});
