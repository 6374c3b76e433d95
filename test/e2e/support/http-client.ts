/** An HTTP client that keeps cookies and sends Laravel's CSRF token back, as a browser with axios does. */

type Body = string | FormData | Uint8Array<ArrayBuffer>;
type Json = Readonly<Record<string, string | number | boolean>>;

export interface HttpClient {
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** A plain object goes as JSON; FormData, a string or bytes go as they are. */
  post(path: string, body?: Body | Json, headers?: Record<string, string>): Promise<Response>;
  /** Logs in as the user with this id. @throws when the app does not answer 200 */
  login(id: number): Promise<void>;
  /** The value of the Cookie header, for a client that has to send it itself. */
  cookieHeader(): string;
}

/** Redirects are not followed. The answers asked for are JSON, unless `headers` say otherwise. */
export function httpClient(baseUrl: string): HttpClient {
  const cookies = new Map<string, string>();
  const cookieHeader = (): string =>
    [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");

  const send = async (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: Body,
  ): Promise<Response> => {
    const response = await fetch(new URL(path, baseUrl), {
      method,
      headers: {
        accept: "application/json",
        ...(cookies.size > 0 && { cookie: cookieHeader() }),
        ...headers,
      },
      redirect: "manual",
      ...(body !== undefined && { body }),
    });
    for (const line of response.headers.getSetCookie()) keep(cookies, line);
    return response;
  };

  const get: HttpClient["get"] = (path, headers = {}) => send("GET", path, headers);
  return {
    get,
    post: (path, body, headers = {}) => {
      const token = cookies.get("XSRF-TOKEN");
      const csrf: Record<string, string> =
        token === undefined ? {} : { "x-xsrf-token": decodeURIComponent(token) };
      if (body === undefined) return send("POST", path, { ...csrf, ...headers });
      if (typeof body === "string" || body instanceof FormData || body instanceof Uint8Array) {
        return send("POST", path, { ...csrf, ...headers }, body);
      }
      const json = { "content-type": "application/json" };
      return send("POST", path, { ...csrf, ...json, ...headers }, JSON.stringify(body));
    },
    login: async (id) => {
      const response = await get(`/login/${id}`);
      const body = await response.text();
      if (response.status !== 200) throw new Error(`login as ${id}: ${response.status} ${body}`);
    },
    cookieHeader,
  };
}

/** The answer's body, which the test knows to be a T. */
export async function json<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

function keep(cookies: Map<string, string>, setCookie: string): void {
  const [pair = "", ...attributes] = setCookie.split(";");
  const equals = pair.indexOf("=");
  const name = pair.slice(0, equals).trim();
  const expired = attributes.some((attribute) => /^\s*max-age=(0|-\d+)\s*$/i.test(attribute));
  if (expired) cookies.delete(name);
  else cookies.set(name, pair.slice(equals + 1).trim());
}
