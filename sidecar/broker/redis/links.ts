/** The connections to Redis, for every way in which Redis is run: standalone, behind sentinels, or a cluster. */

import { Cluster, Redis } from "ioredis";
import { connectSubscriber, createCommands, type RedisAccess } from "./clients.ts";
import { encodeCommon, type Argument, type Common, type Script } from "./scripts/script.ts";
import { explainError } from "./errors.ts";
import { SubscriberLink } from "./subscriber-link.ts";

/** The Redis command that carries a message: sharded in a cluster that can (7.0), else to all of its nodes. */
export type PublishCommand = "PUBLISH" | "SPUBLISH";

export interface Links {
  /** True while commands can be sent. */
  readonly isReady: boolean;
  /** Calls back when commands can no longer be sent, or can again. */
  onChange(callback: () => void): void;
  /** How messages are published here; rejects while that can't be found out. */
  publishCommand(): Promise<PublishCommand>;
  /** Rejects with what Redis said, or after the timeout; then the outcome is not known. The base says where it runs. */
  run<A extends readonly unknown[], R>(
    script: Script<A, R>,
    common: Omit<Common, "publishCommand">,
    ...args: A
  ): Promise<R>;
  /** Publishes one message without a script. */
  publish(topic: string, message: string): Promise<unknown>;
  /** The link that brings what is published for an app; several apps may share one. */
  subscriber(base: string): SubscriberLink;
  close(): void;
  /** What went wrong last, in Redis' or the system's words. */
  readonly lastError: string;
  /** What is wrong now, as seen from elsewhere; null: nothing, and what was is over. */
  explain(error: string | null): void;
}

/** Starts connecting at once, and does so for ever. Never throws for a Redis that isn't there. */
export function createLinks(access: RedisAccess): Links {
  const commands = createCommands(access);
  const callbacks = new Set<() => void>();
  const subscribers = new Map<string, SubscriberLink>();
  let lastError = "not connected yet";
  let publishCommand: Promise<PublishCommand> | null = null;
  /** Connected, and to the right database. */
  let isUsable = false;
  const change = (isUsableNow: boolean): void => {
    isUsable = isUsableNow;
    for (const callback of callbacks) callback();
  };
  for (const event of ["close", "end"]) commands.on(event, () => change(false));
  commands.on("ready", () => void useDatabase());
  function remember(error: unknown): void {
    lastError = explainError(error) ?? lastError;
  }
  commands.on("error", remember);

  /** ioredis has asked for it already, and would go on with database 0 where there is no such one. */
  async function useDatabase(): Promise<void> {
    try {
      if (commands instanceof Redis && access.db > 0) await commands.select(access.db);
      change(true);
    } catch (error) {
      remember(error);
      commands.disconnect(true);
    }
  }

  async function findPublishCommand(): Promise<PublishCommand> {
    if (!(commands instanceof Cluster)) return "PUBLISH";
    const [master] = commands.nodes("master");
    if (!master) throw new Error("the cluster has no master");
    const info: unknown = await within(master.call("COMMAND", "INFO", "SPUBLISH"));
    return Array.isArray(info) && info[0] ? "SPUBLISH" : "PUBLISH";
  }

  /** ioredis would wait and send again for longer than anybody waits for us. */
  async function within<T>(answer: Promise<T>): Promise<T> {
    const { promise: timeout, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new Error("no answer in time"));
      giveUp();
    }, access.timeoutMs);
    try {
      return await Promise.race([answer, timeout]);
    } catch (error) {
      remember(error);
      throw error;
    } finally {
      clearTimeout(timer);
      answer.catch(() => {}); // It was said above, or nobody waits for it any more.
    }
  }

  /** A hung server would keep the connection: behind it there may be another master by now. */
  function giveUp(): void {
    if (commands.status === "ready") commands.disconnect(true);
  }

  async function evaluate(
    { sha, text }: { readonly sha: string; readonly text: string },
    base: string,
    args: readonly Argument[],
  ): Promise<unknown> {
    try {
      return await commands.evalsha(sha, 1, base, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      return commands.eval(text, 1, base, ...args);
    }
  }

  return {
    get isReady() {
      return isUsable && commands.status === "ready";
    },
    onChange: (callback) => void callbacks.add(callback),
    async publishCommand() {
      publishCommand ??= findPublishCommand();
      try {
        return await publishCommand;
      } catch (error) {
        publishCommand = null;
        throw error;
      }
    },
    async run(script, { base, graceMs }, ...args) {
      const common = { base, graceMs, publishCommand: await this.publishCommand() };
      const all = [...encodeCommon(common), ...script.args(...args)];
      return script.reply(await within(evaluate(script, base, all)));
    },
    async publish(topic, message) {
      const command = await this.publishCommand();
      const sent =
        command === "SPUBLISH"
          ? commands.spublish(topic, message)
          : commands.publish(topic, message);
      return within(sent);
    },
    subscriber(base) {
      const key = commands instanceof Cluster ? base : "";
      const found = subscribers.get(key);
      if (found) return found;
      const link = new SubscriberLink({
        connect: () => connectSubscriber(commands, base, access),
        isSharded: async () => (await this.publishCommand()) === "SPUBLISH",
        timeoutMs: access.timeoutMs,
        onError: remember,
      });
      subscribers.set(key, link);
      return link;
    },
    close() {
      for (const link of subscribers.values()) link.close();
      commands.disconnect();
    },
    get lastError() {
      return lastError;
    },
    explain(error) {
      lastError = error ?? "the connection was closed";
    },
  };
}
