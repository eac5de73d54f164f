"""What the sources of the book must hold.  Neither a browser nor a build is needed.

Each rule is a generator of the problems of a notebook.  The chapters go through the rules, and
so do notebooks that were broken on purpose: a rule that never reports proves nothing.
"""

import base64
import copy
import csv
import functools
import html
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import check_numbers
import check_terms
import nbformat
import numpy as np
import pytest
import run_notebooks
import yaml
from contents import ASSIGNMENTS, CHAPTERS, NOTEBOOKS, PAGES, ROOT, TEXTS
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from lossbook import CATALOGUE
from lossbook.book import figures

# --- reading -----------------------------------------------------------------------------


@functools.cache
def notebook_of(page):
    """Return a page as a notebook; a Markdown page is a notebook of one cell."""
    path = ROOT / f"{page}.ipynb"
    if path.exists():
        return nbformat.read(path, as_version=4)
    text = path.with_suffix(".md").read_text("utf-8")
    body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    return new_notebook(cells=[new_markdown_cell(body)])


def cells_of(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def pictures(cell):
    """Return the outputs of a code cell that hold an image."""
    return [o for o in cell.outputs if "image/" in " ".join(o.get("data", ()))]


def where(cell):
    """Return a name for a cell that can be found in the file."""
    return f"{cell.id} ({cell.source[:40]!r})"


OPENING = re.compile(r"\s*(`{3,}|~{3,}|:{3,})(.*)")
DIRECTIVE = re.compile(r"\{([\w:-]+)\}\s*(.*)")
VERBATIM = {"code", "code-block", "code-cell", "eval-rst", "math", "raw"}


def split(text):
    """Return (fences, rest): each fence as (info, body), and the lines outside of fences.

    As in Markdown, a fence ends at the first line of at least as many of the same characters;
    the body is None if there is no such line.
    """
    fences, rest, lines = [], [], iter(text.splitlines())
    for line in lines:
        opening = OPENING.fullmatch(line)
        if not opening or (opening[1][0] == "`" and "`" in opening[2]):
            rest.append(line)
            continue
        body, info = [], opening[2].strip()
        for inner in lines:
            mark = inner.strip()
            if len(mark) >= len(opening[1]) and set(mark) == {opening[1][0]}:
                fences.append((info, "\n".join(body)))
                break
            body.append(inner)
        else:
            fences.append((info, None))
    return fences, rest


def fences_of(text):
    """Yield (info, body) of the fences of a text and of the directives in it, at any depth."""
    for info, body in split(text)[0]:
        yield info, body
        directive = DIRECTIVE.fullmatch(info)
        if body and directive and directive[1] not in VERBATIM:
            yield from fences_of(body)


def directives(notebook):
    """Return (name, argument, label) of all directives of a notebook, in order."""
    found = []
    for cell in cells_of(notebook, "markdown"):
        for info, body in fences_of(cell.source):
            if directive := DIRECTIVE.fullmatch(info):
                label = re.search(r"(?m)^\s*:label:\s*(\S+)", body or "")
                found.append((directive[1], directive[2], label and label[1]))
    return found


def headings(notebook):
    """Return (level, text) of the headings of a notebook; a # inside of a fence is none."""
    rests = [split(cell.source)[1] for cell in cells_of(notebook, "markdown")]
    title = re.compile(r"(#{1,6})\s+(.*)")
    matches = [title.match(line) for rest in rests for line in rest]
    return [(len(match[1]), match[2].strip()) for match in matches if match]


# --- rules for notebooks -----------------------------------------------------------------


def execution_problems(notebook):
    """Every code cell was run, from top to bottom in a fresh kernel, without an error."""
    for number, cell in enumerate(cells_of(notebook, "code"), 1):
        if cell.execution_count != number:
            count = cell.execution_count
            yield f"{where(cell)} has the execution count {count}, not {number}"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{where(cell)} stores the error {output.ename}: {output.evalue}"
            if output.get("name") == "stderr":
                yield f"{where(cell)} stores text of stderr: {output.text[:60]!r}"
            if address := re.search(r"<.{1,80} at 0x[0-9a-f]+>", str(output)):
                yield f"{where(cell)} stores an address, another in each run: {address[0]}"


def words_of(cell):
    """Return the words for who does not see a picture: the cell's, or those in an explorer."""
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt") or ""
    pages = [output.data.get("text/html", "") for output in pictures(cell)]
    said = re.search('role="img" aria-label="([^"]*)"', "".join(pages))
    return html.unescape(said[1]) if said else alt


def figure_problems(notebook):
    """Every picture has a name, a caption, and words for who does not see it.

    Without them the page is built with alt="../_images/….png", and no tool complains.
    """
    for cell in filter(pictures, cells_of(notebook, "code")):
        myst = cell.metadata.get("mystnb", {})
        alt, figure = words_of(cell), myst.get("figure", {})
        if len(pictures(cell)) > 1:
            yield f"{where(cell)} shows several pictures under one name"
        if len(alt.strip()) <= 40:
            yield f"{where(cell)} has no alt of more than 40 characters: {alt!r}"
        if alt and alt.split() == figure.get("caption", "").split():
            yield f"{where(cell)} has the caption once more as its alt"
        for key in ("name", "caption"):
            if not figure.get(key):
                yield f"{where(cell)} has no figure {key}"


def figure_text_problems(notebook):
    """Every picture comes with the text of figures.describe, which nbval compares."""
    for cell in cells_of(notebook, "code"):
        for output in pictures(cell):
            text = output.data.get("text/plain", "")
            if not text.startswith("Figure\n"):
                yield f"{where(cell)} shows a picture without lossbook.book.figures.show"
            for problem in label_problems(text):
                yield f"{where(cell)}: {problem}"


def opened(picture):
    """Return a stored picture as Pillow sees it."""
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def weight_problems(notebook):
    """Every picture has one form and the weight that a page can bear.

    That is a drawing as figures.svg shortens it, or few colours, which the runner sees to.
    """
    for cell in cells_of(notebook, "code"):
        for output in pictures(cell):
            drawing, picture = (output.data.get(f"image/{kind}", "") for kind in ("svg+xml", "png"))
            if drawing and picture:
                yield f"{where(cell)} stores a picture in two forms"
            if "\n" in drawing:
                yield f"{where(cell)} stores a drawing of several lines"
            if picture and opened(picture).mode != "P":
                yield f"{where(cell)} stores a picture in true colour"
            if max(len(drawing), len(base64.b64decode(picture))) > run_notebooks.HEAVY:
                yield f"{where(cell)} stores a picture of more than 120 kB"


def label_problems(text):
    """Yield which panels of a described figure lack the label of an axis.

    A panel may share the axis of an earlier one and leave the label to it.  Pictures and
    drawings of text alone have no axes, and a colour bar, which Matplotlib draws as patches
    without a place, has one.
    """
    labelled = set()
    for panel in re.split(r"(?m)^  (?=panel \d+:)", text)[1:]:
        labels, *drawn = panel.splitlines()
        own = {axis for axis in "xy" if re.search(rf"\b{axis}: ['\"]", labels)}
        labelled |= own
        kinds = {line.split()[0].strip(",") for line in drawn}
        if kinds and kinds <= {"image", "text"}:
            continue
        if own and set(drawn) == {"    points, 1 points, x 0 to 0, y 0 to 0"}:
            continue
        for axis in "xy":
            if axis not in labelled:
                yield f"{labels!r} has no {axis} label"


def setup_problems(notebook):
    """The first code cell is the runner's, which finds lossbook, and no page shows it."""
    if not cells_of(notebook, "code"):
        yield "there is no code cell"
        return
    first = cells_of(notebook, "code")[0]
    if first.source != run_notebooks.setup_source():
        yield f"{where(first)} is not the setup cell of tools/run_notebooks.py"
    if "remove-cell" not in first.metadata.get("tags", []):
        yield f"{where(first)} is not tagged remove-cell"


def metadata_problems(notebook):
    """The metadata holds nothing that differs from machine to machine or run to run."""
    ids = [cell.id for cell in notebook.cells]
    for name in sorted(set(ids)):
        if ids.count(name) > 1:
            yield f"the cell id {name} occurs twice"
    if set(notebook.metadata) != {"kernelspec", "language_info"}:
        yield f"the notebook has the metadata {sorted(notebook.metadata)}"
    if extra := set(notebook.metadata.get("language_info", ())) - {"name"}:
        yield f"language_info holds {sorted(extra)}"
    for cell in notebook.cells:
        if extra := set(cell.metadata) - run_notebooks.KEPT_METADATA:
            yield f"{where(cell)} has the metadata {sorted(extra)}"


def number_problems(notebook):
    """Every number in the prose is the value that it quotes (tools/check_numbers.py)."""
    yield from check_numbers.check(notebook)[1]


def support_problems(notebook):
    """Sentences of a summary, or of what another library does, rest on a cell or a source."""
    for sentence in check_numbers.unsupported(notebook):
        yield f"nothing supports {sentence!r}: tie it to a claim, a number or a source"


# --- rules for all pages -----------------------------------------------------------------


def fence_problems(notebook):
    """Every fence is closed in its cell, every exercise-start and solution-start has its end.

    Sphinx notices no unclosed fence: the rest of the page silently becomes a part of it.
    """
    for cell in cells_of(notebook, "markdown"):
        for info, body in fences_of(cell.source):
            if body is None:
                yield f"{where(cell)}: the fence {info!r} is not closed"
    names = [name for name, _, _ in directives(notebook)]
    gates = [n for n in names if re.fullmatch("(exercise|solution)-(start|end)", n)]
    for start, end in zip(gates[::2], [*gates[1::2], "nothing"]):
        if not start.endswith("start") or end != start.replace("start", "end"):
            yield f"{start} is followed by {end}"
            return


def heading_problems(notebook):
    """A page has one title, at its top, and skips no level below it."""
    found = headings(notebook)
    levels = [level for level, _ in found]
    if levels.count(1) != 1:
        yield f"the page has {levels.count(1)} titles (#), not one"
    for above, (level, text) in zip([0, *levels], found):
        if level > above + 1:
            yield f"the heading {'#' * level} {text} stands below level {above}"


REMOTE = re.compile(
    r"""(?ix)
    !\[[^\]]*\]\(\s*<?(?:https?:)?//                       # a Markdown image
    | \{(?:image|figure|iframe)\}\s*(?:https?:)?//         # a directive
    | <(?:img|script|iframe|link|video|audio|source|embed|object|image|use)\b[^>]*?
        \b(?:src|srcset|href|data)\s*=\s*["']?\s*(?:https?:)?//
    | url\(\s*["']?(?:https?:)?// | @import\s*["'](?:https?:)?//
    """
)


def third_party_problems(notebook):
    """Nothing on a page is fetched from another host; links to other hosts are fine."""
    texts = [(cell, cell.source) for cell in cells_of(notebook, "markdown")]
    for cell in cells_of(notebook, "code"):
        for output in cell.outputs:
            forms = {**output.get("data", {}), "text/plain": ""}
            texts += [(cell, str(form)) for form in forms.values()]
    for cell, text in texts:
        for match in REMOTE.finditer(text):
            yield f"{where(cell)} fetches {text[match.start() : match.end() + 40]!r}"


def skeleton_problems(notebook):
    """A numbered chapter has the parts that the reader finds in every other one."""
    found = directives(notebook)
    titles = {text for _, text in headings(notebook)}
    boxes = {argument for name, argument, _ in found if name == "admonition"}
    if "What you will be able to do" not in boxes:
        yield 'there is no admonition "What you will be able to do"'
    if "In short" not in titles | boxes:
        yield 'there is no part "In short"'
    if "Exercises" not in titles:
        yield 'there is no heading "Exercises"'
    tasks, answers = ("exercise", "exercise-start"), ("solution", "solution-start")
    exercises = [label for name, _, label in found if name in tasks]
    solved = [argument for name, argument, _ in found if name in answers]
    if len(exercises) < 5:
        yield f"there are {len(exercises)} exercises, fewer than five"
    if not any("check_attempt(" in c.source for c in cells_of(notebook, "code")):
        yield "there is no function to fill in, tested with check_attempt"
    for label in exercises:
        if label not in solved:
            yield f"the exercise {label} has no solution"
    for label in solved:
        if label not in exercises:
            yield f"the solution {label} has no exercise"


def term_problems(notebook):
    """A chapter links each term of the glossary where it first uses it."""
    for term, cell, *_ in check_terms.unlinked(notebook):
        place = check_terms.place(term)
        yield f"{where(cell)} uses {term!r} first: write [{term}]({place}) or run check_terms --fix"


# What MyST alone knows as a reference and a link says as well; only MyST numbers an exercise.
ROLE = re.compile(r"(?<!`)\{(?:ref|term|doc)\}`(?!ex-[\w-]+`)[^`]*`")
PAGE = r"(?!\S*assignments)[./\w-]*?([\w-]+)\.(?:ipynb|md)"
LINK = re.compile(rf"\[([^][]*)\]\((?:{PAGE})?(?:#([\w-]+))?\)")
OWN_WORDS = {"FAQ", "Keras 3", "More cases", "The recipe"}  # with a capital, and no title


def reference_problems(notebook):
    """A reference is a link, which other programs show too, and a title that it quotes is right."""
    for cell in cells_of(notebook, "markdown"):
        for role in ROLE.findall(cell.source):
            yield f"{where(cell)} holds {role}: write [words](page.ipynb#label)"
        for number in re.findall(r"\((\{eq\}`[^`]*`)\)", cell.source):
            yield f"{where(cell)} puts {number} in brackets, which it has itself"
        for words, page, label in LINK.findall(" ".join(cell.source.split())):
            title = names().get(label or page, words)
            own = words in OWN_WORDS or not words[:1].isupper()
            if not own and words.lower() not in title.lower():
                yield f"{where(cell)} calls {title!r} {words!r}"


PAGE_RULES = [fence_problems, heading_problems, third_party_problems, reference_problems]
NOTEBOOK_RULES = [execution_problems, figure_problems, figure_text_problems, weight_problems]
NOTEBOOK_RULES += [setup_problems, metadata_problems, number_problems, support_problems]


# Its words and numbers are those of the classes, with which test_atlas.py compares them.
GENERATED = {"chapters/reference/atlas": {number_problems, support_problems}}


def rules_for(page):
    rules = PAGE_RULES + (NOTEBOOK_RULES if page in NOTEBOOKS else [])
    rules = [rule for rule in rules if rule not in GENERATED.get(page, ())]
    return rules + ([skeleton_problems, term_problems] if page in CHAPTERS else [])


CASES = [(page, rule) for page in NOTEBOOKS + TEXTS for rule in rules_for(page)]
IDS = [f"{page}-{rule.__name__}" for page, rule in CASES]


@pytest.mark.parametrize("page, rule", CASES, ids=IDS)
def test_page(page, rule):
    problems = list(rule(notebook_of(page)))
    assert not problems, "\n".join([page, rule.__doc__.splitlines()[0], *problems])


def test_every_file_of_the_toc_exists_once():
    assert sorted(NOTEBOOKS + TEXTS + ASSIGNMENTS) == sorted(PAGES)
    assert len(set(PAGES)) == len(PAGES)


def test_the_glossary_is_in_alphabetical_order():
    text = (ROOT / "chapters" / "reference" / "glossary.md").read_text("utf-8")
    terms = re.findall(r"(?m)^(\S.*)\n  \(", text)
    assert len(terms) > 60 and terms == sorted(terms, key=str.casefold)


def test_every_page_is_in_the_toc():
    paths = [p.relative_to(ROOT) for p in (ROOT / "chapters").rglob("*.*")]
    texts = [p for p in paths if p.suffix in (".ipynb", ".md")]
    kept = [p for p in texts if ".ipynb_checkpoints" not in p.parts]
    pages = {p.with_suffix("").as_posix() for p in kept}
    assert pages - set(PAGES) == set()


def cards(notebook):
    """Return the names of the losses whose cards a notebook shows."""
    outputs = [o for cell in cells_of(notebook, "code") for o in cell.outputs]
    texts = (o.get("data", {}).get("text/markdown", "") for o in outputs)
    return {m[1] for text in texts if (m := re.match(r"\| loss \| `(\w+)\(", text))}


def test_every_loss_shows_its_card_in_a_chapter_of_formulas():
    chapters = [page for page in NOTEBOOKS if page.startswith("chapters/formulas/")]
    shown = set().union(*(cards(notebook_of(page)) for page in chapters))
    listed = {type(loss).__name__ for loss in CATALOGUE}
    assert listed - shown == set(), "Show its card in a chapter of Formulas, and run the chapter"
    assert shown - listed == set(), "Add its default instance to lossbook/catalogue.py"


def test_every_numbered_chapter_is_a_notebook():
    assert CHAPTERS and set(CHAPTERS) - set(NOTEBOOKS) == set()


FIND = 'print(importlib.util.find_spec("lossbook").origin)'
STOP = 'sys.exit("would install lossbook")'


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_notebook_opened_alone_finds_the_clone(page):
    """In a Python without installed packages, from the chapter's own folder, without pip."""
    setup = cells_of(notebook_of(page), "code")[0].source
    code = re.sub("%pip .*", STOP, setup) + "\n" + FIND
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        cwd=(ROOT / page).parent,
        capture_output=True,
        text=True,
    )
    here = str(ROOT / "lossbook" / "__init__.py")
    assert (found.stdout.strip(), found.stderr) == (here, "")


