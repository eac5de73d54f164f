"""The search of the site: where the words of readers lead, and what its page does.

The ranking runs in the browser, so these tests run there; only what the index holds is read here.
"""

import json
import re

import nbformat
import pytest
import search
import yaml
from building import build, scratch_book
from contents import PAGES, ROOT, SECRET
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pages import page_problems, served, visit
from test_site import CHOOSING, PROBLEMS

import lossbook

QUERIES = yaml.safe_load((ROOT / "tests" / "queries.yml").read_text("utf-8"))
FAQ = nbformat.read(ROOT / "chapters" / "reference" / "faq.ipynb", as_version=4)
NOTHING = "Nothing found. Try fewer words."
FOUND = """queries => queries.map((query) => find(query)[0].map((number) => SECTIONS[number][0]))"""


def constants(html):
    """Return what the scripts of the index say, by name."""
    scripts = [
        (html / "_static" / f"search-{name}.js").read_text("utf-8") for name in ("index", "text")
    ]
    found = re.findall(r"^var ([A-Z]+)=(.*);$", "\n".join(scripts), re.M)
    return {name: json.loads(value) for name, value in found}


@pytest.fixture(scope="module")
def index(site):
    return constants(site.html)


@pytest.fixture(scope="module")
def address(site):
    """The site in a folder of a server, as on GitHub's or GitLab's pages."""
    with served(site.html.parent) as url:
        yield f"{url}/{site.html.name}"


# --- what is found ---------------------------------------------------------------------------


def places(tab, queries):
    """Return for each query the places of the sections that the open page finds."""
    found = tab.evaluate(FOUND, queries)
    return [[re.sub(r"^chapters/|\.html", "", place) for place in one] for one in found]


def rank_problems(found, query, right, third=False):
    """Yield the query whose answers come too late."""
    first = next((n for n, place in enumerate(found, 1) if place in right), None)
    if first is None or first > 1 + 2 * third:
        yield f"{query!r}: {right} has rank {first}, first come {found[:3]}"


def questions():
    """Return the headings of the FAQ, as they are typed, each with its section."""
    pattern = r"\((faq-[\w-]+)\)=\n### (.*)"
    texts = [cell.source for cell in FAQ.cells if cell.cell_type == "markdown"]
    found = [pair for text in texts for pair in re.findall(pattern, text)]
    return [{"query": title, "right": [f"reference/faq#{name}"]} for name, title in found]


def test_there_are_sixty_queries_and_few_may_come_second():
    assert len({entry["query"] for entry in QUERIES}) == 60
    assert sum(entry.get("third", False) for entry in QUERIES) <= 10


@pytest.mark.parametrize("entries", [QUERIES, questions()], ids=["queries", "FAQ"])
def test_a_query_leads_to_its_section(entries, tab, address):
    assert len(entries) >= 50
    with visit(tab, f"{address}/search.html"):
        found = places(tab, [entry["query"] for entry in entries])
    problems = [p for places, entry in zip(found, entries) for p in rank_problems(places, **entry)]
    assert not problems, "\n".join(problems)


def test_each_answer_is_a_section(index):
    sections = {re.sub(r"^chapters/|\.html", "", place) for place, *_ in index["SECTIONS"]}
    assert {place for entry in QUERIES for place in entry["right"]} - sections == set()


def test_a_problem_finds_the_table_of_problems(tab, address):
    with visit(tab, f"{address}/search.html"):
        found = dict(zip(PROBLEMS, places(tab, list(PROBLEMS))))
    chapter = CHOOSING.removeprefix("chapters/")
    lost = [query for query in PROBLEMS if not any(p.startswith(chapter) for p in found[query])]
    assert lost == []


# --- what the index holds --------------------------------------------------------------------


