// A promise with a deadline, so that a test that waits for something in vain fails and says for what.

/** @throws naming `what`, when `promise` has not settled after `deadlineMs` */
export async function within<T>(what: string, promise: Promise<T>, deadlineMs = 5_000): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`${what} did not come within ${deadlineMs} ms`)),
    deadlineMs,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
