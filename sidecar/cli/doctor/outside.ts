/** Checks of the sidecar from outside, through the address that browsers and Laravel use. */

import { once } from "node:events";
import { WebSocket } from "ws";
import { md5, sign } from "../../core/signature.ts";
import { showDuration } from "../../core/duration.ts";
import { appAnswers } from "./app.ts";
import { askUrl } from "./ask.ts";
import { address } from "./machine.ts";
import { hint, isOwnPort, ok, wrong, type Check, type Finding, type Subject } from "./check.ts";

const deadlineMs = 5_000;

export const publishes: Check = {
  name: "publishing",
  needs: [address],
  async run({ config, app, url }) {
    const path = `/apps/${app.id}/events`;
    const body = JSON.stringify({ name: "doctor", channels: ["pogo-doctor"], data: "{}" });
    const query = new URLSearchParams({
      auth_key: app.key,
      auth_timestamp: String(Math.floor(Date.now() / 1000)),
      auth_version: "1.0",
      body_md5: md5(Buffer.from(body)),
    });
    query.set("auth_signature", sign(app.secret, `POST\n${path}\n${query.toString()}`));
    const target = new URL(`${config.server.pathPrefix}${path}?${query.toString()}`, url);
    const headers = { "Content-Type": "application/json" };
    const answer = await askUrl(target, { method: "POST", headers, body });
    if (!answer.ok) {
      const fix = answer.isRefused ? listenFix(url, config.server.port) : addressFix;
      return wrong(`${url.origin}: ${answer.why}`, fix);
    }
    switch (answer.status) {
      case 200:
        return ok(`an event is taken at ${url.origin}`);
      case 401:
        return wrong(
          `${url.origin} refuses the signature (401)`,
          "another sidecar, or one with other credentials, answers there: compare its REVERB_APP_* with these",
        );
      case 404:
        return wrong(
          `${url.origin}${target.pathname} is not found (404)`,
          "what answers there is not the sidecar, or a sidecar without this app id; see REVERB_HOST, REVERB_PORT and REVERB_SERVER_PATH",
        );
      default:
        return wrong(
          `${url.origin} answers ${answer.status}`,
          answer.status >= 300 && answer.status < 400
            ? "publish to the address that it redirects to: REVERB_SCHEME and REVERB_HOST"
            : "the sidecar's log says why",
        );
    }
  },
};

const addressFix =
  "start the sidecar, or set REVERB_HOST, REVERB_PORT and REVERB_SCHEME to where it is reached (--url tries another address)";

/** Nothing listens where Laravel publishes to and browsers connect. */
function listenFix(url: URL, ownPort: number): string {
  return isOwnPort(url, ownPort)
    ? "start the sidecar: pogo-sidecar"
    : `in the app's .env: REVERB_PORT=${ownPort}, which is the sidecar's own (POGO_PORT); or start the proxy that is to listen at ${url.host} (--url tries another address)`;
}

export const connects: Check = {
  name: "WebSocket",
  needs: [publishes],
  async run(subject) {
    const { config, app, url } = subject;
    const target = new URL(`${config.server.pathPrefix}/app/${app.key}?protocol=7`, url);
    target.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(target, {
      origin: url.origin,
      handshakeTimeout: deadlineMs,
      ...(subject.cookie !== null && { headers: { Cookie: subject.cookie } }),
    });
    // Of a socket that is closed before it is open.
    socket.on("error", () => {});
    try {
      return await firstMessage(socket, url);
    } finally {
      socket.terminate();
    }
  },
};

async function firstMessage(socket: WebSocket, url: URL): Promise<Finding> {
  const { promise: refused, resolve } = Promise.withResolvers<Finding>();
  socket.once("unexpected-response", (_request, response) =>
    resolve(explainStatus(response.statusCode ?? 0, url)),
  );
  socket.once("error", (error) =>
    resolve(wrong(`no WebSocket to ${url.origin}: ${error.message}`, addressFix)),
  );
  const message = once(socket, "message", { signal: AbortSignal.timeout(deadlineMs) }).then(
    ([data]: unknown[]) => explainMessage(String(data), url),
    () => wrong(`${url.origin} took the handshake and says nothing`, "is it the sidecar?"),
  );
  return Promise.race([refused, message]);
}

function explainStatus(status: number, url: URL): Finding {
  const isProxy = [200, 400, 404, 426, 502].includes(status);
  return wrong(
    `${url.origin} answers the WebSocket handshake with ${status}`,
    isProxy
      ? "a proxy in front does not pass Upgrade on. nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host $http_host;"
      : status === 429
        ? "the handshake limit is reached: behind a proxy name it in POGO_TRUSTED_PROXIES"
        : "what answers there is not the sidecar",
  );
}

function explainMessage(text: string, url: URL): Finding {
  if (text.includes("pusher:connection_established")) return ok(`opens at ${url.origin}`);
  const code = /\\?"code\\?":\s*(\d+)/.exec(text)?.[1];
  switch (code) {
    case "4001":
      return wrong(
        "the key is unknown there (4001)",
        "another sidecar answers at this address: compare its REVERB_APP_KEY with yours",
      );
    case "4009":
      return wrong(
        `the origin ${url.origin} is not allowed (4009)`,
        `add ${url.hostname} to REVERB_ALLOWED_ORIGINS`,
      );
    case "4100":
    case "4004":
      return wrong(
        `no more connections are taken (${code})`,
        "raise POGO_MAX_CONNECTIONS or POGO_APP_MAX_CONNECTIONS",
      );
    default:
      return wrong("an unexpected first message", "is it the sidecar?");
  }
}

/** By half of what a publisher's clock may be off (`auth_timestamp`) it is soon too much. */
export const clock: Check = {
  name: "clock",
  // It is the app's answer that says the time.
  needs: [publishes, appAnswers],
  async run({ config, url }: Subject) {
    const answer = await askUrl(new URL("/up", url));
    const date = answer.ok ? Date.parse(answer.headers.date ?? "") : Number.NaN;
    if (Number.isNaN(date)) {
      return hint("the other side does not say its time", "compare it by hand: date -u");
    }
    // The field has whole seconds.
    const offMs = Math.round(Math.abs(Date.now() - date) / 1000) * 1000;
    const toleranceMs = config.httpApi.timestampToleranceSeconds * 1000;
    const apart = offMs === 0 ? "the same" : `${showDuration(offMs)} apart`;
    return offMs < toleranceMs / 2
      ? ok(apart)
      : wrong(
          `${apart}: publishes are refused beyond ${showDuration(toleranceMs)}`,
          "synchronize the clocks (timedatectl set-ntp true)",
        );
  },
};
