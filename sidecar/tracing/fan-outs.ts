/** One span for everything that a publish sends to this node's connections, over all its channels. */

import type { ChannelEvent } from "../core/ports.ts";
import type { Span, TraceContext, Tracer } from "../core/trace.ts";

export interface FanOutsOptions {
  readonly tracer: Tracer;
  /** Runs its argument once all that was sent so far has been written to its socket. */
  readonly afterWrites: (run: () => void) => void;
}

interface FanOut {
  readonly span: Span<"fan_out">;
  readonly appId: string;
  channels: number;
  recipients: number;
  bytes: number;
}

export class FanOuts {
  readonly #options: FanOutsOptions;
  /** Those that are not written yet, by the publish's span. */
  #open = new Map<string, FanOut>();

  constructor(options: FanOutsOptions) {
    this.#options = options;
  }

  /** @param broadcast sends it, and returns to how many */
  deliver(event: ChannelEvent, broadcast: (event: ChannelEvent) => number): void {
    const { trace, appId, dataJson } = event;
    if (!trace) return void broadcast(event);
    const fanOut = this.#fanOutOf(trace, appId);
    const recipients = broadcast(event);
    fanOut.channels += 1;
    fanOut.recipients += recipients;
    fanOut.bytes += recipients * Buffer.byteLength(dataJson);
  }

  #fanOutOf(trace: TraceContext, appId: string): FanOut {
    const open = this.#open.get(trace.spanId);
    if (open) return open;
    const span = this.#options.tracer.begin("fan_out", trace);
    const begun = { span, appId, channels: 0, recipients: 0, bytes: 0 };
    this.#open.set(trace.spanId, begun);
    // Behind what else the publish brings in this turn.
    if (this.#open.size === 1) queueMicrotask(() => this.#options.afterWrites(() => this.#end()));
    return begun;
  }

  #end(): void {
    const ended = this.#open;
    this.#open = new Map();
    for (const { span, ...fields } of ended.values()) span.end(fields);
  }
}