def test_every_page_term_and_loss_is_a_result(index):
    titles = {place: title for place, title, _ in index["SECTIONS"]}
    assert {f"{page}.html" for page in PAGES} - set(titles) == set()
    glossary = (ROOT / "chapters" / "reference" / "glossary.md").read_text("utf-8")
    terms = re.findall(r"(?m)^(\S.*)\n  \(", glossary)
    assert len(terms) > 100 and set(terms) - set(titles.values()) == set()
    losses = {type(loss).__name__ for loss in lossbook.CATALOGUE}
    api = {title for place, title in titles.items() if place.startswith("chapters/reference/api")}
    assert losses - api == set()


def test_no_solution_of_an_assignment_is_found(index):
    sources = (ROOT / "assignments" / "source").glob("*.ipynb")
    cells = [cell for path in sources for cell in nbformat.read(path, as_version=4).cells]
    hidden = {
        line.strip()
        for cell in cells
        for part in SECRET.findall(cell.source)
        for line in part.splitlines()
        if len(line.strip()) > 30
    }
    said = "\n".join(index["TEXTS"])
    assert len(hidden) > 100 and [line for line in hidden if line in said] == []


def test_a_text_has_no_latex_and_no_label(index):
    bad = re.compile(r"\\[a-z]+\{|\b(?:sec|ch|fig|faq)-[a-z]+-")
    found = [bad.search(text) for text in index["TEXTS"]]
    assert [text.string[max(0, text.start() - 40) :][:90] for text in found if text] == []


def test_page_and_build_take_the_same_words(tab, address, index):
    """Two rules of JavaScript's stemmer leave less; the page then looks for what begins so."""
    texts = [*index["TEXTS"], *(title for _, title, _ in index["SECTIONS"])]
    with visit(tab, f"{address}/search.html"):
        taken = tab.evaluate("texts => texts.map(words)", texts)
    pairs = {
        pair for text, b in zip(texts, taken) for pair in zip(search.words(text), b, strict=True)
    }
    assert {a for a, b in pairs if a != b and not re.fullmatch(f"{b}(i|ibli)", a)} == set()


SECRETS = """# Two

Words<!--claim two--> of **two** with $\\alpha$ and $\\frac{a}{b}$.

(two-label)=
## Label smoothing

交叉熵损失 is named.
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A small book whose notebook hides some of its code."""
    folder = scratch_book(tmp_path_factory.mktemp("book"), two=SECRETS)
    hidden = [new_code_cell(f"{name}_name = 1") for name in ("removed", "folded", "seen")]
    hidden[0].metadata.tags, hidden[1].metadata.tags = ["remove-cell"], ["hide-input"]
    one = new_notebook(cells=[new_markdown_cell("# One\n\nText."), *hidden])
    one.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    nbformat.write(one, folder / "chapters" / "one.ipynb")
    (folder / "chapters" / "keywords.yml").write_text("one: synonym", "utf-8")
    return folder


def test_a_changed_page_and_changed_keywords_change_the_index(scratch, tmp_path):
    built = build(scratch, tmp_path)
    assert built.code == 0, built.text
    first = constants(built.html)
    assert first["SECTIONS"] == [
        ["chapters/one.html", "One", ""],
        ["index.html", "Scratch", ""],
        ["two.html", "Two", ""],
        ["two.html#two-label", "Label smoothing", "Two"],
    ]
    assert first["TEXTS"] == [
        "Text.",
        "Text with x.",
        "Words of two with α and ….",
        "交叉熵损失 is named.",
    ]
    assert {"seen_nam", "synonym", "交叉", "熵损"} <= set(first["IMPACTS"])
    assert not {"removed_nam", "folded_nam", "frac"} & set(first["IMPACTS"])

    (scratch / "two.md").write_text("# Second", "utf-8")
    (scratch / "chapters" / "keywords.yml").write_text("one: others", "utf-8")
    built = build(scratch, tmp_path)
    assert built.code == 0, built.text
    second = constants(built.html)
    assert [title for _, title, _ in second["SECTIONS"]] == ["One", "Scratch", "Second"]
    assert "other" in second["IMPACTS"] and "synonym" not in second["IMPACTS"]

    (scratch / "chapters" / "keywords.yml").write_text("three: lost", "utf-8")
    built = build(scratch, tmp_path)
    assert built.code != 0 and "names three, which is no section" in built.text


