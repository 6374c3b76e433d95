/** The doors of a node: the public port, and the HTTP API's own Unix socket if there is one. */

import type { ListenAddress } from "../http/listener.ts";
import { createFrontDoor, type FrontDoor, type FrontDoorOptions } from "../server.ts";

export interface DoorsOptions extends Omit<FrontDoorOptions, "door"> {
  /** Null: the API is served with everything else. */
  readonly apiSocket: string | null;
  readonly isApiOnlyOnSocket: boolean;
  readonly socketMode: number;
  readonly socketOwner: Extract<ListenAddress, { kind: "unix" }>["owner"];
}

/** All of them as one: it listens where each is to, and closes when each has. */
export function createDoors(options: DoorsOptions): FrontDoor {
  const { apiSocket, isApiOnlyOnSocket, socketMode: mode, socketOwner: owner } = options;
  const everything = createFrontDoor({
    ...options,
    door: isApiOnlyOnSocket ? "everything_but_api" : "everything",
  });
  if (apiSocket === null) return everything;
  const api = createFrontDoor({ ...options, door: "api", upstream: null, publicHealth: null });
  const doors = [everything, api];
  return {
    async listen(address) {
      await api.listen({ kind: "unix", path: apiSocket, mode, owner });
      try {
        return await everything.listen(address);
      } catch (error) {
        void api.close();
        throw error;
      }
    },
    async close() {
      await Promise.all(doors.map((door) => door.close()));
    },
    destroy() {
      for (const door of doors) door.destroy();
    },
  };
}
