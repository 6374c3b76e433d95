/** For tests: clients that send and reset before a server of this process has accepted them. */

import { execFileSync } from "node:child_process";

/**
 * Opens `count` connections one after the other, sends `bytes` on each and resets it right behind them. This process
 * stands still meanwhile, so that a server in it accepts connections that are reset already.
 */
export function sendAndReset(port: number, bytes: string, count: number): void {
  const script = `
    const { connect } = require("node:net");
    const [port, bytes, count] = JSON.parse(process.argv[1]);
    (function next(left) {
      if (left === 0) return;
      const socket = connect(port, "127.0.0.1", () => {
        socket.write(Buffer.from(bytes, "latin1"), () => socket.resetAndDestroy());
      });
      socket.on("close", () => next(left - 1));
      socket.on("error", () => {});
    })(count);`;
  execFileSync(process.execPath, ["-e", script, JSON.stringify([port, bytes, count])]);
}