# --- the page --------------------------------------------------------------------------------


def test_only_the_page_of_the_search_loads_it(site):
    scripts = re.compile(
        r"search-(?:index|text)|search\.(?:js|css)|searchtools|searchindex|language_data"
    )
    pages = [path for path in site.html.rglob("*.html") if "_static" not in path.parts]
    assert {path.name for path in pages if scripts.search(path.read_text("utf-8"))} == {
        "search.html"
    }
    unused = "searchindex.js", "_static/searchtools.js", "_static/language_data.js"
    assert [name for name in unused if (site.html / name).exists()] == []


def search_and_follow(tab, start):
    """Type a question into the field of a page, follow the first result, return what is wrong."""
    with visit(tab, f"{start}/{PAGES[1]}.html") as problems:
        tab.keyboard.press("Control+k")
        tab.keyboard.type("why is my loss nan")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/search.html?q=why+is+my+loss+nan")
        tab.locator("#search-results mark").first.wait_for()
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Enter")
        tab.wait_for_url("**/chapters/reference/faq.html#faq-nan")
        return problems


def test_the_search_works_in_a_folder_of_a_server(tab, address):
    assert search_and_follow(tab, address) == []


def test_the_search_works_from_files(tab, site):
    assert search_and_follow(tab, site.html.as_uri()) == []


STATE = """() => [document.querySelector("#search-status").textContent, location.search,
  document.querySelectorAll("#search-results a").length]"""


def test_results_come_while_a_reader_types(tab, address):
    with visit(tab, f"{address}/search.html") as problems:
        said, *state = tab.evaluate(STATE)
        examples = said.partition(": ")[2].strip(".").split(", ")
        assert len(examples) == 2 and state == ["", 0]
        assert tab.locator("#search-status").get_attribute("role") == "status"
        tab.keyboard.type("minority cla")
        tab.wait_for_function("() => location.search.includes('cla')")
        assert tab.locator("#search-results a").first.inner_text() == "Rare classes"
        tab.locator("article input").fill("cross-entropi")
        tab.wait_for_function("() => location.search.includes('pi')")
        said, _, shown = tab.evaluate(STATE)
        assert re.fullmatch(r"\d+ sections found, the best 20 of them:", said) and shown == 20
        # JavaScript's own objects have a constructor, the book has what is constructed.
        for word, says, shown in [("xyzzy", NOTHING, 0), ("constructor", "1 section", 1)]:
            tab.locator("article input").fill(word)
            tab.wait_for_function("word => location.search.includes(word)", arg=word)
            assert tab.evaluate(STATE) == [f"{says} found:" if shown else says, f"?q={word}", shown]
        for example in examples:
            tab.locator("article input").fill(example)
            tab.keyboard.press("Enter")
            assert tab.evaluate(STATE)[2] > 0
        tab.locator("article input").fill("one zyxxy pinball")
        tab.keyboard.press("Enter")
        assert (
            tab.evaluate("() => document.activeElement.textContent") == "Quantiles and expectiles"
        )
        tab.keyboard.press("ArrowUp")
        assert tab.evaluate("() => document.activeElement.name") == "q"
    assert problems == []


EXCERPT = """() => {
  SECTIONS[0] = ["", "A title", ""];
  TEXTS[0] = "title ".repeat(100) + "and then the odd word. " + "filler ".repeat(100);
  const parts = excerpt(0, new Set(words("title odd")));
  return parts.map((part) => part.outerHTML ?? part).join("");
}"""


def test_an_excerpt_shows_the_words_that_the_title_lacks(tab, address):
    with visit(tab, f"{address}/search.html"):
        said = tab.evaluate(EXCERPT)
    marked = r"… (<mark>title</mark> )+and then the <mark>odd</mark> word\.( filler)+ …"
    assert re.fullmatch(marked, said) and len(re.sub("<[^>]*>", "", said)) < 220


def test_the_results_can_be_read_by_all(tab, address):
    assert page_problems(tab, f"{address}/search.html?q=交叉熵 loss from_logits") == []