# --- the rules can fail ------------------------------------------------------------------

ALT = "Two panels: a curve that falls towards zero, and a digit."
FIGURE = """\
Figure
  panel 1: x: '$r$', y: 'loss'
    line 'a', 3 points, x 0 to 1, y 0 to 1
  panel 2: title: 'a digit'
    image, 28 × 28"""
AIMS = "# Title\n\n:::{admonition} What you will be able to do\nMuch.\n:::"
BATCH = "../reference/glossary.md#term-batch"
TIED = """## Use

It is 0.850<!--best:.3f-->, see [there](https://example.org).
PyTorch has no low one.<!--claim low--> In Keras you write `low`."""
EXERCISE_TEXT = """
:::{exercise} Title
:label: ex-%d
Find it.
:::

:::{solution} ex-%d
:class: dropdown
```python
# found
```
:::
"""
EXERCISES = "".join(EXERCISE_TEXT % (number, number) for number in range(4))
START = ":::{exercise-start} Title\n:label: ex-4\n:::"
MIDDLE = ":::{exercise-end}\n:::\n\n:::{solution-start} ex-4\n:::"


def recorded(data, name):
    return new_output("display_data", data, metadata={"scrapbook": {"name": name}})


def stored(picture):
    """Return a picture as notebooks store it."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


NOISE = Image.frombytes("RGB", (400, 400), np.random.default_rng(1).bytes(400 * 400 * 3))


def sound_notebook():
    """Return a chapter in which no rule finds a problem."""
    best, low = {check_numbers.RECORD: "0.85"}, {check_numbers.RECORD: "True"}
    picture = {"image/png": stored(Image.new("P", (2, 1))), "text/plain": FIGURE}
    figure = {"name": "fig-a", "caption": "The loss."}
    myst = {"mystnb": {"image": {"alt": ALT}, "figure": figure}}
    card = {"text/html": "<b>card</b>"}

    def code(source, outputs=(), **metadata):
        return new_code_cell(source, outputs=list(outputs), metadata=metadata)

    cells = [
        new_markdown_cell(AIMS),
        code(run_notebooks.setup_source(""), tags=["remove-cell"]),
        code("glue(best=0.85)", [recorded(best, "best"), recorded(low, "low")]),
        new_markdown_cell(TIED),
        code("show(figure)", [new_output("display_data", picture)], **myst),
        code("card; check_attempt(mine, loss)", [new_output("display_data", card)]),
        new_markdown_cell(f"## In short\n\n## Exercises\n{EXERCISES}\n{START}"),
        new_markdown_cell(MIDDLE),
        new_markdown_cell(":::{solution-end}\n:::"),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"sound-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = new_notebook(cells=cells, metadata=metadata)
    for number, cell in enumerate(cells_of(notebook, "code"), 1):
        cell.execution_count = number
    return notebook


TITLE, SETUP, GLUE, PROSE, PICTURE, CARD, EXERCISE, GATE, END = range(9)


def replace(cell, old, new):
    """Return a change that replaces text in the source of a cell."""

    def change(cells):
        assert old in cells[cell].source
        cells[cell].source = cells[cell].source.replace(old, new)

    return change


def add(cell, kind, **fields):
    """Return a change that adds an output to a code cell."""
    return lambda cells: cells[cell].outputs.append(new_output(kind, **fields))


def show(**data):
    """Return a change that adds a form of output, text_html for text/html."""
    forms = {name.replace("_", "/"): form for name, form in data.items()}
    return add(CARD, "display_data", data=forms)


def describe_as(text):
    """Return a change of the text that stands beside the picture."""
    return lambda cells: cells[PICTURE].outputs[0].data.update({"text/plain": text})


def draw(picture=None, drawing=None):
    """Return a change of the picture."""
    forms = {"image/png": stored(picture)} if picture else {}
    forms |= {"image/svg+xml": drawing} if drawing else {}
    return lambda cells: cells[PICTURE].outputs[0].data.update(forms)


def set_myst(part, **values):
    """Return a change of the picture's metadata."""
    return lambda cells: cells[PICTURE].metadata.mystnb[part].update(values)


