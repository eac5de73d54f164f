// Accessibility: what the theme's markup leaves open.
const each = (selector, change) => document.querySelectorAll(selector).forEach(change);

document.addEventListener("DOMContentLoaded", () => {
  // The visible words are the name of these controls; a different label hides it.
  each("summary[aria-label], .search-button-field[aria-label]", (e) =>
    e.removeAttribute("aria-label"));
  each(".sidebar-primary-items__start", (e) => {
    e.setAttribute("role", "region");
    e.setAttribute("aria-label", "Book");
  });
  // The arrow that unfolds the pages below one in the table of contents has no words.
  each(".bd-links li > details > summary", (e) => {
    const title = e.closest("li").querySelector("a").textContent.trim();
    e.setAttribute("aria-label", `Pages below ${title}`);
  });
  // Where a name in a table is broken on a phone: behind a sign, before a capital.
  each(".bd-article table code .pre", (e) => {
    e.innerHTML = e.innerHTML.replace(/(?<=[_(,=]|[a-z)]\.)(?=\w)|(?<=[a-z])(?=[A-Z])/g, "<wbr>");
  });
  // What opens over the page has no name.
  each("#pst-search-dialog", (e) => e.setAttribute("aria-label", "Search"));
  each("#pst-primary-sidebar-modal", (e) => e.setAttribute("aria-label", "Pages"));
  each("#pst-secondary-sidebar-modal", (e) => e.setAttribute("aria-label", "Contents"));
  // A citation list is a list of paragraphs, not of list items.
  each(".citation-list[role], [role=doc-biblioentry]", (e) => e.removeAttribute("role"));
});

// The button that changes between light and dark has no words either.
const nameTheme = () => each(".theme-switch-button", (e) =>
  e.setAttribute("aria-label", `Colour theme: ${document.documentElement.dataset.mode}`));
new MutationObserver(nameTheme).observe(document.documentElement, { attributeFilter: ["data-mode"] });
document.addEventListener("DOMContentLoaded", nameTheme);

// The list of pages shows the page that one reads, also where the theme goes back to where it was.
const showPage = () => {
  const list = document.querySelector(":is(dialog, div).bd-sidebar-primary");
  const own = [...document.querySelectorAll(".bd-links .current > a")].pop();
  const { top, bottom } = list.getBoundingClientRect(), place = own?.getBoundingClientRect();
  if (place?.height && (place.top < top || place.bottom > bottom))
    list.scrollTop += place.top - top - list.clientHeight / 4;
};
window.addEventListener("load", showPage);

// The theme takes the focus from these buttons; the keyboard stays on them, and comes back to them
// from what they open.
let pressed;
window.addEventListener("click", (event) => {
  const button = event.target.closest(".theme-switch-button, .primary-toggle, .secondary-toggle");
  if (!button) return;
  pressed = event.detail ? undefined : button;  // a mouse has clicks to count
  setTimeout(() => { pressed?.focus(); showPage(); });
}, true);
document.addEventListener("close", () => setTimeout(() => pressed?.focus()), true);

// A link to what is folded opens it; one in the contents of a phone gives way to the page.
const unfold = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  target?.closest("details")?.setAttribute("open", "");
};
window.addEventListener("hashchange", unfold);
window.addEventListener("load", unfold);
document.addEventListener("click", (event) => {
  if (!event.target.closest("dialog a[href^='#']")) return;
  pressed = undefined;  // the keyboard goes on from where the link leads
  event.target.closest("dialog").close();
});

// What scrolls by itself can be reached with the keyboard, at whatever size it is laid out, and
// shows whether there is more.
const more = ({ target }) => target.toggleAttribute("data-more",
  target.scrollWidth - target.clientWidth - target.scrollLeft > 1);
const reach = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) {
      target.tabIndex = 0;
      target.onscroll = more;
    }
    more({ target });
  }
});
document.addEventListener("DOMContentLoaded", () => document.fonts.ready.then(() =>
  each(".bd-article :is(.katex-display, pre, div.output, .pst-scrollable-table-container)", (e) =>
    reach.observe(e))));

// Paper is white.
const page = document.documentElement;
let theme;
window.addEventListener("beforeprint", () => {
  theme = page.dataset.theme;
  page.dataset.theme = "light";
});
window.addEventListener("afterprint", () => { page.dataset.theme = theme; });

// Tables of the class sortable: a press on a head sorts by that column, a field filters the rows.
document.addEventListener("DOMContentLoaded", () => each("table.sortable", (table) => {
  const body = table.tBodies[0], rows = [...body.rows];
  const text = (row, column) => row.cells[column].textContent.trim();
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...(head.querySelector("p") ?? head).childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.ariaSort !== "ascending";
      each("th[aria-sort]", (other) => other.removeAttribute("aria-sort"));
      head.ariaSort = up ? "ascending" : "descending";
      rows.sort((a, b) => {  // empty cells stay at the end
        const [x, y] = [text(a, column), text(b, column)];
        return !x - !y || (up ? 1 : -1) * x.localeCompare(y);
      });
      body.append(...rows);
    });
  });
  const label = document.createElement("label"), field = document.createElement("input");
  field.type = "search";
  label.className = "filter";
  const said = document.createElement("output");
  label.append("Rows with ", field, " ", said);
  field.addEventListener("input", () => {
    for (const row of rows)
      row.hidden = !row.textContent.toLowerCase().includes(field.value.trim().toLowerCase());
    said.value = rows.every((row) => row.hidden) ? "None." : "";
  });
  (table.closest(".pst-scrollable-table-container") ?? table).before(label);
}));
