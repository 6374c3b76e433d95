/** Checks of the running sidecar and what it depends on: its ports, the proxies in front, Redis. */

import { createServer } from "node:net";
import { createCommands } from "../../broker/redis/clients.ts";
import { reachableHost, urlHost } from "../../http/host.ts";
import { listen, showListenAddress, toListenAddress } from "../../http/listener.ts";
import { askUrl, explainError } from "./ask.ts";
import { hint, isOwnPort, ok, skipped, wrong, type Check } from "./check.ts";
import { errorCode } from "../../http/error-code.ts";
import { publishes } from "./outside.ts";

export const running: Check = {
  name: "sidecar",
  async run({ config }) {
    const { host, port } = config.admin;
    const admin = new URL(`http://${urlHost(reachableHost(host))}:${port}`);
    const answer = await askUrl(new URL("/readyz", admin));
    if (answer.ok && answer.status === 200) return ok(`runs, and is ready (${admin.origin})`);
    if (answer.ok) {
      return wrong(`runs, and is not ready: ${answer.text.trim()}`, "see its log");
    }
    const address = toListenAddress(config.server, null);
    const probe = createServer();
    try {
      const boundPort = await listen(probe, address);
      const free = showListenAddress(address, boundPort);
      return wrong(`does not run (${free} is free)`, "start it: pogo-sidecar");
    } catch (error) {
      const code = errorCode(error) ?? "";
      return wrong(
        `its admin port does not answer, and its port can't be had (${code})`,
        "another program has the port, often php artisan reverb:start: stop it, or choose another port with POGO_PORT",
      );
    } finally {
      probe.close();
    }
  },
};

export const proxies: Check = {
  name: "proxies in front",
  // What does not answer, or is another server, says nothing about a proxy.
  needs: [publishes],
  async run({ config, url }) {
    const { trustedProxies } = config.forwarding;
    const { port } = config.server;
    if (isOwnPort(url, port)) return ok(`none: ${url.origin} is the sidecar's own port`);
    return trustedProxies.length > 0
      ? ok(`trusted: ${trustedProxies.join(", ")}`)
      : hint(
          `${url.origin} is not the sidecar's own port (${port}), and no proxy is trusted: the app sees http, and the proxy's address for every visitor`,
          "set POGO_TRUSTED_PROXIES to the proxy's address or network, such as 10.0.0.0/8",
        );
  },
};

export const redis: Check = {
  name: "Redis",
  async run({ config }) {
    if (!config.redis) return skipped("not used: one node");
    const commands = createCommands(config.redis);
    // It comes as the rejection of a command too.
    commands.on("error", () => {});
    try {
      await new Promise<void>((resolve, reject) => {
        commands.once("ready", resolve);
        commands.once("error", reject);
      });
      const version = /redis_version:(\S+)/.exec(await commands.info("server"))?.[1];
      const policy = /maxmemory_policy:(\S+)/.exec(await commands.info("memory"))?.[1];
      if (policy?.startsWith("allkeys")) {
        return wrong(
          `maxmemory-policy is ${policy}: Redis may drop who is where`,
          "set maxmemory-policy to noeviction or volatile-lru in redis.conf",
        );
      }
      const hasShardedPubSub = Number(version?.split(".")[0]) >= 7;
      return ok(
        `${version} answers${hasShardedPubSub ? "" : "; with 7 or newer, events would be sharded"}`,
      );
    } catch (error) {
      // Of what a server repeats of a command, the password may be a part.
      const why = errorCode(error) === null ? "it answers with an error" : explainError(error);
      const isDenied = error instanceof Error && /^(WRONGPASS|NOAUTH|NOPERM)/.test(error.message);
      return isDenied
        ? wrong(
            `refuses this user (${error.message.split(" ")[0]})`,
            "see REDIS_USERNAME and REDIS_PASSWORD, and docs/scaling.md for what the user may do",
          )
        : wrong(`can't be had: ${why}`, "see POGO_REDIS_HOST and POGO_REDIS_PORT");
    } finally {
      commands.disconnect();
    }
  },
};
