/** Of traces. */

import assert from "node:assert/strict";
import type { tracing } from "../../../sidecar/config/table/tracing.ts";
import { waitFor } from "../../../sidecar/testing/eventually.ts";
import { startCollector } from "../../kit/collector.ts";
import type { Rows } from "./stage.ts";

export const tracingRows: Rows<typeof tracing> = {
  async POGO_TRACE_ENDPOINT({ test, start }) {
    const collector = await startCollector(test);
    await (await start(collector.url)).call("channels");
    await collector.span("GET /apps/{id}/channels");
  },
  async POGO_TRACE_HEADERS({ test, start }) {
    const collector = await startCollector(test);
    const sidecar = await start("x-token=a%20b", { POGO_TRACE_ENDPOINT: collector.url });
    await sidecar.call("channels");
    await waitFor(() => collector.requests[0]?.headers["x-token"] === "a b");
  },
  async POGO_TRACE_SERVICE_NAME({ test, start }) {
    const collector = await startCollector(test);
    await (await start("shop", { POGO_TRACE_ENDPOINT: collector.url })).call("channels");
    assert.equal((await collector.span("GET /apps/{id}/channels")).service, "shop");
  },
  async POGO_TRACE_SAMPLER({ test, start }) {
    const collector = await startCollector(test);
    const sidecar = await start("always_off", { POGO_TRACE_ENDPOINT: collector.url });
    await sidecar.call("channels");
    await sidecar.stop();
    assert.deepEqual(collector.requests, []);
  },
  async POGO_TRACE_SAMPLER_ARG({ test, start }) {
    const collector = await startCollector(test);
    const sidecar = await start("0", {
      POGO_TRACE_ENDPOINT: collector.url,
      POGO_TRACE_SAMPLER: "traceidratio",
    });
    await sidecar.call("channels");
    await sidecar.stop();
    assert.deepEqual(collector.requests, []);
  },
};
