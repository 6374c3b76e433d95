/** The app behind a node under attack: takes WebSockets and bodies, and reads what comes as fast as it can. Run as a process. */

import { createServer } from "node:net";

const switching =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

const server = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.once("data", (head: Buffer) => {
    if (/^upgrade: *websocket/im.test(head.toString("latin1"))) socket.write(switching);
    socket.resume();
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));
