/** The least that forwards HTTP on Node: its server, its client and an agent that keeps connections. Run as a process. */

import { Agent, createServer, request } from "node:http";

const [, , port, appPort] = process.argv;
const agent = new Agent({ keepAlive: true });

const server = createServer((req, res) => {
  const { method, url: path, rawHeaders } = req;
  const headers = [...rawHeaders];
  const forwarded = request(
    { host: "127.0.0.1", port: Number(appPort), agent, method, path, headers },
    (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
      answer.pipe(res);
    },
  );
  forwarded.on("error", () => res.destroy());
  req.pipe(forwarded);
});
server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