# fmt: off
BROKEN = {
    execution_problems: [
        (lambda c: c[CARD].update(execution_count=None), "execution count None, not 4"),
        (lambda c: c[CARD].update(execution_count=9), "execution count 9, not 4"),
        (add(CARD, "error", ename="ValueError", evalue="no"), "stores the error ValueError: no"),
        (add(CARD, "stream", name="stderr", text="W0000"), "stores text of stderr: 'W0000'"),
        (add(CARD, "stream", name="stdout", text="<A at 0x7f>"), "stores an address"),
    ],
    figure_problems: [
        (lambda c: c[PICTURE].metadata.clear(), "no alt of more than 40 characters: ''"),
        (set_myst("image", alt="A figure."), "no alt of more than 40 characters: 'A figure.'"),
        (set_myst("figure", caption=ALT), "has the caption once more"),
        (set_myst("figure", caption=""), "has no figure caption"),
        (set_myst("figure", name=None), "has no figure name"),
        (lambda c: c[PICTURE].outputs.append(c[PICTURE].outputs[0]), "several pictures"),
    ],
    figure_text_problems: [
        (describe_as("<Figure size 640x480 with 1 Axes>"), "without lossbook.book.figures.show"),
        (lambda c: c[PICTURE].outputs[0].data.pop("text/plain"), "a picture without lossbook"),
        (describe_as(FIGURE.replace(", y: 'loss'", "")), "panel 1: x: '$r$'\" has no y label"),
        (describe_as("Figure\n  panel 1: \n    line, 3 points"), "panel 1: ' has no x label"),
    ],
    weight_problems: [
        (draw(NOISE.resize((9, 9))), "stores a picture in true colour"),
        (draw(NOISE.quantize()), "stores a picture of more than 120 kB"),
        (draw(drawing="<svg/>"), "stores a picture in two forms"),
        (draw(drawing="<svg>\n</svg>"), "stores a drawing of several lines"),
        (draw(drawing="<svg/>" * 20_001), "stores a picture of more than 120 kB"),
    ],
    setup_problems: [
        (replace(SETUP, "parents", "parent"), "is not the setup cell"),
        (replace(SETUP, "exists()]", 'exists()]\n%pip install -q "x"'), "not the setup cell of"),
        (lambda c: c.pop(SETUP), "('glue(best=0.85)') is not the setup cell"),
        (lambda c: c[SETUP].metadata.clear(), "not tagged remove-cell"),
        (lambda c: c.__delitem__(slice(1, None)), "there is no code cell"),
    ],
    metadata_problems: [
        (lambda c: c[CARD].update(id="sound-0"), "sound-0 occurs twice"),
        (lambda c: c[CARD].metadata.update(execution={}), "has the metadata ['execution']"),
    ],
    number_problems: [
        (replace(PROSE, "0.850", "0.851"), "0.851 quotes best, which is 0.850"),
        (replace(TITLE, "Much", "Much, 3.5 times"), "3.5 is tied to no value"),
        (set_myst("figure", caption="At the rate 4.5."), "4.5 is tied to no value"),
        (replace(PROSE, "<!--best", "<!--worst"), "quotes worst, which no cell records"),
        (replace(PROSE, "0.850<!--best:.3f-->", "good"), "best is recorded and never quoted"),
        (replace(PROSE, "<!--claim low-->", ""), "low is recorded and never quoted"),
        (replace(PROSE, "claim low", "claim low, high"), "the claim high, which no cell records"),
        (replace(PROSE, "claim low", "claim best"), "the claim best, which no cell records"),
        (replace(PROSE, "best:.3f", "low"), "0.850 quotes low, which is a claim"),
    ],
    support_problems: [
        (replace(EXERCISE, "In short", "In short\n\nIt is low."), "nothing supports 'It is low.'"),
        (replace(EXERCISE, "short", "short\n\n- A.<!--claim low-->\n- B."), "supports '- B.'"),
        (replace(EXERCISE, "short", "short\n\n- A.<!--a-->\n- B.\n- C.<!--a-->\n- D"), "'- B.'"),
        (replace(PROSE, "It is", "Keras averages. It is"), "nothing supports 'Keras averages.'"),
        (replace(PROSE, "<!--claim low-->", ""), "'PyTorch has no low one.'"),
        (replace(PROSE, "one.<!--claim low-->", f"[batch]({BATCH})."), "'PyTorch has no low ["),
        (replace(PROSE, "It is", "In JAX, `f` returns 1. It is"), "supports 'In JAX, `f` returns"),
    ],
    term_problems: [
        (replace(PROSE, "It is", "Of a batch it is"), "uses 'batch' first: write [batch](../"),
        (replace(PROSE, "It is", f"Batches\n[batch]({BATCH}) It is"), "uses 'batch' first"),
        (replace(PROSE, "It is", "Of the gradient descent it is"), "uses 'gradient descent' first"),
    ],
    fence_problems: [
        (replace(TITLE, "Much.\n:::", "Much."), "What you will be able to do' is not closed"),
        (replace(TITLE, "Much.\n:::", "Much.\n:::\n:::"), "the fence '' is not closed"),
        (replace(EXERCISE, "# found\n```\n", "# found\n"), "the fence 'python' is not closed"),
        (replace(GATE, ":::{exercise-end}\n:::", ""), "exercise-start is followed by solution"),
        (lambda c: c.pop(END), "solution-start is followed by nothing"),
    ],
    heading_problems: [
        (replace(PROSE, "## Use", "# Use"), "has 2 titles"),
        (replace(TITLE, "# Title", "Title"), "has 0 titles"),
        (replace(PROSE, "## Use", "### Use"), "### Use stands below level 1"),
    ],
    reference_problems: [
        (replace(PROSE, "It is", "A {term}`loss\n<loss>`. It is"), "holds {term}`loss"),
        (replace(PROSE, "It is", "See {ref}`ch-text`. It is"), "holds {ref}`ch-text`"),
        (replace(PROSE, "It is", "See {ref}`this <ex-1>`. It is"), "holds {ref}`this <ex-1>`"),
        (replace(PROSE, "It is", "See {doc}`margins`. It is"), "holds {doc}`margins`"),
        (replace(PROSE, "It is", "As said ({eq}`eq-a`), it is"), "in brackets, which it has"),
        (replace(PROSE, "It is", "See [Edges](margins.ipynb). It is"), "calls 'Margins"),
        (replace(PROSE, "It is", "See [Old\ntitle](#ch-text). It is"), "'Old title'"),
    ],
    third_party_problems: [
        (replace(PROSE, "[there]", "![there]"), "![there](https://example.org"),
        (replace(TITLE, "Much.", "```{image} //example.org/a\n```"), "{image} //example.org"),
        (replace(TITLE, "Much.", '<script async src="https://example.org/a.js">'), "<script"),
        (show(text_html="<iframe\nsrc='http://example.org'>"), "<iframe"),
        (show(text_markdown="![](https://example.org/a)"), "![](https"),
    ],
    skeleton_problems: [
        (replace(TITLE, "What you will be able to do", "Aims"), "What you will be able to do"),
        (replace(EXERCISE, "In short", "So"), 'no part "In short"'),
        (replace(EXERCISE, "## Exercises", ""), 'no heading "Exercises"'),
        (replace(EXERCISE, START, ""), "4 exercises, fewer than five"),
        (replace(CARD, "check_attempt", "print"), "no function to fill in"),
        (replace(EXERCISE, "{solution} ex-2", "{note}"), "exercise ex-2 has no solution"),
        (replace(EXERCISE, "{solution} ex-2", "{solution} ex-9"), "ex-9 has no exercise"),
    ],
}
# fmt: on
BROKEN_CASES = [(rule, *case) for rule, cases in BROKEN.items() for case in cases]
BROKEN_IDS = [f"{rule.__name__}: {message}" for rule, _, message in BROKEN_CASES]


