/** A worker that answers with what it is asked, and streams a line for each line that was taken. */

import { parseToWorker, type FromWorker } from "../workers/messages.ts";

const send = (message: FromWorker): void => void process.send?.(message);

process.on("message", (received) => {
  const message = parseToWorker(received);
  if (!message) return;
  switch (message.kind) {
    case "question":
      return send({
        kind: "answer",
        id: message.id,
        answer: { status: 200, text: `${message.path} ${message.body}` },
      });
    case "watch":
      return send({ kind: "line", id: message.id, text: `watch ${message.query}` });
    case "line_taken":
      return send({ kind: "line", id: message.id, text: "next" });
    case "unwatch":
      return send({ kind: "line", id: message.id, text: "nobody reads this" });
    case "stop":
      return process.disconnect();
  }
});
send({ kind: "listening" });
