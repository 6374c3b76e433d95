/** `POST …/users/{id}/terminate_connections` (rows T). */

import { json } from "./reply.ts";
import type { ApiHandler } from "./handler.ts";

export const terminateConnections: ApiHandler = ({ hub, params }) => {
  hub.terminateUser(params["user"] ?? "");
  return json(200, {});
};
