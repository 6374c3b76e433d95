/** Reads single numbers from a sidecar's /metrics. */

/** The value of one series, written as it stands there: `name` or `name{label="value"}`; 0 when there is none. */
export async function readMetric(adminUrl: string, series: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length));
}
