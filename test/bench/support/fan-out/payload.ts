/** What is published: a stamp that says when it left, then filler, or JSON as an app sends it. */

export type Content = "text" | "JSON";

/** Milliseconds since the epoch. */
export function createPayload(content: Content, bytes: number): (nowMs: number) => string {
  const rest = content === "text" ? "x".repeat(bytes) : records(bytes);
  return (nowMs) => `t=${nowMs.toFixed(3)};${rest}`.slice(0, bytes);
}

/** Rows of a table, each with other values. */
function records(bytes: number): string {
  let text = "";
  for (let id = 1_000; text.length < bytes; id++) {
    text += JSON.stringify({
      id,
      status: ["pending", "paid", "shipped"][id % 3],
      customer: `customer-${(id * 7_919) % 1_000}@example.com`,
      total: ((id * 104_729) % 100_000) / 100,
      created_at: `2026-11-${10 + (id % 18)}T12:${10 + (id % 50)}:00.000000Z`,
    });
  }
  return text;
}

/** When it left; undefined if it does not say. */
export function sentAtMs(payload: Buffer): number | undefined {
  // Of a long event the beginning is enough.
  const stamp = /t=([\d.]+);/.exec(payload.toString("latin1", 0, 200))?.[1];
  return stamp === undefined ? undefined : Number(stamp);
}
