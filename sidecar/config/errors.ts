/** What is wrong with a configuration, in words for the person who has to fix it. */

export interface ConfigError {
  /**
   * `missing`: required and not set. `invalid`: a value that can't be. `unknown`: no option has this name.
   * `conflict`: two values that contradict each other. `file`: a file that can't be read.
   */
  readonly kind: "missing" | "invalid" | "unknown" | "conflict" | "file";
  /** Where it was written: `POGO_PORT`, `--port`, `port in /etc/pogo.json`. */
  readonly name: string;
  /** One sentence or two; never a secret. */
  readonly message: string;
}

/** What has no effect, or one that may not be meant; it hinders nothing. */
export interface ConfigWarning extends Pick<ConfigError, "name" | "message"> {
  /** `file`: one that can't be read, so that what seems to be missing may be in there. */
  readonly kind?: "file";
}

const shownCharacters = 80;

/** A value in an error: quoted, cut, and without the secrets that a URL may hold. */
export function quote(text: string): string {
  // A URL whose scheme was left out has its password in front of the @ too.
  const shown = withoutUrlSecrets(text).replace(/^(?!\w+:\/\/).*:.*@/s, "…@");
  return JSON.stringify(
    shown.length > shownCharacters ? `${shown.slice(0, shownCharacters)}…` : shown,
  );
}

/** Takes user, password and query out of a URL, and the query out of a path. */
export function withoutUrlSecrets(text: string): string {
  // An @ behind a ? may end a password or stand in a query: nothing after the scheme is safe to show.
  if (/:\/\/.*\?.*@/s.test(text)) return text.replace(/:\/\/.*/s, "://…");
  return text.replaceAll(/:\/\/.*@/gs, "://…@").replace(/((?:^|:\/)\/[^?]*)\?.+/s, "$1?…");
}

/** As `check` prints them; empty if there are none. */
export function formatWarnings(warnings: readonly ConfigWarning[]): string {
  return warnings.map(({ name, message }) => `Warning: ${name}: ${message}\n`).join("");
}

/** Whether not one of the three was given: one that was is not to be overruled in silence. */
export function lacksAllCredentials(errors: readonly ConfigError[]): boolean {
  const missing = new Set(errors.filter(({ kind }) => kind === "missing").map(({ name }) => name));
  return ["POGO_APP_ID", "POGO_APP_KEY", "POGO_APP_SECRET"].every((name) => missing.has(name));
}

/** Most often it was started elsewhere than in the app's folder. */
const withoutCredentials =
  "A Laravel app has them in its .env: start it in the app's folder, or name the file with --env-file. Where there are none yet: pogo-sidecar env --write";

/** All errors at once behind the warnings, as `check` and `start` print them. */
export function formatErrors(
  errors: readonly ConfigError[],
  warnings: readonly ConfigWarning[] = [],
): string {
  const title =
    errors.length === 1
      ? "The configuration has an error:"
      : `The configuration has ${errors.length} errors:`;
  const lines = errors.map(({ name, message }) => `  ${name}: ${message}`);
  const isFileLost = [...errors, ...warnings].some(({ kind }) => kind === "file");
  const advice = lacksAllCredentials(errors) && !isFileLost ? [withoutCredentials] : [];
  return `${formatWarnings(warnings)}${[title, ...lines, ...advice].join("\n")}\n`;
}