@pytest.mark.parametrize("rule, change, message", BROKEN_CASES, ids=BROKEN_IDS)
def test_a_broken_notebook_is_reported(rule, change, message):
    notebook = sound_notebook()
    change(notebook.cells)
    assert message in "\n".join(rule(notebook))


def test_a_sound_notebook_passes_and_every_rule_is_shown_to_fail():
    assert set(BROKEN) == {*PAGE_RULES, *NOTEBOOK_RULES, skeleton_problems, term_problems}
    assert [problem for rule in BROKEN for problem in rule(sound_notebook())] == []


def test_a_word_in_code_a_formula_a_heading_or_a_longer_term_is_no_first_use():
    notebook = sound_notebook()
    descent = f"[gradient descent]({check_terms.place('gradient descent')})"
    said = f"### A gradient\n\n`loss`, $loss$, [risk](#a), {descent}, gradient"
    notebook.cells[PROSE].source = said
    assert [(term, match.start()) for term, _, match, _ in check_terms.unlinked(notebook)] == [
        ("gradient", said.rindex("gradient"))
    ]
    assert check_terms.fix(notebook) == 1 and not list(check_terms.unlinked(notebook))
    assert notebook.cells[PROSE].source.endswith(
        ", [gradient](../reference/glossary.md#term-gradient)"
    )


