import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { load } from "../testing/given.ts";
import { directives } from "./directives.ts";

/** From the original's Caddyfile parser; the five of `fanout_` it refuses itself, as removed. */
const inCaddyfile =
  "app_id app_key app_secret auth_path auth_script num_workers max_connections max_auth_body max_concurrent_auth num_shards handshake_rate handshake_burst outbound_queue_size broker_queue_size shard_queue_size write_burst_size enable_compression allowed_origins client_msg_rate_limit client_msg_rate_burst ping_period pong_wait write_wait shutdown_timeout webhook_url webhook_secret redis_host redis_password redis_db redis_tls fanout_mode fanout_round_size fanout_round_yield fanout_backpressure_threshold fanout_backpressure_max_wait".split(
    " ",
  );

/** All that it reads of the environment but `REVERB_APP_…`, each with a value that it takes. */
const inEnvironment: Readonly<Record<string, string>> = {
  POGO_WS_CLIENT_MSG_RATE_LIMIT: "7",
  POGO_WS_CLIENT_MSG_RATE_BURST: "7",
  POGO_WS_BROKER_QUEUE_SIZE: "7",
  POGO_WS_OUTBOUND_QUEUE_SIZE: "256",
  POGO_WS_SHARD_QUEUE_SIZE: "1024",
  POGO_WS_WRITE_BURST_SIZE: "64",
  POGO_WS_ENABLE_COMPRESSION: "true",
  POGO_WS_HOT_PATH_METRICS: "true",
};

describe("the original's names", () => {
  it("are answered for, every one, and none that it does not have", () => {
    const names = directives.filter(({ name }) => name !== "hot_path_metrics");
    assert.deepEqual(names.map(({ name }) => name).toSorted(), inCaddyfile.toSorted());
    const inOurs = directives.flatMap(({ env }) => env ?? []);
    assert.deepEqual(inOurs.toSorted(), Object.keys(inEnvironment).toSorted());
  });

  for (const [name, text] of Object.entries(inEnvironment)) {
    it(`${name} starts: as there, or with one warning that says what does its job`, () => {
      const loaded = load({ env: { [name]: text } });
      assert.ok(loaded.ok);
      const directive = directives.find(({ env }) => env === name);
      const isRead = directive?.option?.original === name;
      const setting = loaded.settings.find(({ option }) => option === directive?.option);
      if (isRead) assert.equal(setting?.source, name);
      assert.deepEqual(
        loaded.warnings.map((warning) => warning.name),
        isRead ? [] : [name],
      );
    });
  }

  it("that switch something off that is not here have no warning", () => {
    for (const name of ["POGO_WS_HOT_PATH_METRICS", "POGO_WS_ENABLE_COMPRESSION"]) {
      const loaded = load({ env: { [name]: "false" } });
      assert.deepEqual(loaded.ok && loaded.warnings, []);
    }
  });

  it("the warning names the option that does the job, or says what to do without one", () => {
    const messageOf = (name: string): string => {
      const loaded = load({ env: { [name]: inEnvironment[name] ?? "" } });
      return loaded.ok ? (loaded.warnings[0]?.message ?? "") : "";
    };
    assert.match(
      messageOf("POGO_WS_OUTBOUND_QUEUE_SIZE"),
      /^it has no effect here: it counted messages.* Set POGO_OUTBOUND_QUEUE_BYTES instead\.$/,
    );
    assert.match(messageOf("POGO_WS_SHARD_QUEUE_SIZE"), /there are no shards\. Remove it\.$/);
  });
});
