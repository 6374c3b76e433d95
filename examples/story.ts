/** What happens in the demo, line by line: kept for those who come later, and sent to those who watch. */

export interface Line {
  readonly who: "demo" | "app" | "sidecar";
  readonly text: string;
  /** What to do about it, or more of it. */
  readonly detail?: string;
}

/** How things stand; the page draws its buttons by it. */
export interface Scene {
  readonly app: "running" | "stopped";
  readonly isSlow: boolean;
  readonly refuses: boolean;
  readonly sidecar: "running" | "restarting";
  /** Between the pages and the sidecar. */
  readonly line: "whole" | "cut";
  /** Empty until the sidecar runs. */
  readonly metricsUrl: string;
}

export type Told =
  | { readonly kind: "line"; readonly line: Line; readonly atMs: number }
  | { readonly kind: "scene"; readonly scene: Scene };

export interface Story {
  readonly scene: Scene;
  add(line: Line): void;
  change(scene: Partial<Scene>): void;
  /** First what was kept, then what happens, until the returned function is called. */
  watch(watcher: (told: Told) => void): () => void;
}

/** Lines that are kept for who comes later. */
const maxKept = 80;

export function createStory(now: () => number): Story {
  let scene: Scene = {
    app: "running",
    isSlow: false,
    refuses: false,
    sidecar: "running",
    line: "whole",
    metricsUrl: "",
  };
  const kept: Told[] = [];
  const watchers = new Set<(told: Told) => void>();
  const send = (told: Told): void => {
    for (const watcher of watchers) watcher(told);
  };
  return {
    get scene() {
      return scene;
    },
    add(line) {
      const told: Told = { kind: "line", line, atMs: now() };
      kept.push(told);
      if (kept.length > maxKept) kept.shift();
      send(told);
    },
    change(changed) {
      scene = { ...scene, ...changed };
      send({ kind: "scene", scene });
    },
    watch(watcher) {
      for (const told of kept) watcher(told);
      watcher({ kind: "scene", scene });
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** Fields that say the same in each line here, or nothing to who watches one page. */
const everywhere: ReadonlySet<string> = new Set(
  "level time version app_id socket_id request_id client_ip upstream bytes first_byte_ms".split(
    " ",
  ),
);

/** A line of the sidecar's log as the page shows it; null for what happens at every file of the page. */
export function toLine(json: string): Line | null {
  const entry = parse(json);
  if (!entry) return { who: "sidecar", text: json };
  const { msg, hint, ...fields } = entry;
  // Pages and their files; what is posted to the app is worth a line.
  if (fields["method"] === "GET" && fields["fault"] === undefined) return null;
  const words = Object.entries(fields)
    .filter(([name, value]) => !everywhere.has(name) && value !== null)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const text = [String(msg), ...words].join("  ");
  return { who: "sidecar", text, ...(typeof hint === "string" && { detail: hint }) };
}

function parse(json: string): Record<string, unknown> | null {
  try {
    const entry: unknown = JSON.parse(json);
    return typeof entry === "object" && entry !== null ? { ...entry } : null;
  } catch {
    return null;
  }
}