def test_metadata_of_a_machine_are_reported():
    notebook = sound_notebook()
    notebook.metadata.update(widgets={}, language_info={"version": "3.11.7"})
    assert len(list(metadata_problems(notebook))) == 2


def test_an_address_in_a_committed_notebook_is_reported():
    notebook = sound_notebook()
    notebook.cells[SETUP].source = run_notebooks.setup_source("https://github.com/acme/lossbook")
    assert "is not the setup cell" in next(setup_problems(notebook))


BAR = "\n    points, 1 points, x 0 to 0, y 0 to 0" * 2
LINE = "\n    line, 3 points, x 0 to 1, y 0 to 1"


@pytest.mark.parametrize(
    "panels, missing",
    [
        ([f"x: 'a', y: \"b'\"{LINE}", f"x: 'c'{LINE}"], ""),  # one axis for both
        ([f"x: 'a'{LINE}", f"x: 'c', y: 'b'{LINE}"], "y"),
        ([f"\n    text 'x: 1'{LINE}"], "xy"),
        (["\n    image, 2 × 2\n    text '7'"], ""),
        (["\n    image, 2 × 2", f"y: 'loss'{BAR}"], ""),
        (["\n    image, 2 × 2", BAR], "xy"),
        ([""], "xy"),
    ],
)
def test_panels_need_labels_unless_they_share_them_or_have_no_axes(panels, missing):
    lines = [f"  panel {number}: {panel}" for number, panel in enumerate(panels, 1)]
    problems = label_problems("\n".join(["Figure", *lines]))
    assert [problem[-len("x label")] for problem in problems] == list(missing)


# --- the five documents: where each item is covered, and their errata --------------------

KINDS = "KFPCARTQ"
COUNTS = {  # items of each kind
    "S1": (8, 2, 1, 1, 1, 1, 2, 4),
    "S2": (8, 3, 1, 6, 1, 1, 4, 4),
    "S3": (8, 2, 1, 1, 3, 3, 3, 0),
    "S4": (6, 3, 0, 5, 0, 1, 3, 4),
    "S5": (12, 8, 2, 1, 1, 2, 3, 10),
}
ITEMS = [
    f"{document}-{kind}{number}"
    for document, counts in COUNTS.items()
    for kind, count in zip(KINDS, counts)
    for number in range(1, count + 1)
]

REFERENCE = "chapters/reference"
ERRATA = [(d, i) for d, n in enumerate((14, 16, 14, 9, 13), 1) for i in range(1, n + 1)]
LABEL = re.compile(r"(?m)^\(([\w-]+)\)=\n+#+ +(.*)$")


@functools.cache
def labels():
    """Return {label: heading} of the labelled headings of all pages."""
    notebooks = [notebook_of(page) for page in NOTEBOOKS + TEXTS]
    cells = [cell for notebook in notebooks for cell in cells_of(notebook, "markdown")]
    return dict(match.groups() for cell in cells for match in LABEL.finditer(cell.source))


@functools.cache
def names():
    """Return the heading of each label and of each page, by the name of its file."""
    pages = NOTEBOOKS + TEXTS
    return labels() | {Path(page).name: headings(notebook_of(page))[0][1] for page in pages}


