/** `help` and `--help`: the commands, and every flag from the option table. */

import { describeFlags } from "../config/describe.ts";
import { exitCodes, type CommandContext } from "./command.ts";

const usage = `Pogo Sidecar: one port in front of a Laravel app, with the Pusher protocol on it.

Usage: pogo-sidecar [start|check|doctor|env|hold|release|drain|healthcheck|version|help] [flags]

  start        run (what happens without a command); SIGTERM stops it in order
  check        print the effective configuration, or everything that is wrong with it
  doctor       try what usually stands in the way, and say what mends it; --url, --cookie and --channel replay
               an authorization, --json for programs
  env          print what Laravel's .env lacks, with fresh credentials; --write adds it there
  hold         have a running sidecar keep new requests waiting, as while PHP restarts; --for 30s (at most 2m)
  release      let them go on before that time is over
  drain        have a running sidecar stop in order, as SIGTERM does
  healthcheck  ask a running sidecar on its admin port whether it is alive
  version      print the version

Exit codes: 0 done; 1 it could not start, is not alive, did not do it, or the doctor found something; 64 no such command, or none of these arguments; 78 the configuration is wrong, or Node too old.

Flags win over the environment, the environment over .env files, these over the config file. Durations are written 54s, 1500ms, 2m.

  --config <path>
      A JSON file of options, named as the flags are, with _ for -: {"app_id": "1", "port": 8080}; or of several apps.
      POGO_CONFIG
  --env-file <path>
      A .env file to read, expanded as Laravel does; may be given again, and the last wins. Without it the .env of the
      working directory is read if it has the app's credentials.
  --no-env-file
      Read no .env file.
`;

export function help({ print }: CommandContext): number {
  print(`${usage}\n${describeFlags()}\n`);
  return exitCodes.ok;
}
