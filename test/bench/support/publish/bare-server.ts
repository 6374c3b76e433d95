/** The least that a publish costs a node:http server: read the body, check MD5 and HMAC, parse the JSON, answer. */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const [port, secret] = process.argv.slice(2);

const server = createServer((req, res) => {
  const pieces: Buffer[] = [];
  req.on("data", (piece: Buffer) => pieces.push(piece));
  req.on("end", () => {
    const body = Buffer.concat(pieces);
    const [path = "", search = ""] = (req.url ?? "").split("?");
    const params = new URLSearchParams(search);
    const signature = params.get("auth_signature") ?? "";
    params.delete("auth_signature");
    params.sort();
    const text = `${req.method}\n${path}\n${params}`;
    const expected = createHmac("sha256", secret ?? "")
      .update(text)
      .digest("hex");
    const isSigned = timingSafeEqual(Buffer.from(expected), Buffer.from(signature));
    const isWhole = createHash("md5").update(body).digest("hex") === params.get("body_md5");
    const { channels } = JSON.parse(body.toString());
    const status = isSigned && isWhole && Array.isArray(channels) ? 200 : 401;
    res.writeHead(status, { "Content-Type": "application/json", "Content-Length": 2 });
    res.end("{}");
  });
});

server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
