/** A worker's console streams, sent to the supervisor line by line, no faster than somebody reads them. */

import type { FromWorker } from "./messages.ts";

/** The console of this process. */
export interface WorkerConsole {
  readonly ask: (question: {
    /** The path below `/console/`. */
    readonly name: string;
    readonly query: URLSearchParams;
    /** Null: it only reads. */
    readonly fields: Readonly<Record<string, unknown>> | null;
  }) => Promise<{ readonly status: number; readonly text: string }>;
  /** Null: as many look as may. */
  readonly watch: (
    query: URLSearchParams,
    receiver: { readonly send: (line: string) => boolean },
  ) => Watching | null;
}

interface Watching {
  resume(): void;
  close(): void;
}

export interface WorkerStreams {
  open(id: number, query: string): void;
  lineTaken(id: number): void;
  /** Harmless when it is closed already. */
  close(id: number): void;
}

/** Lines of one stream that are on their way, or not taken yet. */
export const maxLinesAhead = 8;

interface Stream {
  linesAhead: number;
  watching: Watching | null;
}

export function createWorkerStreams(
  loadConsole: () => Promise<WorkerConsole>,
  send: (message: FromWorker) => void,
): WorkerStreams {
  const streams = new Map<number, Stream>();

  async function watch(id: number, stream: Stream, query: URLSearchParams): Promise<void> {
    const console = await loadConsole();
    // Closed before it was opened.
    if (!streams.has(id)) return;
    stream.watching = console.watch(query, {
      send(text) {
        send({ kind: "line", id, text });
        stream.linesAhead += 1;
        return stream.linesAhead < maxLinesAhead;
      },
    });
  }

  return {
    open(id, query) {
      const stream: Stream = { linesAhead: 0, watching: null };
      streams.set(id, stream);
      void watch(id, stream, new URLSearchParams(query));
    },
    lineTaken(id) {
      const stream = streams.get(id);
      if (!stream) return;
      stream.linesAhead -= 1;
      stream.watching?.resume();
    },
    close(id) {
      streams.get(id)?.watching?.close();
      streams.delete(id);
    },
  };
}
