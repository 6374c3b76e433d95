import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { recordReports } from "../core/testing/doubles.ts";
import { createTimers } from "../testing/timers.ts";
import type { Answer } from "./messages.ts";
import { Supervisor, WorkerStartError } from "./supervisor.ts";
import type { WorkerExit, WorkerProcess } from "./worker-process.ts";

/** A process that does what the test says. */
function createProcess(pid: number) {
  const listening = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<WorkerExit>();
  const log: string[] = [];
  const process: WorkerProcess = {
    pid,
    listening: listening.promise,
    exited: exited.promise,
    ask: (path): Promise<Answer> => Promise.resolve({ status: 200, text: `${pid}${path}` }),
    watch: () => ({ lineTaken: () => undefined, close: () => undefined }),
    stop: (skipsDelay) => void log.push(`stop ${skipsDelay}`),
    kill: () => void log.push("kill"),
  };
  return {
    process,
    log,
    listen: async () => {
      listening.resolve();
      await turn();
    },
    exit: async (code: number | null, signal: string | null = null) => {
      exited.resolve({ code, signal, error: null });
      await turn();
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

function supervise(count: number) {
  const timers = createTimers();
  const { report, events } = recordReports();
  const processes: (ReturnType<typeof createProcess> & { readonly worker: number })[] = [];
  const supervisor = new Supervisor({
    count,
    startProcess(worker) {
      const made = createProcess(1_000 + processes.length);
      processes.push({ ...made, worker });
      return made.process;
    },
    startTimeoutMs: 60_000,
    stopTimeoutMs: 15_000,
    report,
    now: timers.now,
    random: () => 0,
    timers,
  });
  const latest = () => processes.at(-1) ?? assert.fail("none was started");
  return { supervisor, timers, events, processes, latest };
}

async function start(count: number) {
  const stage = supervise(count);
  const started = stage.supervisor.start();
  for (const { listen } of stage.processes) await listen();
  await started;
  return stage;
}

describe("Supervisor", () => {
  it("says whenever there is another answer to who listens", async () => {
    const { supervisor, processes, latest, timers } = supervise(2);
    const seen: number[][] = [];
    const stopFollowing = supervisor.onChange(
      () => void seen.push([...supervisor.listening.keys()]),
    );
    const started = supervisor.start();
    for (const { listen } of processes) await listen();
    await started;
    await processes[0]?.exit(1);
    timers.pass(500);
    await latest().listen();
    assert.deepEqual(seen, [[1], [1, 2], [2], [1, 2]]);
    stopFollowing();
    await latest().exit(1);
    assert.equal(seen.length, 4);
  });

  it("has started once all workers listen", async () => {
    const { supervisor, processes } = supervise(2);
    let hasStarted = false;
    const started = supervisor.start().then(() => (hasStarted = true));
    assert.deepEqual(
      processes.map(({ worker }) => worker),
      [1, 2],
    );
    await processes[0]?.listen();
    assert.deepEqual([hasStarted, supervisor.listeningCount], [false, 1]);
    await processes[1]?.listen();
    await started;
    assert.deepEqual([supervisor.hasStarted, supervisor.listeningCount], [true, 2]);
  });

  it("gives up where a worker can't start, and stops the others", async () => {
    const { supervisor, processes } = supervise(2);
    const refused = assert.rejects(supervisor.start(), (error) => {
      assert.ok(error instanceof WorkerStartError);
      assert.deepEqual([error.worker, error.end.code], [2, 78]);
      return true;
    });
    await processes[0]?.listen();
    await processes[1]?.exit(78);
    await refused;
    assert.deepEqual(processes[0]?.log, ["stop true"]);
    assert.equal(processes.length, 2);
  });

  it("kills a worker that neither listens nor ends, and gives up the start with its name", async () => {
    const { supervisor, timers, processes } = supervise(2);
    const refused = assert.rejects(supervisor.start(), (error) => {
      assert.ok(error instanceof WorkerStartError);
      assert.deepEqual(
        [error.worker, error.end.hasTimedOut, error.end.uptimeMs],
        [2, true, 60_000],
      );
      return true;
    });
    await processes[0]?.listen();
    timers.pass(59_999);
    assert.deepEqual(processes[1]?.log, []);
    timers.pass(1);
    assert.deepEqual([processes[0]?.log, processes[1]?.log], [[], ["kill"]]);
    await processes[1]?.exit(null, "SIGKILL");
    await refused;
    assert.deepEqual(processes[0]?.log, ["stop true"]);
  });

  it("kills one that it has started again and that does not listen, and starts it once more", async () => {
    const { events, timers, processes, latest } = await start(2);
    await processes[0]?.exit(1);
    timers.pass(250);
    timers.pass(60_000);
    assert.deepEqual(latest().log, ["kill"]);
    await latest().exit(null, "SIGKILL");
    assert.deepEqual(
      events.map((event) => event.kind === "worker_exited" && [event.worker, event.hasTimedOut]),
      [
        [1, false],
        [1, true],
      ],
    );
    timers.pass(500);
    assert.equal(processes.length, 4);
  });

  it("a stop while it starts ends those that do not listen within five seconds", async () => {
    const { supervisor, timers, processes, events } = supervise(2);
    void supervisor.start();
    await processes[0]?.listen();
    const stopped = supervisor.stop(false);
    await processes[0]?.exit(0);
    timers.pass(5_000);
    assert.deepEqual(processes[1]?.log, ["stop false", "kill"]);
    await processes[1]?.exit(null, "SIGKILL");
    await stopped;
    assert.deepEqual(events, [{ kind: "worker_stop_timed_out", worker: 2, timeoutMs: 5_000 }]);
    assert.equal(timers.pending, 0);
  });

  it("starts a worker again that ended, under its number, sooner after a sound run than in a row of failures", async () => {
    const { events, timers, processes, latest } = await start(2);
    timers.pass(70_000);
    await processes[1]?.exit(1);
    assert.equal(processes.length, 2);
    timers.pass(250);
    assert.deepEqual([processes.length, latest().worker], [3, 2]);
    for (const waitedMs of [500, 1_000, 2_000]) {
      await latest().exit(null, "SIGKILL");
      const { length } = processes;
      timers.pass(waitedMs - 1);
      assert.equal(processes.length, length);
      timers.pass(1);
      assert.equal(processes.length, length + 1);
    }
    await latest().listen();
    timers.pass(60_000);
    await latest().exit(0);
    assert.deepEqual(
      events.map((event) => event.kind === "worker_exited" && [event.code, event.restartInMs]),
      [
        [1, 250],
        [null, 500],
        [null, 1_000],
        [null, 2_000],
        [0, 250],
      ],
    );
  });

  it("waits half a minute at most between starts", async () => {
    const { events, timers, latest } = await start(1);
    for (let failures = 0; failures < 12; failures++) {
      await latest().exit(1);
      timers.pass(30_000);
    }
    const last = events.at(-1);
    assert.equal(last?.kind === "worker_exited" && last.restartInMs, 15_000);
  });

  it("asks those that listen", async () => {
    const { supervisor, processes } = await start(2);
    await processes[0]?.exit(1);
    assert.deepEqual(await supervisor.ask("/livez"), [
      { worker: 2, pid: 1_001, answer: { status: 200, text: "1001/livez" } },
    ]);
  });

  it("stops all at once, once, and has stopped when the last one has ended", async () => {
    const { supervisor, timers, processes, events } = await start(2);
    let hasStopped = false;
    const stopped = supervisor.stop(false).then(() => (hasStopped = true));
    void supervisor.stop(true);
    assert.deepEqual(
      processes.map(({ log }) => log),
      [["stop false"], ["stop false"]],
    );
    await processes[0]?.exit(0);
    assert.equal(hasStopped, false);
    await processes[1]?.exit(0);
    await stopped;
    assert.deepEqual([timers.pending, processes.length, events.length], [0, 2, 0]);
  });

  it("kills a worker that does not stop in time", async () => {
    const { supervisor, timers, processes, events } = await start(1);
    const stopped = supervisor.stop(false);
    timers.pass(15_000);
    assert.deepEqual(processes[0]?.log, ["stop false", "kill"]);
    assert.deepEqual(events, [{ kind: "worker_stop_timed_out", worker: 1, timeoutMs: 15_000 }]);
    await processes[0]?.exit(null, "SIGKILL");
    await stopped;
  });

  it("starts nobody again who was waiting for it when a stop came", async () => {
    const { supervisor, timers, processes } = await start(2);
    await processes[0]?.exit(1);
    const stopped = supervisor.stop(false);
    await processes[1]?.exit(0);
    await stopped;
    timers.pass(60_000);
    assert.equal(processes.length, 2);
  });
});
