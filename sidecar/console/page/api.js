/** Requests to the node: an answer, or an error whose message can be shown. */

/** Of several workers the one that the page shows; null: there is one process, or it is not known yet. */
let shownWorker = Number(new URLSearchParams(window.location.search).get("worker")) || null;

export function setShownWorker(worker) {
  if (worker === shownWorker) return;
  shownWorker = worker;
  // Whoever gets the address, or reloads the page, sees the same.
  window.history.replaceState(null, "", addressOf(worker) + window.location.hash);
}

/** The page with another worker. */
export function addressOf(worker, hash = "") {
  return `?${new URLSearchParams({ worker })}${hash}`;
}

/** Of what another worker has, its page; of all else a place on this one. */
export function addressAt(worker, hash) {
  return worker === undefined || worker === shownWorker ? hash : addressOf(worker, hash);
}

/** @returns null if it is not there any more */
export async function read(name, query = {}) {
  const response = await fetch(pathOf(name, query));
  if (response.status === 404) return null;
  return answerOf(response);
}

/** @param worker who is to do it, where it is not the one that is shown */
export async function post(name, body, worker = shownWorker) {
  const response = await fetch(pathOf(name, {}, worker), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return answerOf(response);
}

export function pathOf(name, query, worker = shownWorker) {
  return `/console/${name}?${new URLSearchParams({ ...query, ...(worker && { worker }) })}`;
}

/** The session is over: the page asks for the token again. */
export function logInAgain() {
  window.location.reload();
}

async function answerOf(response) {
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) logInAgain();
  if (!response.ok) throw new Error(answer.message ?? `It was answered ${response.status}.`);
  return answer;
}