@functools.cache
def sections(page):
    """Return {anchor: heading} of a page, with the anchors that MyST makes of headings."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    depth, found = config["sphinx"]["config"]["myst_heading_anchors"], {}
    for level, text in headings(notebook_of(page)):
        plain = re.sub(r"\$[^$]*\$|`", "", text).lower().replace(" ", "-")
        anchor, number = re.sub(r"[^\w-]", "", plain), 1
        while anchor in found:
            anchor, number = f"{anchor}-{number}", number + 1
        if level <= depth:
            found[anchor] = text
    return found


def link_problems(text):
    """Every link of a cell leads to a heading and names it, as "chapter › section"."""
    for name, address in re.findall(r"\[([^\]]*)\]\(([^)]*)\)", text):
        file, _, anchor = address.partition("#")
        there = os.path.normpath(ROOT / REFERENCE / file)
        page = os.path.relpath(there, ROOT).rpartition(".")[0]
        if page not in PAGES or not Path(there).is_file():
            yield f"{address} leads to no page"
        elif anchor and anchor not in sections(page):
            yield f"{address} leads to no section"
        else:
            title = headings(notebook_of(page))[0][1]
            section = sections(page)[anchor] if anchor else ""
            if name != " › ".join([title, section][: 1 + bool(anchor)]):
                yield f"{address} is not called {name!r}"
    for name, label in re.findall(r"\{ref\}`(?:([^<`]*) )?<?([\w-]+)>?`", text):
        if label not in labels():
            yield f"{label} is the label of no heading"
        elif label.startswith("err-") and f"err-{name[1:].replace('.', '-')}" != label:
            yield f"{label} is not {name}"


def read_coverage():
    """Return the rows of the five tables, each with the number of its document."""
    rows = []
    for document in range(1, 6):
        path = ROOT / REFERENCE / f"coverage-{document}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, strict=True):
                rows.append({"document": document, **row})
    return rows


def coverage_problems(rows):
    """Every item of the documents stands in its table, with links to what treats it."""
    names = [row["item"] for row in rows]
    for item in ITEMS:
        if names.count(item) != 1:
            yield f"{item} stands in the tables {names.count(item)} times"
    if names != ITEMS and sorted(names) == sorted(ITEMS):
        yield "the items are not in order"
    for row in rows:
        for problem in row_problems(row):
            yield f"{row['item']}: {problem}"
    cells = "".join(row["covered in"] for row in rows)
    for document, number in ERRATA:
        if f"<err-{document}-{number}>" not in cells:
            yield f"E{document}.{number} belongs to no item"


def row_problems(row):
    item, cell = row["item"], row["covered in"]
    if item not in ITEMS or item[:2] != f"S{row['document']}":
        yield f"is no item of document {row['document']}"
    if set(row) != {"document", "item", "lines", "what it says", "covered in"}:
        yield f"has the columns {list(row)}"
    if not re.fullmatch(r"\d+(–\d+)?(, \d+(–\d+)?)*", row["lines"]):
        yield f"has the lines {row['lines']!r}"
    if len(row["what it says"]) < 5 or re.search("[\u4e00-\u9fff]", row["what it says"]):
        yield f"says {row['what it says']!r}"
    chapters = re.findall(r"\]\(", cell)
    if not 1 <= len(chapters) <= 3:
        yield f"has {len(chapters)} links to sections, not one to three"
    if "-Q" in item and "<faq-" not in cell and "{ref}`faq-" not in cell:
        yield "is a question without its answer in the FAQ"
    if re.search(r"(?i)\b(?:not yet|in part|planned)\b", cell):
        yield "is covered in part only"
    yield from link_problems(cell)


def coverage_page_problems(text):
    """The page counts the items as they are, and shows each of the five tables."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines()]
    found = {row[0]: row[1:] for row in rows if len(row) == len(KINDS) + 2}
    expected = {f"[{d}](#document-{d}), S{d}": COUNTS[f"S{d}"] for d in range(1, 6)}
    expected["together"] = [sum(column) for column in zip(*COUNTS.values())]
    for name, counts in expected.items():
        if found.get(name) != [str(count) for count in (*counts, sum(counts))]:
            yield f"the counts of {name} are {found.get(name)}"
    for document in range(1, 6):
        table = f"## Document {document}\n\n:::{{csv-table}}\n"
        if f"{table}:file: coverage-{document}.csv\n" not in text:
            yield f"coverage-{document}.csv is not shown under Document {document}"


DEGREES = ("wrong", "misleading", "form", "remark")


def degree_problems(documents, index):
    """The degree of an erratum is one of four, and the same wherever it is stated or counted."""
    listed = dict(re.findall(r"(?m)^\| \[E([\d.]+)\]\(.*?\) \| (.*?) \|", index))
    table = re.findall(r"(?m)^\| (?:\[Document \d\]\(.*?\)|together) ((?:\| \d+ )+)\|$", index)
    counts = [[0] * len(DEGREES) for _ in documents]
    for document, notebook in enumerate(documents, 1):
        text = "\n".join(cell.source for cell in cells_of(notebook, "markdown"))
        for number in (number for d, number in ERRATA if d == document):
            name, label = f"{document}.{number}", rf"\(err-{document}-{number}\)=\n##.*\n\n"
            found = re.search(label + rf"\*(\w+)\. Document {document}, lines? \d", text)
            degree = found[1].lower() if found else None
            if degree not in DEGREES:
                yield f"E{name} has the degree {degree}"
            elif listed.get(name) != degree:
                yield f"E{name} is {degree} on its page and {listed.get(name)} in the index"
            counts[document - 1][DEGREES.index(degree) if degree in DEGREES else 0] += 1
    expected = [[*row, sum(row)] for row in [*counts, [sum(column) for column in zip(*counts)]]]
    found = [[int(number) for number in re.findall(r"\d+", row)] for row in table]
    if found != expected:
        yield f"the table of degrees says {found}, not {expected}"
    words = r"hold (\d+) entries: (\d+) errors, (\d+) .*?, (\d+) .*? and (\d+) remarks"
    numbers = [int(number) for counts in re.findall(words, index) for number in counts]
    if numbers != [sum(expected[-1][:-1]), *expected[-1][:-1]]:
        yield f"the introduction counts {numbers}, not {expected[-1]}"


def errata_problems(documents, index):
    """Every erratum has its label, its heading and a code cell, and a row of the index.

    Its degree is the same in the index and on its page, and the index counts them rightly.
    """
    yield from degree_problems(documents, index)
    for document, notebook in enumerate(documents, 1):
        found, code = [], {}
        for cell in notebook.cells:
            if cell.cell_type == "code" and found:
                code[found[-1]] = True
            for label, text in re.findall(r"(?m)^\((err-.*)\)=\n(.*)$", cell.source):
                name = "E" + label[4:].replace("-", ".")
                found.append(name)
                if not text.startswith(f"## {name} "):
                    yield f"{label} is followed by {text!r}"
            for level, text in headings(new_notebook(cells=[cell])):
                if level == 2 and not re.match(r"E\d", text):
                    found.append(text)
        expected = [f"E{d}.{number}" for d, number in ERRATA if d == document]
        names = [name for name in found if re.fullmatch(r"E[\d.]+", name)]
        if names != expected:
            yield f"document {document} has the errata {names}"
        for name in names:
            if name not in code:
                yield f"{name} is shown by no code"
    rows = re.findall(r"(?m)^\| \[E(\d+)\.(\d+)\]\(document-\1\.ipynb#err-\1-\2\) \|", index)
    if [(int(d), int(number)) for d, number in rows] != ERRATA:
        yield f"the index lists {len(rows)} errata or another order"


