/**
 * What a single node leaves to its successor: one file, written when it stops and read once when the next one starts.
 */

import { randomUUID } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Hub } from "../core/hub.ts";
import { isObject, parseJson } from "../core/json.ts";
import { isUserId } from "../core/user-id.ts";
import type { ChannelEvent } from "../core/ports.ts";
import type { MemoryLog } from "../core/recovery/memory-log.ts";
import type { MemorySessions } from "../core/recovery/memory-sessions.ts";
import { encodeSession, parseSession, type Seat, type Session } from "../core/recovery/session.ts";
import type { Report } from "../core/report.ts";
import type { DirectoryProblem } from "../core/report/recovery.ts";
import { errorCode } from "../http/error-code.ts";

export interface KeptApp {
  readonly hub: Hub;
  readonly log: MemoryLog;
  readonly sessions: MemorySessions;
}

const fileName = "pogo-recovery.json";
/** Another number where an older or newer version would get it wrong. */
const version = 1;

/** Never throws: what can't be written is reported. @param nowMs of the node's clock; atMs: since 1970 */
export function saveState(
  directory: string,
  apps: readonly KeptApp[],
  { nowMs, atMs, report }: { nowMs: number; atMs: number; report: Report },
): void {
  const path = join(directory, fileName);
  const temporary = `${path}.${randomUUID()}`;
  try {
    const text = JSON.stringify({ version, atMs, apps: apps.map((app) => encodeApp(app, nowMs)) });
    writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    report({ kind: "recovery_state_failed", step: "write", reason: reasonOf(error) });
    removeFile(temporary, report);
  }
}

/** Goes on with what the predecessor had, whose file stays until `discardState`. Never throws. */
export function restoreState(
  directory: string,
  apps: readonly KeptApp[],
  { atMs, report }: { atMs: number; report: Report },
): void {
  const path = join(directory, fileName);
  // What will be wrong at the stop is said while there is time to mend it.
  try {
    accessSync(`${directory}/`, constants.W_OK | constants.X_OK);
  } catch (error) {
    const problem = problems.get(errorCode(error) ?? "") ?? "unusable";
    const reason = reasonOf(error);
    return report({ kind: "recovery_directory_unusable", directory, problem, reason });
  }
  try {
    const text = readFile(path);
    if (text === null) return;
    const json = parseJson(text);
    if (!json.ok || !isObject(json.value) || json.value["version"] !== version) {
      throw new Error("it is none of this version");
    }
    const { atMs: savedMs, apps: saved } = json.value;
    if (typeof savedMs !== "number" || !Array.isArray(saved)) throw new Error("fields are missing");
    const agoMs = Math.max(0, atMs - savedMs);
    let sessions = 0;
    for (const entry of saved) sessions += restoreApp(entry, apps, agoMs);
    report({ kind: "recovery_state_restored", sessions });
  } catch (error) {
    report({ kind: "recovery_state_failed", step: "read", reason: reasonOf(error) });
  }
}

const problems: ReadonlyMap<string, DirectoryProblem> = new Map([
  ["ENOENT", "missing"],
  ["ENOTDIR", "no_directory"],
  ["EACCES", "not_writable"],
  ["EROFS", "not_writable"],
]);

/** Once a node serves with it: a start that fails leaves it for the next one. Never throws. */
export function discardState(directory: string, report: Report): void {
  removeFile(join(directory, fileName), report);
}

function removeFile(path: string, report: Report): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    // Where no directory is there is no file in it.
    if (errorCode(error) === "ENOTDIR") return;
    report({ kind: "recovery_state_failed", step: "read", reason: reasonOf(error) });
  }
}

/** Null: there is none. */
function readFile(path: string): string | null {
  let file: number;
  try {
    // A link could lead anywhere.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
  try {
    const { uid, mode } = fstatSync(file);
    if (uid !== userInfo().uid || (mode & 0o077) !== 0) {
      throw new Error("it is another user's, or readable to others");
    }
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

function encodeApp({ hub, log, sessions }: KeptApp, nowMs: number) {
  const events = [...log.entries()].map(({ number, event }) => [
    number,
    event.channel,
    event.event,
    event.dataJson,
    event.exceptSocketId ?? null,
    event.userId ?? null,
  ]);
  const waiting = [...sessions.entries()].map(([token, { session, endsMs }]) => [
    token,
    Math.round(endsMs - nowMs),
    encodeSession(withGaps(session, log)),
  ]);
  return { id: hub.app.id, delivered: log.delivered, events, sessions: waiting };
}

/** Which of a channel's events were gone the file does not say: so the seats do that miss any of them. */
function withGaps(session: Session, log: MemoryLog): Session {
  const seats = [...session.seats].map(([channel, seat]): [string, Seat] => {
    const isWhole = seat.gap !== null || log.reachesBack(channel, seat.earliest);
    return [channel, isWhole ? seat : { ...seat, gap: "bounds" }];
  });
  return { ...session, seats: new Map(seats) };
}

/** Returns how many sessions go on. */
function restoreApp(saved: unknown, apps: readonly KeptApp[], agoMs: number): number {
  if (!isObject(saved)) throw new Error("fields are missing");
  const { id, delivered, events, sessions } = saved;
  const app = apps.find(({ hub }) => hub.app.id === id);
  // An app that is no longer configured.
  if (!app) return 0;
  if (!Number.isSafeInteger(delivered) || !Array.isArray(events) || !Array.isArray(sessions)) {
    throw new Error("fields are missing");
  }
  app.log.restore(
    Number(delivered),
    events.map((row) => readEvent(row, app.hub.app.id)),
  );
  let count = 0;
  for (const row of sessions) count += restoreSession(row, app, agoMs);
  return count;
}

function readEvent(row: unknown, appId: string): { number: number; event: ChannelEvent } {
  const [number, channel, event, dataJson, except, user]: unknown[] = Array.isArray(row) ? row : [];
  if (typeof number !== "number" || typeof channel !== "string" || typeof event !== "string") {
    throw new Error("an event has no name");
  }
  // It goes into a frame as it is.
  const isJson = typeof dataJson === "string" && parseJson(dataJson).ok;
  if (!isJson) throw new Error("an event has no data");
  return {
    number,
    event: {
      appId,
      channel,
      event,
      dataJson,
      ...(typeof except === "string" && { exceptSocketId: except }),
      ...(isUserId(user) && { userId: user }),
    },
  };
}

function restoreSession(row: unknown, { hub, sessions }: KeptApp, agoMs: number): number {
  const [token, leftMs, text]: unknown[] = Array.isArray(row) ? row : [];
  const session = typeof text === "string" ? parseSession(text) : null;
  if (typeof token !== "string" || typeof leftMs !== "number" || !session) {
    throw new Error("a session is damaged");
  }
  if (leftMs <= agoMs) return 0;
  sessions.restore(token, session, leftMs - agoMs);
  for (const [channel, { member }] of session.seats) {
    if (member) hub.expect(token, channel, member);
  }
  return 1;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
