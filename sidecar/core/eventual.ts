/** A value that is known at once or later: in the first case no promise is made, and nothing runs in between. */

export type Eventual<T> = T | Promise<T>;

/** Goes on with a value as soon as it is there: before this returns, unless it is waited for. */
export function andThen<T, R>(value: Eventual<T>, goOn: (value: T) => Eventual<R>): Eventual<R> {
  return value instanceof Promise ? value.then(goOn) : goOn(value);
}
