/** The console's actions: close a connection, publish a test event, ask the app again about a refused subscribe. */

import { explainAnswer, type Asked } from "../authorizer/explain.ts";
import type { Authorizer, Replayed } from "../authorizer/authorizer.ts";
import { authorizationCauses } from "../console/causes.ts";
import type { ConsoleActions, Explanation, TestEvent } from "../console/sources.ts";
import type { App } from "../core/app.ts";
import type { Hub } from "../core/hub.ts";
import type { Broker } from "../core/ports.ts";
import { checkPublication } from "../core/publishing.ts";
import type { Report } from "../core/report.ts";
import { terminate } from "../core/terminate.ts";
import type { ConsoleAction } from "../core/report/node.ts";
import { fieldsOf } from "../http/headers.ts";
import { refusalHint } from "../observability/events/authorizer.ts";

export interface ConsoleActionsOptions {
  readonly hubs: readonly Hub[];
  readonly broker: Broker;
  /** Null: there is no app behind. */
  readonly authorizer: Authorizer | null;
  readonly authPath: string;
  readonly report: Report;
}

export function createConsoleActions(options: ConsoleActionsOptions): ConsoleActions {
  const { hubs, broker, authorizer, authPath, report } = options;
  let isReplaying = false;

  function used(app: App, action: ConsoleAction): void {
    report({ kind: "console_used", appId: app.id, action });
  }

  function find(socketId: string) {
    for (const hub of hubs) {
      const connection = hub.connections.get(socketId);
      if (connection) return { hub, connection };
    }
    return null;
  }

  return {
    disconnect(socketId) {
      const found = find(socketId);
      if (!found) return false;
      terminate(found.hub, found.connection);
      used(found.hub.app, "disconnect");
      return true;
    },
    async publish({ appId, channel, event, data }: TestEvent) {
      const app = hubs.find((hub) => hub.app.id === appId)?.app;
      if (!app) return "No app has this id.";
      const refusal = checkPublication(app, { name: event, data, channels: [channel] });
      if (refusal) return refusal.message;
      const dataJson = JSON.stringify(data);
      const result = await broker.publish([{ appId, channel, event, dataJson }]);
      if (!result.ok) return `The event was not published: ${result.reason}.`;
      used(app, "publish");
      return null;
    },
    async replay(socketId, channel) {
      const found = find(socketId);
      if (!found) return gone;
      if (!authorizer) return noApp;
      if (isReplaying) return busy;
      const { app, handshake } = found.connection;
      const isGuest = !fieldsOf(handshake.rawHeaders).some(([name]) => credentials.test(name));
      used(app, "replay");
      isReplaying = true;
      const { signal } = new AbortController();
      const request = { app, socketId, channel, handshake, credential: null, signal };
      const replayed = await authorizer.replay(request).finally(() => (isReplaying = false));
      if (isGuest && isDenied(replayed)) return guest;
      return explain({ app, socketId, channel, authPath }, replayed);
    },
  };
}

function explain(asked: Asked, replayed: Replayed): Explanation {
  if (replayed.isAnswered) return explainAnswer(asked, replayed.status, replayed.body);
  const { reason } = replayed;
  const text = authorizationCauses[reason];
  return { isAllowed: false, text, fix: refusalHint(reason) ?? "see the app's own log" };
}

/** Of a handshake: what shows the app who asks. */
const credentials = /^(cookie|authorization)$/i;

function isDenied(replayed: Replayed): boolean {
  return replayed.isAnswered && (replayed.status === 401 || replayed.status === 403);
}

const guest: Explanation = {
  isAllowed: false,
  text: "The app says no to a guest: the page's handshake came without a cookie.",
  fix: "log in first, and have the page connect to the host that its cookie is for (wsHost in Echo)",
};

const gone: Explanation = {
  isAllowed: false,
  text: "This connection has ended, and its cookies with it.",
  fix: "have the page subscribe again, and ask for that refusal",
};

const noApp: Explanation = {
  isAllowed: false,
  text: "There is no app behind that could be asked.",
  fix: "set POGO_UPSTREAM to it, or give the page's Echo an authEndpoint that signs",
};

const busy: Explanation = {
  isAllowed: false,
  text: "The app is being asked for somebody else just now.",
  fix: "try again in a moment",
};
