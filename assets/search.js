// The page search.html: adds up how much words count in sections, which the build computes.
const LIMIT = 20;  // results that are shown

// The stems of a text, as _ext/search.py takes them from the sections.
const stemmer = new Stemmer();
const WORD = /[㐀-鿿]+|\d+(?:\.\d+)+|(?:(?![㐀-鿿])[\p{L}\p{N}_])+/gu;
const PART = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g;
const BRITISH = /is(?=(?:e|ed|es|er|ers|ing|ations?)$)/;
const stems = (word) => {
  const parts = word.match(PART) ?? [];
  let forms = parts.length > 1 && !word.includes(".") ? [word, ...parts] : [word];
  if (/[㐀-鿿]/.test(word))  // two characters are a word, more or less
    forms = [...word.slice(0, -1) || word].map((_, i) => word.slice(i, i + 2));
  return forms.map((form) => stemmer.stemWord(form.toLowerCase().replace(BRITISH, "iz")));
};
const words = (text) => (text.normalize("NFKC").match(WORD) ?? []).flatMap(stems);

// The stems of the book that a stem stands for: itself, or, as it may be half typed or mistyped,
// those that begin as it does.
const impacts = new Map(Object.entries(IMPACTS)), known = [...impacts.keys()];
const meant = (stem) => {
  if (impacts.has(stem)) return [stem];
  for (let end = stem.length; end > 2; end = end > 5 && end > stem.length / 2 + 1 ? end - 1 : 0) {
    const found = known.filter((other) => other.startsWith(stem.slice(0, end)));
    if (found.length) return found;
  }
  return [];
};

// The numbers of the sections for a query, best first, and the stems that were found in them.
const find = (query) => {
  const asked = new Set(words(query)), scores = new Map(), found = new Set();
  for (const stem of [...asked].filter((stem) => !ASKING.includes(stem))) {
    const best = new Map();
    for (const word of meant(stem)) {
      const list = impacts.get(word);
      found.add(word);
      for (let i = 0, section = 0; i < list.length; i += 2) {
        section += list[i];
        best.set(section, Math.max(best.get(section) ?? 0, list[i + 1]));
      }
    }
    for (const [section, impact] of best) {
      const [sum, times] = scores.get(section) ?? [0, 0];
      scores.set(section, [sum + impact, times + 1]);
    }
  }
  // A section with all words goes before one in which a single word counts much.
  const ranked = [...scores].map(([section, [sum, times]]) => [section, sum * times])
    .sort((a, b) => b[1] - a[1]);
  return [ranked.filter(([, score]) => score > ranked[0][1] / 10).map(([n]) => n), found];
};

// --- the page

// The part of a text with the most of the stems that the title lacks, and the stems marked.
const LENGTH = 200;
const excerpt = (number, found) => {
  const text = TEXTS[number], shown = new Set(words(SECTIONS[number][1]));
  const hits = [...text.matchAll(WORD)].map(({ 0: word, index }) =>
    ({ word, index, stem: words(word).find((stem) => found.has(stem)) })).filter(({ stem }) => stem);
  const missing = hits.filter(({ stem }) => !shown.has(stem));
  const many = missing.map(({ index: from }) => new Set(missing.filter(({ index }) =>
    index >= from && index < from + LENGTH).map(({ stem }) => stem)).size);
  const first = missing[many.indexOf(Math.max(...many))]?.index ?? 0;
  const start = first < 60 ? 0 : text.indexOf(" ", first - 50) + 1;
  const space = text.indexOf(" ", start + LENGTH), end = space < 0 ? text.length : space;
  const parts = [start ? "… " : ""];
  let done = start;
  for (const { word, index } of hits.filter(({ index }) => index >= start && index < end)) {
    const mark = document.createElement("mark");
    mark.textContent = word;
    parts.push(text.slice(done, index), mark);
    done = index + word.length;
  }
  return [...parts, text.slice(done, end), end < text.length ? " …" : ""];
};

const form = document.querySelector("article form"), field = form.querySelector("input");
const list = document.getElementById("search-results");
const said = document.getElementById("search-status");

// The texts of the sections come last: until then the titles have to do.
const fill = (found) => list.querySelectorAll("p").forEach((p) => {
  if (window.TEXTS) p.replaceChildren(...excerpt(p.dataset.section, found));
});
const show = () => {
  const query = field.value.trim(), [ranked, found] = find(query), many = ranked.length;
  history.replaceState(null, "", location.pathname + (query && `?q=${encodeURIComponent(query)}`));
  const counted = many === 1 ? "1 section" : `${many} sections`;
  const first = many > LIMIT ? `, the best ${LIMIT} of them` : "";
  said.textContent = !query ? "Words of a question, a symptom, or a name in code: loss is nan, BCEWithLogitsLoss."
    : many ? `${counted} found${first}:` : "Nothing found. Try fewer words.";
  list.replaceChildren(...ranked.slice(0, LIMIT).map((number) => {
    const [url, title, above] = SECTIONS[number];
    const item = document.createElement("li"), link = document.createElement("a");
    const place = document.createElement("span"), text = document.createElement("p");
    Object.assign(link, { href: url, textContent: title });
    place.textContent = above;
    text.dataset.section = number;
    item.append(link, place, text);
    return item;
  }));
  fill(found);
};

let waiting;
field.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(show, 150);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  show();
  list.querySelector("a")?.focus();
});
document.querySelector("article").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const stops = [field, ...list.querySelectorAll("a")];
  const next = stops[stops.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

field.value ||= new URLSearchParams(location.search).get("q") ?? "";
field.focus();
show();
document.querySelector("script[src$='search-text.js']")
  .addEventListener("load", () => fill(find(field.value)[1]));
