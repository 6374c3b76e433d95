/** What the lists of connections and channels share: a filter, pages, and one row in detail beside them. */

import { read } from "./api.js";
import { h, reconcile } from "./dom.js";
import { feed } from "./feed.js";
import { number, plural } from "./format.js";

const everyMs = 2_000;
const typingMs = 200;
const rowsPerPage = 50;

/**
 * @param list `name` is what is read of the node, `table(chosen)` makes its table
 * @param detail `{ isOf(row, parts), read(parts), render(data, parts, refresh) }` of the row that the address names
 */
export function openListView(root, parts, { title, lead, noun, label, name, table, detail }) {
  const filter = h("input", { type: "search", attributes: { maxlength: 256 } });
  const app = h("select");
  const count = h("p", { className: "quiet" });
  const earlier = h("button", {
    type: "button",
    textContent: "Back",
    on: { click: () => turn(-1) },
  });
  const later = h("button", { type: "button", textContent: "Next", on: { click: () => turn(1) } });
  const problem = h("p", { className: "bad-text", role: "alert", hidden: true });
  const rows = table(() => chosen);
  const appLabel = h("label", {}, "App", app);
  const beside = h(
    "div",
    { className: "beside" },
    h(
      "section",
      { className: "panel", aria: { label: title } },
      problem,
      rows.element,
      h("div", { className: "controls" }, earlier, later),
    ),
  );
  let chosen = parts;
  let page = 0;
  let timer;
  /** Questions so far. */
  let asked = 0;
  let isClosed = false;
  root.append(
    h("h1", { textContent: title }),
    h("p", { className: "lead", textContent: lead }),
    h("div", { className: "controls" }, h("label", {}, label, filter), appLabel, count),
    beside,
  );
  filter.addEventListener("input", () => begin(typingMs));
  app.addEventListener("change", () => begin(0));
  showApps();

  function begin(afterMs) {
    page = 0;
    asked += 1;
    clearTimeout(timer);
    timer = setTimeout(refresh, afterMs);
  }

  function turn(by) {
    page = Math.max(0, page + by);
    void refresh();
  }

  /** Asks again once this was answered. What comes late, after a newer question, is not shown. */
  async function refresh() {
    clearTimeout(timer);
    const question = ++asked;
    const isLate = () => isClosed || question !== asked;
    try {
      const found = await read(name, { text: filter.value, app: app.value, page });
      if (isLate()) return;
      // It has become shorter meanwhile.
      if (found.rows.length === 0 && page > 0) return begin(0);
      showRows(found);
      await showDetail(isLate);
      if (isLate()) return;
      problem.hidden = true;
    } catch (error) {
      if (isLate()) return;
      problem.textContent = error.message;
      problem.hidden = false;
    }
    schedule();
  }

  function schedule() {
    clearTimeout(timer);
    if (isClosed) return;
    timer = setTimeout(() => (feed.state === "live" ? refresh() : schedule()), everyMs);
  }

  function showRows({ rows: found, matches, isCut }) {
    rows.set(found.map((row) => ({ ...row, isChosen: isChosen(row) })));
    const first = page * rowsPerPage;
    const more = isCut
      ? ` of the first ${number(matches)} that match; the filter finds the others`
      : ` of ${plural(matches, noun)}`;
    count.textContent =
      matches === 0 ? "" : `${number(first + 1)}–${number(first + found.length)}${more}`;
    earlier.disabled = page === 0;
    later.disabled = first + rowsPerPage >= matches;
    earlier.hidden = later.hidden = matches <= rowsPerPage;
  }

  const isChosen = (row) => detail.isOf(row, chosen);

  async function showDetail(isLate) {
    const before = beside.querySelector(".detail");
    if (chosen.length === 0) return before?.remove();
    const data = await detail.read(chosen);
    if (isLate()) return;
    const aside = before ?? h("aside", { className: "panel detail", aria: { label: "Detail" } });
    if (!before) beside.append(aside);
    // What somebody writes in it stays.
    if (aside.dataset.of !== chosen.join("/")) aside.replaceChildren();
    aside.dataset.of = chosen.join("/");
    reconcile(
      aside,
      detail.render(data, chosen, refresh),
      ({ key }) => key,
      ({ make }) => make(),
    );
  }

  function showApps() {
    const { apps = [] } = feed.figures ?? {};
    appLabel.hidden = apps.length < 2;
    if (app.options.length > 1 || apps.length < 2) return;
    app.append(...["", ...apps.map(({ id }) => id)].map((id) => new Option(id || "all", id)));
  }

  void refresh();
  return {
    update: showApps,
    move(next) {
      chosen = next;
      void refresh();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
