/** Of the HTTP API. */

import assert from "node:assert/strict";
import type { httpApi, publishing } from "../../../sidecar/config/table/http-api.ts";
import { announceBody, publish, type Rows } from "./stage.ts";

export const httpApiRows: Rows<typeof httpApi | typeof publishing> = {
  async POGO_MAX_REQUEST_SIZE({ start }) {
    assert.equal(await publish(await start("100"), 1, 100), 413);
  },
  async POGO_MAX_EVENT_NAME_LENGTH({ start }) {
    const sidecar = await start("5");
    const body = { name: "longer", channel: "news", data: "{}" };
    assert.notEqual((await sidecar.call("events", { body })).status, 200);
  },
  async POGO_MAX_EVENT_DATA({ start }) {
    const body = { name: "x", channel: "news", data: "x".repeat(11) };
    const { status } = await (await start("10")).call("events", { body });
    assert.equal(status, 413);
  },
  async POGO_MAX_CHANNELS_PER_EVENT({ start }) {
    const body = { name: "x", channels: ["one", "two"], data: "{}" };
    const { status } = await (await start("1")).call("events", { body });
    assert.notEqual(status, 200);
  },
  async POGO_API_PUBLISH_RATE({ start }) {
    const sidecar = await start("1", { POGO_API_PUBLISH_BURST: "1" });
    assert.deepEqual([await publish(sidecar, 1, 1), await publish(sidecar, 1, 1)], [200, 429]);
  },
  async POGO_API_PUBLISH_BURST({ start }) {
    const sidecar = await start("1", { POGO_API_PUBLISH_RATE: "1" });
    assert.deepEqual([await publish(sidecar, 1, 1), await publish(sidecar, 1, 1)], [200, 429]);
  },
  async POGO_API_BODY_TIMEOUT({ test, start }) {
    const { port } = await start("20ms");
    const client = await announceBody(test, port, 100);
    assert.match(await client.write("{").untilEnd(), /^HTTP\/1.1 408 /);
  },
  async POGO_MAX_UNVERIFIED_BODY_BYTES({ test, start }) {
    const { port } = await start("64KiB");
    const client = await announceBody(test, port, 100_000);
    assert.match(await client.write("x".repeat(20_000)).until("\r\n\r\n"), /^HTTP\/1.1 429 /);
  },
  async POGO_API_TIMESTAMP_TOLERANCE({ start }) {
    const sidecar = await start("10s");
    assert.equal((await sidecar.call("channels", { ageSeconds: 5 })).status, 200);
    assert.equal((await sidecar.call("channels", { ageSeconds: 20 })).status, 401);
  },
};