def read_errata():
    folder = f"{REFERENCE}/errata"
    index = (ROOT / folder / "index.md").read_text("utf-8")
    return [notebook_of(f"{folder}/document-{n}") for n in range(1, 6)], index


def read_page():
    return (ROOT / REFERENCE / "coverage.md").read_text("utf-8")


def test_every_item_of_the_documents_is_covered():
    assert (len(ITEMS), len(ERRATA)) == (130, 66)
    assert list(coverage_problems(read_coverage())) == []
    assert list(coverage_page_problems(read_page())) == []


def test_every_erratum_is_shown_by_code_and_listed_once():
    assert list(errata_problems(*read_errata())) == []


def edit(item, column, old, new):
    """Return a change that replaces text in a row of the coverage tables."""

    def change(rows):
        (row,) = [row for row in rows if row["item"] == item]
        assert old in row[column]
        row[column] = row[column].replace(old, new)

    return change


# fmt: off
BROKEN_COVERAGE = [
    (lambda rows: rows.pop(7), "S1-K8 stands in the tables 0 times"),
    (lambda rows: rows.append(rows[0]), "S1-K1 stands in the tables 2 times"),
    (lambda rows: rows.reverse(), "the items are not in order"),
    (edit("S3-A3", "item", "A3", "A4"), "S3-A4: is no item of document 3"),
    (lambda rows: rows[0].update(document=2), "S1-K1: is no item of document 2"),
    (lambda rows: rows[0].update({None: ["more"]}), "S1-K1: has the columns"),
    (edit("S1-K1", "lines", "5", "5-7"), "S1-K1: has the lines '5-7'"),
    (lambda rows: rows[0].update({"what it says": ""}), "S1-K1: says ''"),
    (lambda rows: rows[0].update({"covered in": ""}), "S1-K1: has 0 links to sections"),
    (edit("S1-Q1", "covered in", "{ref}`faq-value`", ""), "S1-Q1: is a question without"),
    (edit("S1-K5", "covered in", "[What a loss is", "In part: [What a loss is"),
     "S1-K5: is covered in part only"),
    (edit("S5-T1", "covered in", "[", "Planned: ["), "S5-T1: is covered in part only"),
    (edit("S1-K5", "covered in", "what-a-loss-is.ipynb", "what-a-loss-is.md"),
     "../foundations/what-a-loss-is.md#smaller-loss-better-model leads to no page"),
    (edit("S1-K5", "covered in", "#smaller-loss-better", "#smaller-better"),
     "what-a-loss-is.ipynb#smaller-better-model leads to no section"),
    (edit("S1-K5", "covered in", "› Smaller loss, better model", "› Smaller losses"),
     "is not called 'What a loss is › Smaller losses'"),
    (edit("S1-K5", "covered in", "What a loss is ›", "The loss ›"), "is not called 'The loss"),
    (edit("S1-K5", "covered in", "<err-1-7>", "<err-1-99>"), "err-1-99 is the label of no"),
    (edit("S1-K5", "covered in", "<err-1-7>", "<err-1-6>"), "err-1-6 is not E1.7"),
    (edit("S3-A2", "covered in", "<err-3-12>", ""), "E3.12 belongs to no item"),
    (edit("S1-Q1", "covered in", "`faq-value`", "`faq-none`"), "faq-none is the label of no"),
]
BROKEN_COVERAGE_PAGE = [
    ("S4 | 6 |", "S4 | 7 |", "the counts of [4](#document-4), S4 are ['7', '3'"),
    ("| 15 | 22 | 130 |", "| 15 | 22 | 131 |", "the counts of together are"),
    ("| [1](#document-1), S1 |", "| 1 |", "the counts of [1](#document-1), S1 are None"),
    ("coverage-3.csv", "coverage-2.csv", "coverage-3.csv is not shown under Document 3"),
]
BROKEN_ERRATA = [
    ("(err-1-3)=", "(err-1-33)=", "document 1 has the errata ['E1.1', 'E1.2', 'E1.33'"),
    ("(err-1-3)=", "(err-1-2)=", "err-1-2 is followed by '## E1.3"),
    ("(err-1-3)=\n## E1.3 ", "(err-1-3)=\n", "err-1-3 is followed by"),
    ("(err-1-3)=\n", "", "document 1 has the errata ['E1.1', 'E1.2', 'E1.4'"),
    ("*Wrong. Document 1, lines 15", "*Form. Document 1, lines 15", "E1.7 is form on its page and"),
    ("*Wrong. Document 1, lines 15", "*Bad. Document 1, lines 15", "E1.7 has the degree bad"),
    ("*Wrong. Document 1, lines 15", "*Form. Document 1, lines 15", "the table of degrees says"),
    ("*Wrong. Document 1, lines 15", "*Form. Document 1, lines 15", "the introduction counts [66"),
]
BROKEN_INDEX = [
    ("#err-1-7) | wrong |", "#err-1-7) | form |", "E1.7 is wrong on its page and form"),
    ("| together | 11 |", "| together | 13 |", "the table of degrees says"),
    ("entries: 11 errors", "entries: 29 errors", "the introduction counts [66, 29"),
]
# fmt: on


@pytest.mark.parametrize("change, message", BROKEN_COVERAGE)
def test_broken_coverage_is_reported(change, message):
    rows = copy.deepcopy(read_coverage())
    change(rows)
    assert message in "\n".join(coverage_problems(rows))


@pytest.mark.parametrize("old, new, message", BROKEN_COVERAGE_PAGE)
def test_a_broken_page_of_coverage_is_reported(old, new, message):
    assert old in read_page()
    broken = read_page().replace(old, new)
    assert message in "\n".join(coverage_page_problems(broken))


@pytest.mark.parametrize("old, new, message", BROKEN_ERRATA)
def test_broken_errata_are_reported(old, new, message):
    documents, index = copy.deepcopy(read_errata())
    (cell,) = [cell for cell in documents[0].cells if old in cell.source]
    cell.source = cell.source.replace(old, new)
    assert message in "\n".join(errata_problems(documents, index))


@pytest.mark.parametrize("old, new, message", BROKEN_INDEX)
def test_a_broken_index_of_errata_is_reported(old, new, message):
    documents, index = read_errata()
    assert index.count(old) == 1
    assert message in "\n".join(errata_problems(documents, index.replace(old, new)))


def test_an_erratum_without_code_and_a_gap_in_the_index_are_reported():
    documents, index = copy.deepcopy(read_errata())
    for notebook in documents:
        notebook.cells = cells_of(notebook, "markdown")
    row = "| [E5.13](document-5.ipynb#err-5-13) |"
    assert row in index
    problems = list(errata_problems(documents, index.replace(row, "| E5.13 |")))
    assert sum("is shown by no code" in problem for problem in problems) == len(ERRATA)
    assert problems[-1] == "the index lists 65 errata or another order"


