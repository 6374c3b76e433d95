/** What a scenario is: a file in `scenarios/` that measures something and gives its table. */

import type { Cores } from "./support/machine.ts";
import type { Target } from "./support/target.ts";

export interface Settings {
  /** Of each measurement; medians are given, so an odd number. */
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  readonly channelCount: number;
  readonly subscribersPerChannel: number;
  /** Of the attackers in `hostile`, all together. */
  readonly sockets: number;
  /** Of all rates: below 1 for a run that is only to show that it runs. */
  readonly scale: number;
  /** Servers on one, the load on the other; null: wherever the system puts them. */
  readonly cores: Cores | null;
  /** A server that runs already; null: ours. Null where the scenario takes none. */
  readonly target: Target | null;
  /** A command of the shell that restarts the target, and returns once it listens again; null: it goes on. */
  readonly restart: string | null;
  /** Another checkout of this repository, whose sidecar is measured; null: this one. */
  readonly checkout: string | null;
  /** Of a scenario's rows, those whose name has this in it. */
  readonly only: string | null;
}

export interface Scenario {
  readonly name: string;
  /** False, or why it can't run on this machine. */
  readonly needs: () => string | false;
  /** Whether it can measure a server that runs already (`Settings.target`). */
  readonly takesTarget: boolean;
  /** Starts what it needs and stops it again. Gives Markdown. */
  readonly run: (settings: Settings) => Promise<string>;
}

export const fullSettings: Omit<Settings, "cores" | "target" | "restart" | "checkout" | "only"> = {
  rounds: 3,
  warmUpMs: 1_000,
  measuredMs: 4_000,
  channelCount: 100,
  subscribersPerChannel: 9,
  sockets: 100,
  scale: 1,
};
