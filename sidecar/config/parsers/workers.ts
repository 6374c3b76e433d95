/** How many processes to run: a number, or as many as there are cores. */

import { availableCores } from "./cores.ts";
import { accept, integer, type Parser } from "./parser.ts";

const number = integer({ min: 1, max: 256 });

/** `auto`: the cores that this process may use. */
export const workerCount: Parser<number> = {
  ...number,
  allowed: `${number.allowed}, or auto`,
  parse: (text) => (text.toLowerCase() === "auto" ? accept(availableCores()) : number.parse(text)),
};
