"""The search of the site: what each section says, and the page that ranks the sections.

Sphinx's own search finds pages that hold all words of a query, and ranks them by their headings.
Here each section is a result, and how much a word counts in it is computed by the build, so that
the page has only to add numbers up.  Its parts are scripts, which browsers load from a folder, too.
"""

import html
import json
import math
import re
import unicodedata
from collections import Counter, defaultdict
from functools import cache
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

import yaml
from docutils import nodes
from snowballstemmer import stemmer
from sphinx import addnodes
from sphinx.search.en import js_porter_stemmer
from sphinx.util import logging

logger = logging.getLogger(__name__)
STORE, KEYWORDS = "search.json", "chapters/keywords.yml"
PAGE = """
<h1>Search</h1>
<noscript><p>The search needs JavaScript.</p></noscript>
<form class="bd-search d-flex align-items-center" role="search">
<i class="fa-solid fa-magnifying-glass"></i>
<input type="search" class="form-control" name="q" placeholder="Search this book..."
  aria-label="Search this book..." autocomplete="off" autocorrect="off" autocapitalize="off"
  spellcheck="false">
</form>
<p id="search-status" role="status">The index is being loaded.</p>
<ol id="search-results"></ol>
<link rel="stylesheet" href="_static/search.css">
<script defer src="_static/search-index.js"></script>
<script defer src="_static/search.js"></script>
<script defer src="_static/search-text.js"></script>
"""

# --- what a section says --------------------------------------------------------------------

# What is no prose.
SKIPPED = nodes.literal_block, nodes.math_block, nodes.raw, nodes.image, nodes.comment
NAME = re.compile(r"[A-Za-z]\w+")
REMARK = re.compile(r"#.*|\"[^\"\n]*\"")


def symbol(match):
    """Return the sign or the name that stands for a command of LaTeX, or the command."""
    sign = html.unescape(f"&{match[1]};")
    return sign if len(sign) == 1 else match[1] if match[1] in {"log", "exp"} else match[0]


def formula(latex):
    """Return a short formula as text, in place of any other an ellipsis."""
    text = re.sub(r"[{}]|\\[,;!]", "", re.sub(r"\\([A-Za-z]+)", symbol, latex))
    return text if len(text) < 12 and "\\" not in text else "…"


def prose(node, apart=()):
    """Yield the words of a node without its code and the parts that are found by themselves."""
    for child in node.children:
        if isinstance(child, nodes.math):
            yield child.get("before", "") + formula(child.astext()) + child.get("after", "")
        elif isinstance(child, nodes.Text):
            yield child
        elif not isinstance(child, SKIPPED) and child not in apart:
            yield from prose(child, apart)
            if not isinstance(child, nodes.Inline) or isinstance(child, addnodes.desc_signature):
                yield " "


def is_hidden(node):
    """Return whether a cell's code is seen only after a click."""
    return any(name.startswith("tag_hide") for name in node["classes"])


def names(node, apart):
    """Yield the names in code that is seen at once."""
    for child in node.children:
        if isinstance(child, nodes.literal_block):
            if "output" not in child["classes"]:
                yield from NAME.findall(REMARK.sub("", child.astext()))
        elif isinstance(child, nodes.Element) and child not in apart and not is_hidden(child):
            yield from names(child, apart)


def is_found(node):
    """Return whether a node is a result by itself: a section, a term or an object of Python."""
    if isinstance(node, nodes.definition_list_item):
        return isinstance(node.parent.parent, addnodes.glossary)
    if isinstance(node, addnodes.desc):
        return not isinstance(node.parent, addnodes.desc_content)
    return isinstance(node, nodes.section) and isinstance(node[0], nodes.title)


def sections(doctree):
    """Return of each section its anchor, its title, the titles above, its text, and its words."""
    found, titles = [], {}
    apart = set(doctree.findall(is_found))
    for node in doctree.findall(is_found):
        head, above = node[0], node.parent
        while above and above not in titles:
            above = above.parent
        title = head.get("fullname") or "".join(prose(head)).strip()
        titles[node] = [*titles.get(above, ()), title]
        text = " ".join("".join(prose(node, {head, *apart})).split())
        code = " ".join(dict.fromkeys(names(node, apart)))
        anchor = (head["ids"] or node["ids"])[-1] if found else ""
        above = " › ".join(titles[node][:-1])
        fields = {"title": title, "above": above, "text": text, "code": code}
        found.append([anchor, title, above, text, {f: counted(t) for f, t in fields.items()}])
    return found


# --- the words of a text, as assets/search.js takes them from a query -----------------------

WORD = re.compile(r"[㐀-鿿]+|\d+(?:\.\d+)+|(?:(?![㐀-鿿])\w)+")
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
BRITISH = re.compile(r"is(?=(?:e|ed|es|er|ers|ing|ations?)$)")
porter = stemmer("porter")


@cache
def stems(word):
    """Return the stem of a word and of its parts: of a name in code, of a run of Chinese."""
    parts = PART.findall(word)
    if "㐀" <= word[0] <= "鿿":  # two characters are a word, more or less
        forms = [word[i : i + 2] for i in range(max(1, len(word) - 1))]
    else:
        forms = [word, *parts] if len(parts) > 1 and "." not in word else [word]
    lower = [BRITISH.sub("iz", form.lower()) for form in forms]
    # JavaScript's stemmer leaves the shortest words as they are.
    return [porter.stemWord(form) if len(form) > 2 else form for form in lower]


