"""The copies of notebooks that readers download say what the page says, without MyST."""

import json
import re
from html.parser import HTMLParser

import nbformat
import plain
import pytest
from building import build, scratch_book
from contents import ROOT
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

RAW = re.compile(
    r"(?m)\{[a-z:-]+\}`|^[ >]*:{3,}|^[ >]*`{3,}\{|^[ >]*:[a-z-]+:|^\([\w-]+\)=|\$\$ *\(\w|<!--"
)
ADDED = re.compile(r"This is a plain copy of .*?, with fewer links and folds\.|End of the solution")
TAGGED = re.compile(r'(?s)(<div class="math block">)([^<]*)\\tag\{(.*?)\}')
# A fold's summary is HTML, in which no formula is typeset: it leaves the title out.
TITLE = re.compile(r"(?s)(Solution to Exercise [\d.]+)(?: \(.*?\))?(</summary>)")
VOID = {"br", "img", "hr", "input", "link", "meta", "wbr", "source"}
CAPTION = {"caption-number", "caption-text"}
NO_WORDS = {"headerlink", "section-number", "sd-stretched-link"}


class Words(HTMLParser):
    """The words of a page outside cells of code, those of a formula as LaTeX, and captions."""

    def __init__(self, html):
        super().__init__()
        self.stack, self.found = ["outside"], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        classes, state = set((dict(attributes).get("class") or "").split()), self.stack[-1]
        captions = classes & CAPTION and state != "outside"  # a figure's, and in a list of pages
        if tag == "article" or captions:
            state = "text"
        elif "cell" in classes or classes & NO_WORDS:
            state = "gone"
        elif "katex" in classes and state == "text":
            state = "formula"
        elif tag == "annotation" and state == "formula":
            state = "text"
        if tag not in VOID:
            self.stack.append(state)

    def handle_endtag(self, tag):
        if tag not in VOID:
            self.stack.pop()

    def handle_data(self, data):
        if self.stack[-1] == "text":
            self.found.append(data)


def words(html):
    """Return the words, and the commands of formulas but those that the build adds."""
    text = ADDED.sub("", " ".join("".join(Words(html).found).split()))
    return re.findall(r"\w+", re.sub(r"\\(?:begin|end)\{split\}|\\displaystyle", "", text))


def as_html(notebook):
    """Return the prose of a notebook as a program shows it that knows Markdown and formulas."""
    renderer = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    html = "\n".join(renderer.render("".join(cell["source"])) for cell in cells)
    html = TAGGED.sub(r"\1(\3)\2", html)
    return f"<article>{html}</article>"


def code(notebook):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [[cell[key] for key in ("id", "source", "outputs")] for cell in cells]


def problems(notebook, source, page):
    """Yield what is wrong with a copy, given the notebook that was copied and the page's HTML."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and (raw := RAW.search("".join(cell["source"]))):
            yield f"{cell['id']}: {raw[0]}"
    if json.dumps(code(notebook)) != json.dumps(code(source)):
        yield "other code or outputs"
    there, here = words(TITLE.sub(r"\1\2", page)), words(as_html(notebook))
    if there != here:
        first = next((n for n, pair in enumerate(zip(there, here)) if pair[0] != pair[1]), -9)
        yield f"page: {' '.join(there[first - 8 :][:16])}\ncopy: {' '.join(here[first - 8 :][:16])}"
    try:
        nbformat.validate(nbformat.from_dict(notebook))
    except nbformat.ValidationError as error:
        yield str(error)


def read(path):
    return json.loads(path.read_text("utf-8"))


def copies(html, named="*"):
    """Yield (name, copy, notebook that was copied, page) for notebooks of the site."""
    sources = html / "_sources"
    for path in sorted(sources.rglob(f"{named}.ipynb")):
        name = path.relative_to(sources)
        page = (html / name).with_suffix(".html").read_text("utf-8")
        yield name.as_posix(), read(path), read(ROOT / name), page


def test_each_copy_says_what_its_page_says(site):
    found = [*copies(site.html)]
    assert len(found) > 40
    assert {name: list(wrong) for name, *given in found if (wrong := [*problems(*given)])} == {}
    for name, notebook, *_ in found:
        assert ADDED.search("".join(notebook["cells"][0]["source"])), name
        assert f'_sources/{name}"' in (site.html / name).with_suffix(".html").read_text("utf-8")


def spoil(change):
    """Return a change of the source of the first cell of prose in which it changes something."""

    def spoilt(cells):
        for cell in cells:
            text = "".join(cell["source"])
            if cell["cell_type"] == "markdown" and (new := change(text)) != text:
                cell["source"] = new
                return

    return spoilt


DEFECTS = {
    "a role": spoil(lambda text: text + " {term}`loss`"),
    "a fence": spoil(lambda text: text + "\n\n:::"),
    "a target": spoil(lambda text: "(sec-x)=\n" + text),
    "a mark": spoil(lambda text: text + "<!--x:.2f-->"),
    "a lost word": spoil(lambda text: text.replace("count of ", "", 1)),
    "another number": spoil(lambda text: text.replace("tag{12.1}", "tag{12.2}")),
    "another term in a formula": spoil(lambda text: text.replace("a = y s", "a = y t")),
    "other code": lambda cells: cells[4].update(source="pass"),
    "a lost output": lambda cells: next(c for c in cells if c.get("outputs")).update(outputs=[]),
    "no type": lambda cells: cells[2].pop("metadata"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_bad_copy_is_noticed(site, defect):
    _, notebook, source, page = next(copies(site.html, "margins"))
    DEFECTS[defect](notebook["cells"])
    assert [*problems(notebook, source, page)]


PROSE = """\
(ch-one)=
# One

