"""Write the atlas and the cheat sheet, the two pages that follow from the catalogue.

    python tools/make_atlas.py

It writes the cells of the atlas and runs them, and writes the cheat sheet.
"""

import re
from pathlib import Path

import nbformat
import run_notebooks
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lossbook import CATALOGUE
from lossbook.book import atlas

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "chapters" / "reference"
INTRODUCTION = """\
(ch-atlas)=
# Atlas of losses

Every loss of `lossbook`: what it is good for, what it costs, its picture, its card, and where the
book derives it. [Cheat sheet](cheat-sheet.md) holds all of them on one page to print.

Press the head of a column to sort by it, and type to keep the rows that hold a word. Rows, pictures
and cards are those of the default parameters; examples assume `import numpy as np` and
`from lossbook import *`. *Asks for* is the constant prediction with the least mean loss;
*gradient*, whether one bound holds for that of every sample. The last column holds names: the call
with the same mean loss, but for what a library clips, adds, refuses or gets wrong
([One loss, five libraries](../code/five-libraries.ipynb)), is on the card. An empty cell or a
missing name claims nothing.

:::{{table}} The losses of `lossbook`
:class: sortable
:name: tab-atlas

{table}
:::"""
CHEAT_SHEET = """\
(ch-cheat-sheet)=
# Cheat sheet

All losses of `lossbook` on one sheet of A4, to print. Solid lines are the loss, broken ones its
derivative, from −3 to 3 in height, over the predictions and for the targets that the
[atlas](atlas.ipynb) names.

{sheet}
"""


def chapter_of(loss):
    """Return a link to the chapter of formulas that shows the card of ``loss``."""
    shown = f"| loss | `{type(loss).__name__}("
    for path in sorted((ROOT / "chapters" / "formulas").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
        if any(o.get("data", {}).get("text/markdown", "").startswith(shown) for o in outputs):
            title = re.search(r"(?m)^# (.*)", notebook.cells[0].source)[1]
            return f"[{title}](../formulas/{path.name})"
    raise LookupError(f"No chapter of formulas shows the card of {type(loss).__name__}.")


def hidden(source, *tags, **myst):
    """Return a code cell of which the reader does not see the code."""
    return new_code_cell(
        source, metadata={"tags": list(tags), **({"mystnb": myst} if myst else {})}
    )


def picture(loss):
    name = type(loss).__name__
    number = "batch" if len(atlas.lines(loss)[2][0].y_true) > 1 else "sample"
    caption = f"`{loss!r}`: the loss of one {number} on the left, its derivative on the right."
    return hidden(
        f"figures.show(atlas.draw(lossbook.{name}()))",
        "hide-input",
        figure={"name": f"fig-atlas-{name.lower()}", "caption": caption},
        image={"alt": atlas.alt(loss)},
    )


def pages():
    """Return the atlas, a notebook without outputs, and the Markdown of the cheat sheet."""
    imports = "import lossbook\nfrom lossbook.book import atlas, figures"
    cells = [
        new_markdown_cell(INTRODUCTION.format(table=atlas.table())),
        hidden(run_notebooks.setup_source(None), "remove-cell"),
        hidden(imports, "hide-input"),
    ]
    for loss in CATALOGUE:
        section = new_markdown_cell(atlas.section(loss, chapter_of(loss)))
        cells += [section, picture(loss), new_code_cell(f"lossbook.{type(loss).__name__}()")]
    sheet = CHEAT_SHEET.format(sheet=atlas.cheat_sheet())
    return new_notebook(cells=cells), sheet


if __name__ == "__main__":
    notebook, sheet = pages()
    nbformat.write(notebook, REFERENCE / "atlas.ipynb")
    (REFERENCE / "cheat-sheet.md").write_text(sheet, "utf-8")
    run_notebooks.main([str(REFERENCE / "atlas.ipynb")])
