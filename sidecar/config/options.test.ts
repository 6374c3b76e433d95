import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { formatErrors, loadConfig } from "../config.ts";
import { directives } from "./directives.ts";
import { renderConfigurationDocs } from "./docs.ts";
import { describeFlags } from "./describe.ts";
import { allOptions, options, perAppOptions } from "./options.ts";
import { input } from "./testing/given.ts";

describe("the option table", () => {
  it("has every option in one group", () => {
    assert.equal(allOptions.length, Object.keys(options).length);
    assert.deepEqual(new Set(allOptions), new Set(Object.values(options)));
  });

  it("gives no name to two options", () => {
    const names = allOptions.flatMap(({ env, flag, laravel, original }) =>
      [env, flag, laravel, original].filter((name) => name !== undefined),
    );
    assert.deepEqual(names.toSorted(), [...new Set(names)].toSorted());
  });

  it("gives no two options the same place in an app of the config file", () => {
    const places = perAppOptions.map(({ perApp }) => perApp);
    assert.deepEqual(places.toSorted(), [...new Set(places)].toSorted());
  });

  for (const { env, parser, fallback, required, docs } of allOptions) {
    it(`${env}: its default is a value, and its text says something`, () => {
      const shown = parser.show(fallback);
      if (!required && shown !== "") {
        assert.deepEqual(parser.parse(shown), { ok: true, value: fallback });
      }
      assert.match(
        docs,
        /^[A-Z][^|\n]{20,}\.$/,
        "starts upper case, ends with a full stop, one line",
      );
    });
  }

  it("has the defaults of the original's directives", () => {
    const expected = {
      max_connections: "10000",
      max_auth_body: "16384",
      max_concurrent_auth: "100",
      handshake_rate: "100",
      handshake_burst: "50",
      client_msg_rate_limit: "50",
      client_msg_rate_burst: "20",
      ping_period: "54s",
      pong_wait: "60s",
      write_wait: "10s",
      shutdown_timeout: "10s",
      broker_queue_size: "1024",
      redis_db: "0",
      redis_tls: "false",
    };
    for (const [name, text] of Object.entries(expected)) {
      const option = directives.find((row) => row.name === name)?.option;
      assert.equal(option && option.parser.show(option.fallback), text, name);
    }
  });

  it("answers for every directive of the original", () => {
    const original =
      "app_id app_key app_secret auth_path auth_script num_workers max_connections max_auth_body max_concurrent_auth num_shards handshake_rate handshake_burst outbound_queue_size broker_queue_size shard_queue_size write_burst_size enable_compression allowed_origins client_msg_rate_limit client_msg_rate_burst ping_period pong_wait write_wait shutdown_timeout webhook_url webhook_secret redis_host redis_password redis_db redis_tls";
    const names = new Set(directives.map(({ name }) => name));
    assert.deepEqual(
      original.split(" ").filter((name) => !names.has(name)),
      [],
    );
  });
});

describe("docs/configuration.md", () => {
  it("is what the option table says; npm run docs writes it", () => {
    const written = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
    assert.equal(written, renderConfigurationDocs());
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
      ...directives.map(({ name }) => name),
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

describe("usage", () => {
  it("has every flag, each with its name in the environment", () => {
    const usage = describeFlags();
    for (const { flag, env } of allOptions) {
      assert.match(usage, new RegExp(`^  ${flag} <`, "m"));
      assert.match(usage, new RegExp(`^      ${env}[,;]`, "m"));
    }
  });

  it("fits a terminal: no line is longer than 160 characters", () => {
    const long = describeFlags()
      .split("\n")
      .filter((line) => line.length > 160);
    assert.deepEqual(long, []);
  });
});
