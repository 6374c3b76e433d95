/** Whether several processes can share a port here (SO_REUSEPORT), and whether the wanted one is free. */

import { createServer } from "node:net";
import { listen, type ListenAddress } from "../http/listener.ts";
import { errorCode } from "../http/error-code.ts";

type TcpAddress = Extract<ListenAddress, { kind: "tcp" }>;

/** No port can be shared: the platform has no SO_REUSEPORT, or this Node does not use it. */
export class PortSharingError extends Error {
  constructor() {
    super(
      "POGO_WORKERS needs a port that processes can share (SO_REUSEPORT: Linux or FreeBSD, and Node 22.12 or newer), and here is none: leave POGO_WORKERS out, or let systemd pass the socket (LISTEN_FDS)",
    );
  }
}

/** Tries it on a free port: some platforms refuse, and Node before 22.12 does as if it had not been asked. */
export async function canSharePorts(host: string): Promise<boolean> {
  const [first, second] = [createServer(), createServer()];
  try {
    const address = { kind: "tcp", host, port: 0, reusePort: true } as const;
    const port = await listen(first, address);
    await listen(second, { ...address, port });
    return true;
  } catch (error) {
    if (["ENOTSUP", "EADDRINUSE", "EINVAL"].includes(errorCode(error) ?? "")) return false;
    throw error;
  } finally {
    first.close();
    second.close();
  }
}

/**
 * Workers that share a port would share it with whoever listens there already.
 *
 * @throws Error with Node's code: `EADDRINUSE`, `EACCES` …
 */
export async function checkPortIsFree(address: TcpAddress): Promise<void> {
  const probe = createServer();
  await listen(probe, { ...address, reusePort: false });
  await new Promise((resolve) => probe.close(resolve));
}
