/** A whole sidecar before an app of raw sockets, and requests written to it byte by byte. */

import { connectRaw, parseMessage, type Cleanup } from "../../../sidecar/testing/raw-http.ts";
import { requestsOf, startUpstream } from "../../../sidecar/testing/raw-upstream.ts";
import { startSidecar } from "../../kit/start.ts";

export type Behind = Awaited<ReturnType<typeof startBehind>>;

/** @param answers of the app, as `startUpstream` takes them */
export async function startBehind(
  test: Cleanup,
  { env = {}, answers = [] }: { env?: Readonly<Record<string, string>>; answers?: string[] } = {},
) {
  const upstream = await startUpstream(test, ...answers);
  const sidecar = await startSidecar(test, {
    POGO_UPSTREAM: `http://127.0.0.1:${upstream.port}`,
    ...env,
  });
  /** What came on a connection of its own until the sidecar closed it. */
  async function exchange(bytes: string): Promise<string> {
    const client = await connectRaw(test, sidecar.port);
    const text = await client.write(bytes).untilEnd();
    client.socket.destroy();
    return text;
  }
  return {
    upstream,
    sidecar,
    exchange,
    connect: () => connectRaw(test, sidecar.port),
    /** The status of the one answer; 0 if the connection closed without. */
    async statusOf(bytes: string): Promise<number> {
      const text = await exchange(bytes);
      return text === "" ? 0 : parseMessage(text).status;
    },
    /** Every whole request that has reached the app. */
    requests: () => upstream.connections.flatMap((connection) => requestsOf(connection)),
  };
}
