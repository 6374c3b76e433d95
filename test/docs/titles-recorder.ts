/** Stands for node:test where only the titles are wanted: suites are entered, tests are noted, nothing runs. */

type Body = (...args: unknown[]) => unknown;
interface Options {
  readonly skip?: boolean | string;
  readonly todo?: boolean | string;
}
type Arguments = [title: string, ...rest: (Options | Body | undefined)[]];

const recorded: string[][] = [];
const suites: string[] = [];
const entered: unknown[] = [];

/** What was noted since the last time. */
export async function takeTitles(): Promise<readonly (readonly string[])[]> {
  await Promise.all(entered.splice(0));
  return recorded.splice(0);
}

function suite(...[title, ...rest]: Arguments): void {
  if (isLeftOut(rest)) return;
  suites.push(title);
  entered.push(bodyOf(rest)?.());
  suites.pop();
}

function note(...[title, ...rest]: Arguments): void {
  if (!isLeftOut(rest)) recorded.push([...suites, title]);
}

/** Not for want of a program (sidecar/testing/needs.ts), which CI has: any other skip is one wherever it runs. */
function isLeftOut(rest: readonly (Options | Body | undefined)[]): boolean {
  const { skip = false, todo = false } = rest.find((part) => typeof part === "object") ?? {};
  const isSkipped = typeof skip === "string" ? !skip.endsWith(": run test/setup") : skip;
  return isSkipped || todo !== false || bodyOf(rest) === undefined;
}

function bodyOf(rest: readonly (Options | Body | undefined)[]): Body | undefined {
  return rest.find((part) => typeof part === "function");
}

function nothing(): void {}

const off = { skip: nothing, todo: nothing };
export const describe = Object.assign(suite, off);
export const it = Object.assign(note, off);
export const test = it;
export { nothing as after, nothing as afterEach, nothing as before, nothing as beforeEach };