# --- what the runner stores, and what nbval compares -------------------------------------

TINY = [
    run_notebooks.setup_source(""),
    "print('the loss is', 1 / 4)",
    "from lossbook.book import notebook\nnotebook.glue(half=1 / 2)",
    "from lossbook import SquaredError\nfrom lossbook.book import figures",
    "figure, axes = figures.plot_loss(SquaredError())\nfigures.show(figure)",
    "SquaredError()  # its card",
]
TEXT_CELL, GLUE_CELL, FIGURE_CELL, CARD_CELL = 1, 2, 4, 5


def python(*arguments, folder):
    """Run Python with the lossbook of this clone, without the settings of the running pytest."""
    foreign = ("PYTEST_", "COV_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def tiny_book(tmp_path_factory):
    """A book of two notebooks, one of which fails, and the result of its runner."""
    folder = tmp_path_factory.mktemp("book")
    for name in ("tools/run_notebooks.py", "_ext/plain.py"):
        (folder / name).parent.mkdir()
        shutil.copy(ROOT / name, folder / name)
    (folder / "chapters").mkdir()
    metadata = {"tags": ["remove-cell"], "execution": {"iopub.status.busy": "now"}}
    tiny = new_notebook(cells=[new_code_cell(s, metadata=metadata) for s in TINY])
    nbformat.write(tiny, folder / "chapters" / "tiny.ipynb")
    fails = new_notebook(cells=[new_code_cell("1 / 0")])
    nbformat.write(fails, folder / "chapters" / "fails.ipynb")
    before = (folder / "chapters" / "fails.ipynb").read_bytes()
    result = python("tools/run_notebooks.py", folder=folder)
    result.left_alone = before == (folder / "chapters" / "fails.ipynb").read_bytes()
    return folder, result


def test_the_runner_reports_a_notebook_that_fails_and_leaves_it_alone(tiny_book):
    _, result = tiny_book
    assert result.returncode == 1 and result.left_alone
    assert "fails.ipynb" in result.stdout and "ZeroDivisionError" in result.stdout


def test_what_the_runner_stores_obeys_the_rules(tiny_book):
    notebook = nbformat.read(tiny_book[0] / "chapters" / "tiny.ipynb", as_version=4)
    rules = set(NOTEBOOK_RULES) - {figure_problems, number_problems}
    assert [problem for rule in rules for problem in rule(notebook)] == []
    assert check_numbers.recorded_values(notebook) == {"half": 0.5}
    assert "text/markdown" in notebook.cells[CARD_CELL].outputs[0].data


def test_a_second_run_stores_the_same_bytes(tiny_book):
    path = tiny_book[0] / "chapters" / "tiny.ipynb"
    first = path.read_bytes()
    result = python("tools/run_notebooks.py", path, folder=tiny_book[0])
    assert result.returncode == 0 and path.read_bytes() == first, result.stderr


def test_pictures_of_few_colours_look_like_those_of_all():
    figure, (left, right) = figures.subplots(1, 2)
    left.imshow(np.linspace(0, 1, 10_000).reshape(100, 100), interpolation="bilinear")
    for colour, height in zip(figures.COLOURS, range(5)):
        right.plot([0, 9], [height, 2 * height], linewidth=0.5, color=colour)
        right.fill_between([0, 9], height, height + 1, color=colour, alpha=0.1)
    drawn = figures.png(figure)
    few = run_notebooks.few_colours(drawn)
    assert run_notebooks.few_colours(few) == few and 2 * len(few) < len(drawn)
    assert opened(few).info["dpi"] == opened(drawn).info["dpi"]  # the PDF takes its size from it
    before, after = (np.asarray(opened(p).convert("RGB")).astype(int) for p in (drawn, few))
    assert np.abs(before - after).max() <= 12
    assert len(opened(few).getcolors()) > 200
    assert len(opened(run_notebooks.few_colours(stored(NOISE))).getcolors()) == 128  # it is heavy
    white = (before == 255).all(axis=2)
    assert white.any() and (after[white] == 255).all()


def nbval(folder, *names):
    """Compare stored outputs as the suite does; return {(notebook, cell): outcome}."""
    settings = ["-c", ROOT / "pyproject.toml", "--rootdir", folder]
    settings += ["-o", "addopts=", "-p", "no:cacheprovider", "--color=no", "-rA"]
    compare = ["--nbval", "--nbval-current-env"]
    compare += ["--nbval-sanitize-with", ROOT / "tests" / "nbval_sanitize.cfg"]
    files = [f"{name}.ipynb" for name in names]
    result = python("-m", "pytest", *settings, *compare, *files, folder=folder)
    line = r"(?m)^(PASSED|FAILED|ERROR) (?:.*/)?(\w+)\.ipynb::Cell (\d+)"
    outcomes = re.findall(line, result.stdout)
    assert outcomes, result.stdout + result.stderr
    return {(name, int(cell)): outcome for outcome, name, cell in outcomes}


def test_nbval_notices_what_is_changed_and_nothing_else(tiny_book, tmp_path):
    notebook = nbformat.read(tiny_book[0] / "chapters" / "tiny.ipynb", as_version=4)
    drawn = notebook.cells[FIGURE_CELL].outputs[0].data
    drawn["image/svg+xml"] = drawn["image/svg+xml"].replace("<path", "<g")  # another Matplotlib's
    nbformat.write(notebook, tmp_path / "same.ipynb")

    def change(cell, key, old, new):
        output = notebook.cells[cell].outputs[0]
        holder = output.get("data", output)
        assert old in holder[key]
        holder[key] = holder[key].replace(old, new)

    change(TEXT_CELL, "text", "0.25", "0.26")
    change(GLUE_CELL, check_numbers.RECORD, "0.5", "0.51")
    change(FIGURE_CELL, "text/plain", "y: 'loss'", "y: 'lost'")
    nbformat.write(notebook, tmp_path / "changed.ipynb")
    outcomes = nbval(tmp_path, "same", "changed")
    assert len(outcomes) == 2 * len(TINY)
    failed = [key for key, outcome in outcomes.items() if outcome != "PASSED"]
    assert failed == [("changed", c) for c in (TEXT_CELL, GLUE_CELL, FIGURE_CELL)]


def test_a_chapter_finds_no_other_host(tmp_path):
    ask = "import socket\ntry:\n    socket.getaddrinfo('example.org', 80)\n"
    ask += "except OSError as error:\n    print(error)"
    refusal = "a chapter that asks example.org does not run without a network\n"
    refused = [new_output("stream", name="stdout", text=refusal)]
    local = "socket.getaddrinfo('localhost', 80), socket.getaddrinfo('127.0.0.1', 80);"
    cells = [new_code_cell(ask, outputs=refused, execution_count=1), new_code_cell(local)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "asks.ipynb")
    assert nbval(tmp_path, "asks") == {("asks", 0): "PASSED", ("asks", 1): "PASSED"}
