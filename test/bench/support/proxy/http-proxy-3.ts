/** http-proxy-3 as its own page shows it, with an agent that keeps connections. Run as a process. */

import { Agent, createServer } from "node:http";
import { createProxyServer } from "http-proxy-3";

const [, , port, appPort] = process.argv;
const proxy = createProxyServer({
  target: { host: "127.0.0.1", port: Number(appPort) },
  agent: new Agent({ keepAlive: true }),
});
proxy.on("error", () => undefined);
const server = createServer((req, res) => proxy.web(req, res));
server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
