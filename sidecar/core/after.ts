/** What comes after something that may be done already: at once then, so that a single node never waits. */

export function after<R>(done: void | Promise<void>, next: () => R | Promise<R>): R | Promise<R> {
  return done instanceof Promise ? whenDone(done, next) : next();
}

async function whenDone<R>(done: Promise<void>, next: () => R | Promise<R>): Promise<R> {
  await done;
  return next();
}
