/**
 * What is used of node:http, had as CommonJS has it: an `import` of values from it reads all that it exports, its own
 * WebSocket among them, and with that all of undici is loaded, some 6 MB.
 */

import type * as nodeHttp from "node:http";
import { createRequire } from "node:module";

const http: typeof nodeHttp = createRequire(import.meta.url)("node:http");

export const { Agent, IncomingMessage, ServerResponse, STATUS_CODES, createServer, request } = http;
