/** `POST …/users/{id}/terminate_connections` (rows T), on all nodes. */

import type { ApiHandler } from "./handler.ts";
import { json, unavailable } from "./reply.ts";

export const terminateConnections: ApiHandler = async ({ hub, broker, params }) => {
  const result = await broker.terminate(hub.app.id, params["user"] ?? "");
  return result.ok ? json(200, {}) : unavailable();
};