def words(text):
    """Return the stems of a text."""
    found = WORD.findall(unicodedata.normalize("NFKC", text))
    return [stem for word in found for stem in stems(word)]


# Words that questions are made of: nobody looks for a section about them.
ASKING = words(
    "a an and are as at be by can do does for has have how i in is it its me my of on or should"
    " than that the their there this to was what when where which why will with you your"
)


def counted(text):
    """Return how often each stem is in a text, without those that ask."""
    return Counter(stem for stem in words(text) if stem not in ASKING)


# --- how much each counts --------------------------------------------------------------------

# What a word weighs in each field of a section.
WEIGHTS = {"title": 4, "keywords": 4, "above": 1.5, "text": 1, "code": 0.3}
# What practises, reports or lists is not what a reader looks for first.
ASIDE = re.compile(
    r"assignments/|chapters/reference/(errata|coverage|bibliography|glossary|api)"
    r"|.*#(exercises|in-short|references)$"
)


class Section(NamedTuple):
    """A result: its address without the end of files, and what stands in it."""

    place: str
    title: str
    above: str
    text: str
    counts: dict  # of each field


def impacts(rows):
    """Return for each stem the sections that hold it and how much it counts there, in turn.

    A section is told by how many it comes after the one before.  What counts is the sum over the
    fields of BM25+ with k = 1.2, b = 0.7, d = 0.5, in thirds.
    """
    index = defaultdict(Counter)
    for field, weight in WEIGHTS.items():
        counts = [row.counts.get(field, {}) for row in rows]
        totals = [sum(count.values()) for count in counts]
        mean = sum(totals) / len(rows)
        places = Counter(chain.from_iterable(counts))
        rare = {s: math.log1p((len(rows) - n + 0.5) / (n + 0.5)) for s, n in places.items()}
        for number, count in enumerate(counts):
            size = 1.2 * (0.3 + 0.7 * totals[number] / (mean or 1))
            share = weight / 2 if ASIDE.match(rows[number].place) else weight
            for stem, times in count.items():
                index[stem][number] += share * rare[stem] * (0.5 + 2.2 * times / (times + size))
    for stem, found in index.items():
        gaps = [after - before for before, after in pairwise([0, *sorted(found)])]
        thirds = [round(3 * found[number]) for number in sorted(found)]
        index[stem] = [part for pair in zip(gaps, thirds) for part in pair]
    return dict(sorted(index.items()))


# --- the build ---------------------------------------------------------------------------------


def collect(app, pagename, templatename, context, doctree):
    """Keep what a page says that is written."""
    if doctree:
        app.builder.sections[pagename] = sections(doctree)


def start(app):
    """Switch off Sphinx's own search; begin with what the pages said in the last build."""
    app.builder.search = False
    kept = Path(app.doctreedir, STORE)
    app.builder.sections = json.loads(kept.read_text("utf-8")) if kept.exists() else {}


def outdated(app, env, added, changed, removed):
    """Have pages read again of which nothing is kept, and one for keywords that are new."""
    kept, listed = Path(app.doctreedir, STORE), Path(app.srcdir, KEYWORDS)
    news = listed.exists() and kept.exists() and listed.stat().st_mtime > kept.stat().st_mtime
    return [*env.found_docs - {*app.builder.sections}, *[app.config.root_doc] * news]


def finish(app):
    """Write the index, with the words of askers, and add the page that searches it."""
    pages = {page: app.builder.sections[page] for page in sorted(app.env.found_docs)}
    Path(app.doctreedir, STORE).write_text(json.dumps(pages), "utf-8")
    listed = Path(app.srcdir, KEYWORDS)
    keywords = yaml.safe_load(listed.read_text("utf-8")) if listed.exists() else {}
    rows = []
    for page, found in pages.items():
        for anchor, *fields in found:
            place = f"{page}#{anchor}" if anchor else page
            rows.append(Section(place, *fields))
            if asked := keywords.pop(place.removeprefix("chapters/"), ""):
                rows[-1].counts["keywords"] = counted(asked)
    for place in keywords:
        logger.warning("%s names %s, which is no section", KEYWORDS, place)
    heads = [[re.sub("(#|$)", r".html\1", row.place, count=1), *row[1:3]] for row in rows]
    constants = {"ASKING": ASKING, "SECTIONS": heads, "IMPACTS": impacts(rows)}
    write(app, "search-index.js", js_porter_stemmer, **constants)
    write(app, "search-text.js", TEXTS=[row.text for row in rows])
    yield "search", {"title": "Search", "body": PAGE}, "page.html"


def write(app, name, code="", **constants):
    """Write a script of constants."""
    for constant, value in constants.items():
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        code += f"var {constant}={text};\n"
    path = Path(app.outdir, "_static", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(code, "utf-8")


def setup(app):
    app.config.templates_path.append(str(Path(__file__).parent))
    app.connect("builder-inited", start)
    app.connect("env-get-outdated", outdated)
    app.connect("html-page-context", collect)
    app.connect("html-collect-pages", finish)
    # A page that another process writes is not collected.
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": False}
