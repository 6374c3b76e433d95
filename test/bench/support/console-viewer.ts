/** Who looks at the console, as its page does: reads the stream, and asks for a list every two seconds. */

const everyMs = 2_000;

export interface ConsoleViewer {
  /** Gives how many entries it was shown. */
  stop(): number;
}

/** Resolves once it is shown something. @param admin the address of the admin port */
export async function lookAtConsole(admin: URL): Promise<ConsoleViewer> {
  const ended = new AbortController();
  const { signal } = ended;
  const answer = await fetch(new URL("/console/stream", admin), { signal });
  if (!answer.ok || !answer.body) throw new Error(`the console answered ${answer.status}`);
  let shown = 0;
  const ignored = (): void => undefined;
  void read(answer.body, (entries) => (shown += entries)).catch(ignored);
  const timer = setInterval(() => {
    for (const list of ["connections", "channels"]) {
      void fetch(new URL(`/console/${list}`, admin), { signal })
        .then((found) => found.text())
        .catch(ignored);
    }
  }, everyMs);
  return {
    stop() {
      clearInterval(timer);
      ended.abort();
      return shown;
    },
  };
}

async function read(body: ReadableStream, count: (entries: number) => void): Promise<void> {
  let rest = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = JSON.parse(line) as { type: string; entries?: readonly unknown[] };
      if (message.type === "entries") count(message.entries?.length ?? 0);
    }
  }
}
