/** Checks the Node version, before anything is loaded that an older one could not parse. */

/** The first of Node 22 with long-term support; `engines` in package.json says the same. */
export const neededNode = { major: 22, minor: 11 } as const;

/**
 * @param version as `process.version` has it
 * @returns null if it is new enough; else one line that says what to do
 */
export function explainNode(version: string, path: string): string | null {
  const [major = 0, minor = 0] = version.slice(1).split(".").map(Number);
  const { major: least, minor: leastMinor } = neededNode;
  if (major > least || (major === least && minor >= leastMinor)) return null;
  return `Pogo Sidecar needs Node ${least}.${leastMinor} or newer, and this is Node ${version.slice(1)} (${path}). Run it with a newer one: npx -p node@24 -p pogo-sidecar pogo-sidecar, or install it from https://nodejs.org.\n`;
}
