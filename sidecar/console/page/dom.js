/** Elements: everything that comes from the server becomes text, never markup. */

/**
 * @param properties of the element; `data` and `aria` are attributes of that kind, `on` listeners, `attributes` all others
 * @param children elements, texts; null and undefined are left out
 */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  const { data = {}, aria = {}, on = {}, attributes = {}, ...rest } = properties;
  Object.assign(element, rest);
  Object.assign(element.dataset, data);
  for (const [key, value] of Object.entries(aria)) element.setAttribute(`aria-${key}`, value);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  for (const [type, listener] of Object.entries(on)) element.addEventListener(type, listener);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Makes a parent's children those of the items, and leaves alone what has not changed, so that focus and selection stay.
 *
 * @param keyOf one text for each item
 */
export function reconcile(parent, items, keyOf, render) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const state = JSON.stringify(item);
    let child = before.get(key);
    if (child && child.dataset.state !== state) {
      const fresh = rendered(render, item, key, state);
      const focused = [...child.querySelectorAll("a, button")].indexOf(document.activeElement);
      if (next === child) next = fresh;
      child.replaceWith(fresh);
      if (focused >= 0) fresh.querySelectorAll("a, button")[focused]?.focus();
      child = fresh;
    }
    child ??= rendered(render, item, key, state);
    before.delete(key);
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  for (const child of before.values()) child.remove();
}

function rendered(render, item, key, state) {
  const element = render(item);
  element.dataset.key = key;
  element.dataset.state = state;
  return element;
}

/**
 * A table whose rows are set later.
 *
 * @param columns `{ title, className?, cell(row) }`; what a cell gives is text or an element
 * @param isTall it scrolls by itself, under its head
 */
export function table(
  caption,
  columns,
  { keyOf, empty, rowProperties = () => ({}), isTall = false },
) {
  const body = h("tbody");
  const none = h("p", { className: "empty", textContent: empty });
  const heads = columns.map(({ title, className = "" }) =>
    h("th", { scope: "col", className, textContent: title }),
  );
  const rows = h(
    "table",
    { hidden: true },
    h("caption", { className: "unseen", textContent: caption }),
    h("thead", {}, h("tr", {}, ...heads)),
    body,
  );
  const tall = { className: "rows tall", tabIndex: 0, role: "region", aria: { label: caption } };
  const element = h("div", isTall ? tall : { className: "rows", tabIndex: -1 }, rows, none);
  const render = (row) =>
    h(
      "tr",
      rowProperties(row),
      ...columns.map(({ className = "", cell }) => h("td", { className }, cell(row))),
    );
  return {
    element,
    set(items) {
      rows.hidden = items.length === 0;
      none.hidden = items.length > 0;
      reconcile(body, items, keyOf, render);
    },
  };
}

/** Names and values in two columns. */
export function pairs(entries) {
  return h(
    "dl",
    { className: "pairs" },
    ...entries.flatMap(([name, value]) => [
      h("dt", { textContent: name }),
      h("dd", {}, value ?? "–"),
    ]),
  );
}

export function panel(title, ...children) {
  const heading = h("h2", { textContent: title });
  return h("section", { className: "panel", aria: { label: title } }, heading, ...children);
}

export function code(text) {
  return h("code", { textContent: text });
}

export function link(href, text) {
  return h("a", { href, textContent: text });
}

/** Of the address behind `#`: `#channels/1/private-a` is of the view `channels`, with `1` and `private-a`. */
export function toHash(...parts) {
  return `#${parts.map(encodeURIComponent).join("/")}`;
}