See [Two](../two.md), [here](#sec-here), [Here](#sec-here),
[three](../two.md#sec-three) and [four](../two.md#term-four).

(sec-here)=
## Here

:::{admonition} A *box*
By {eq}`eq-x` and `{eq}`<!--x:.1f-->:

1. first

   $$
   x = 1 .
   $$ (eq-x)
:::

```python
:::{kept}
```

:::{exercise} A title
:label: ex-one
Do it.
:::

:::{solution} ex-one
:label: sol-one
:class: dropdown
Done, see {ref}`ex-one`.
:::"""
PLAIN = """\
# One

This is a plain copy of {page}, with fewer links and folds.

See {two}, here, *Here*,
{three} and {four}.

## Here

> **A *box***
>{space}
> By (1.1) and `{{eq}}`:
>{space}
> 1. first
>{space}
>    $$
>    x = 1 .
>    \\tag{{1.1}}
>    $$

```python
:::{{kept}}
```

**Exercise 1.1** (A title)

Do it.

<details>
<summary>Solution to Exercise 1.1</summary>

Done, see Exercise 1.1.

</details>"""
KNOWN = {"BOOK_REPOSITORY_URL": "https://github.com/acme/book", "BOOK_BASEURL": "https://a.org/b/"}
TWO = "# Two\n\n(sec-three)=\n## A heading\n\n:::{glossary}\nfour\n  A number.\n:::"
LINKED = {
    "page": "[a page of *The Loss Book*](https://a.org/b/chapters/one.html)",
    "two": "[Two](https://a.org/b/two.html)",
    "three": "[three](https://a.org/b/two.html#sec-three)",
    "four": "[four](https://a.org/b/two.html#term-four)",
}
UNLINKED = {"page": "a page of *The Loss Book*", "two": "*Two*", "three": "three", "four": "four"}


def copy_of(tmp_path, prose, **addresses):
    """Build a small book and return what the build says, and the copy of its notebook."""
    folder = scratch_book(tmp_path / "book", two=TWO)
    cells = [new_markdown_cell(prose), new_code_cell(plain.setup_source())]
    cells[1].metadata["tags"] = ["remove-cell"]
    nbformat.write(new_notebook(cells=cells), folder / "chapters" / "one.ipynb")
    built = build(folder, tmp_path / "site", **addresses)
    return built, read(built.html / "_sources" / "chapters" / "one.ipynb")


@pytest.mark.parametrize("addresses, words", [(KNOWN, LINKED), ({}, UNLINKED)], ids=["known", "no"])
def test_a_copy_holds_the_addresses_that_are_known(addresses, words, tmp_path):
    built, notebook = copy_of(tmp_path, PROSE, **addresses)
    assert built.code == 0, built.text
    prose, setup = notebook["cells"]
    assert "".join(prose["source"]) == PLAIN.format(space=" ", **words)
    url = addresses.get("BOOK_REPOSITORY_URL", "")
    assert "".join(setup["source"]) == plain.setup_source(url)
    assert setup["metadata"] == {"tags": ["remove-cell"], **plain.FOLD}


@pytest.mark.parametrize(
    "token", ["{kbd}`Ctrl`", ":::{epigraph}\nWise.\n:::", ":::{exercise} No label\nDo it.\n:::"]
)
def test_what_has_no_plain_text_stops_the_build(token, tmp_path):
    built, _ = copy_of(tmp_path, f"# One\n\n{token}\n")
    assert built.code != 0 and "no plain text for {" in built.text
