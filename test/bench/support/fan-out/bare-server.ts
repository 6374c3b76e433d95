/** What is measured beside: a bare server on `ws` that calls `send` for each subscriber, and checks nothing. */

import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const established = JSON.stringify({ event: "pusher:connection_established", data: "{}" });
const subscribed = JSON.stringify({ event: "pusher_internal:subscription_succeeded", data: "{}" });

const server = createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  req.on("end", () => {
    const { name, channels, data } = JSON.parse(Buffer.concat(chunks).toString() || "{}");
    const text = JSON.stringify({ event: name, channel: channels?.[0], data });
    for (const client of webSockets.clients) client.send(text);
    res.end("{}");
  });
});
const perMessageDeflate = process.env["DEFLATE"] !== undefined && {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 512,
};
const webSockets = new WebSocketServer({ server, perMessageDeflate });
webSockets.on("connection", (socket) => {
  socket.send(established);
  socket.on("message", () => socket.send(subscribed));
});
server.listen(Number(process.env["PORT"]), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
