/** The echo of a heartbeat: when it arrives, everything published before it has arrived too. */

export class Echo {
  readonly #timeoutMs: number;
  #expected: { readonly id: string; readonly resolve: (hasArrived: boolean) => void } | null = null;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** False if it has not arrived in time, or another one is expected meanwhile. */
  expect(id: string): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#expected?.resolve(false);
    this.#expected = { id, resolve };
    const timer = setTimeout(() => resolve(false), this.#timeoutMs);
    return promise.finally(() => clearTimeout(timer));
  }

  arrive(id: string): void {
    if (this.#expected?.id === id) this.#expected.resolve(true);
  }
}
