/** The app behind the proxies that are measured: answers every request with a page of 1 KB. Run as a process. */

import { createServer } from "node:net";

const body = "x".repeat(1_024);
const page = Buffer.from(
  [
    "HTTP/1.1 200 OK",
    "Date: Fri, 27 Nov 2026 12:00:00 GMT",
    "Content-Type: text/html; charset=UTF-8",
    "Cache-Control: no-cache, private",
    "Set-Cookie: XSRF-TOKEN=abcdefghijklmnop; path=/",
    "Set-Cookie: laravel_session=abcdefghijklmnop; path=/; httponly",
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n"),
);

const server = createServer((socket) => {
  let begun = "";
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    begun += chunk.toString("latin1");
    for (;;) {
      const headEnd = begun.indexOf("\r\n\r\n");
      if (headEnd === -1) return;
      const end = bodyEnd(begun, headEnd + 4);
      if (end === null || begun.length < end) return;
      begun = begun.slice(end);
      socket.write(page);
    }
  });
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));

/** Where the request that begins `text` ends; null: not known yet. */
function bodyEnd(text: string, bodyStart: number): number | null {
  const head = text.slice(0, bodyStart);
  if (/^transfer-encoding:/im.test(head)) {
    const last = text.indexOf("0\r\n\r\n", bodyStart);
    return last === -1 ? null : last + 5;
  }
  return bodyStart + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
}
