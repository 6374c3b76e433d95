/** Vite's dev server on a page of two files, as a developer has it running. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "vite";
import { freePort } from "../../../sidecar/testing/ports.ts";

export interface Vite {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** What its client authenticates its WebSocket with. */
  readonly token: string;
  /** Saves `main.js`, as an editor does: it shows `text` on the page and takes updates of itself. */
  save(text: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startVite(): Promise<Vite> {
  const root = await mkdtemp(join(tmpdir(), "vite-"));
  const port = await freePort();
  const save = (text: string): Promise<void> => writeFile(join(root, "main.js"), mainJs(text));
  await writeFile(join(root, "index.html"), indexHtml);
  await save("one");
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "error",
    cacheDir: join(root, ".vite"),
    server: { host: "127.0.0.1", port, strictPort: true },
  });
  await server.listen();
  return {
    url: `http://127.0.0.1:${port}`,
    token: server.config.webSocketToken,
    save,
    stop: async () => {
      await server.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

const indexHtml = '<p id="text"></p>\n<script type="module" src="/main.js"></script>\n';

function mainJs(text: string): string {
  return [
    `document.getElementById("text").textContent = ${JSON.stringify(text)};`,
    "import.meta.hot.accept();",
    "",
  ].join("\n");
}
