"""The atlas and the cheat sheet say what the classes say, and draw what the losses return."""

import make_atlas
import nbformat
import numpy as np
import pytest
import run_notebooks

from lossbook import CATALOGUE, Huber, SigmoidCrossEntropy, SquaredError
from lossbook.book import atlas, card

IDS = [type(loss).__name__ for loss in CATALOGUE]


def test_the_pages_are_what_the_tool_writes():
    def cells(notebook):
        return [
            (cell.cell_type, cell.source, dict(cell.metadata))
            for cell in notebook.cells
            if not run_notebooks.is_setup(cell.source)
        ]

    notebook, sheet = make_atlas.pages()
    stored = nbformat.read(make_atlas.REFERENCE / "atlas.ipynb", as_version=4)
    assert cells(stored) == cells(notebook), "Run python tools/make_atlas.py"
    assert (make_atlas.REFERENCE / "cheat-sheet.md").read_text("utf-8") == sheet, (
        "Run make_atlas.py"
    )


@pytest.mark.parametrize("loss", CATALOGUE, ids=IDS)
def test_the_curves_are_the_loss_and_its_derivative(loss):
    what, t, curves = atlas.curves(loss)
    assert what and len(t) > 100
    for _, values, slopes in curves:
        assert np.isfinite(values).all() and np.isfinite(slopes).all()
        chords = np.diff(values) / np.diff(t)
        between = np.sort([slopes[:-1], slopes[1:]], axis=0)
        slack = 0.02 * np.ptp(slopes) + 1e-9
        assert (between[0] - slack <= chords).all() and (chords <= between[1] + slack).all()


@pytest.mark.parametrize("loss", CATALOGUE, ids=IDS)
def test_the_words_are_there(loss):
    said = atlas.words(loss)
    assert said["title"].endswith(".") and said["good"] and said["price"] and said["example"]
    marks = "``", ":cite", ":class"
    assert not any(mark in part for mark in marks for part in said.values())


def test_a_curve_is_told_in_words():
    x = np.linspace(-1, 1, 101)
    assert atlas.shape(x**2) == "falls, then rises"
    assert atlas.shape(np.maximum(0, x)) == "is level, then rises"
    assert atlas.shape(np.sign(x + 0.01)) == "is level, then jumps up, then is level"
    assert atlas.shape(0 * x) == "is level"
    assert atlas.shape(-1 / np.linspace(0.005, 1, 200)) == "rises"


@pytest.mark.parametrize("loss", CATALOGUE, ids=IDS)
def test_what_is_read_aloud_holds_no_latex(loss):
    assert not set("$\\{}") & set(atlas.alt(loss))


def test_a_loss_of_a_new_kind_is_asked_for_a_line():
    class Odd(type(CATALOGUE[-1])):
        pass

    with pytest.raises(NotImplementedError, match=r"Odd\. Add one to SPECIAL"):
        atlas.lines(Odd())


def test_the_table_names_each_loss_and_its_names_elsewhere():
    rows = atlas.table().splitlines()
    assert len(rows) == 2 + len(CATALOGUE)
    assert atlas.row(SquaredError())[-1] == "`MeanSquaredError`<br>`mse_loss`"
    assert atlas.row(Huber())[3] == "bounded"
    assert atlas.row(SigmoidCrossEntropy())[2] == "probability (as a logit)"


def test_the_cheat_sheet_has_a_picture_and_a_formula_of_each_loss():
    page = atlas.cheat_sheet()
    assert page.count("<svg") == page.count("\n$") == page.count("<li") == len(CATALOGUE)
    assert "<b>GeneralRobust</b> alpha=1, scale c=1<svg" in page


@pytest.mark.parametrize("loss", CATALOGUE, ids=IDS)
def test_the_lines_of_a_tile_are_the_formula_of_the_class(loss):
    joined = " ".join(atlas.formula_lines(loss)).replace(r"\dfrac", r"\frac")
    for added in (r"\quad {} ", r"\quad \cdot ", r"\begin{array}{l} ", r" \end{array}", r"\\ {} "):
        joined = joined.replace(added, "")
    formula = card.formula(loss)[0].removeprefix(r"\ell = ")
    assert joined.replace(r", \quad ", ", ") == formula.replace(r", \quad ", ", ")


@pytest.mark.parametrize(
    "formula, lines",
    [
        ("a + b", ["a + b"]),
        (
            rf"{'a' * 20} + \left(1 - {'b' * 15}\right)",
            ["a" * 20, rf"\quad {{}} + \left(1 - {'b' * 15}\right)"],
        ),
        (rf"{'a' * 20} \log{{b + c + d}}", ["a" * 20, r"\quad \cdot \log{b + c + d}"]),
        (
            r"\dfrac{1}{%s + b}" % ("a" * 40),
            [r"\dfrac{1}{\begin{array}{l} %s \\ {} + b \end{array}}"],
        ),
    ],
)
def test_a_wide_formula_goes_on_in_the_next_line(formula, lines):
    assert atlas._broken(formula) == [line.replace("%s", "a" * 40) for line in lines]


def test_a_formula_that_cannot_be_broken_is_named():
    with pytest.raises(NotImplementedError, match=r"break a{99}\. Add"):
        atlas._broken("a" * 99)
