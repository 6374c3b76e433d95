/** Requests to the node: an answer, or an error whose message can be shown. */

/** @returns null if it is not there any more */
export async function read(name, query = {}) {
  const response = await fetch(`/console/${name}?${new URLSearchParams(query)}`);
  if (response.status === 404) return null;
  return answerOf(response);
}

export async function post(name, body) {
  const response = await fetch(`/console/${name}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return answerOf(response);
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
