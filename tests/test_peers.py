"""Other libraries beside lossbook: where they agree and where they are wrong, with versions."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before the import, which logs

import functools
import importlib.util
import re

import check_numbers
import nbformat
import numpy as np
import pytest
from contents import NOTEBOOKS, ROOT
from needs import need
from packaging.specifiers import SpecifierSet
from samples import VARIANTS, batch

from lossbook import CATALOGUE, Huber, SquaredError, Tversky
from lossbook.book import defects
from lossbook.book.defects import DEFECTS, LIBRARIES, measure, table
from lossbook.book.libraries import call_of, evaluate, library_of, quotes, run_listing, version_of
from lossbook.book.notebook import listing
from lossbook.classification import CategoricalCrossEntropy

DIFFERENTIABLE = "keras", "torch", "optax"


def installed(library):
    """Return the version of a library; leave the test out where there is none.

    The book itself needs Keras.  Where REQUIRE_PEERS is set, the others must be there too.
    """
    need("PEERS", **{library: library == "keras" or importlib.util.find_spec(library)})
    return version_of(library)


def ours(defect):
    """Return what lossbook gives for the input of a defect, None for an error."""
    y, p = defect.arrays()
    try:
        if defect.gradient:
            return defect.loss.gradient(y, p, defect.sample_weight).flat[0]
        return defect.loss(y, p, defect.sample_weight)
    except ValueError:
        return None


def problem(defect):
    """Return in words what a row says that is not, or no longer, so."""
    measured, mine = measure(defect), ours(defect)
    if measured != pytest.approx(defect.returns, rel=1e-4, abs=0, nan_ok=True):
        return (
            f"{defect.library} {installed(defect.library)} has changed: {defect.what}: "
            f"{measured}, not {defect.returns}"
        )
    if mine != (defect.exact and pytest.approx(defect.exact, rel=1e-6, abs=0)):
        return f"{defect.loss} gives {mine}, not {defect.exact}: {defect.what}"
    return ""


@pytest.mark.parametrize("defect", DEFECTS, ids=[f"{d.library}: {d.what}" for d in DEFECTS])
def test_defects(defect):
    installed(defect.library)
    assert not problem(defect)


def test_each_row_names_one_defect():
    assert len({(d.library, d.what) for d in DEFECTS}) == len(DEFECTS)
    for d in DEFECTS:
        assert d.returns != (d.exact and pytest.approx(d.exact, rel=1e-3, abs=0))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_row_that_is_no_longer_so_is_noticed_by_name(library):
    installed(library)
    row = next(d for d in DEFECTS if d.library == library)
    changed = problem(row._replace(returns=2.0))
    assert changed.startswith(f"{library} {installed(library)} has changed: {row.what}")
    for exact in (2.0, None):
        assert f"{row.loss} gives {ours(row)}" in problem(row._replace(exact=exact))


def test_a_gradient_and_an_error_that_are_no_longer_so_are_noticed():
    slope = next(d for d in DEFECTS if d.library == "keras" and d.gradient)
    assert "has changed" in problem(slope._replace(returns=-1e8))
    assert "gives" in problem(slope._replace(exact=0.0))
    refused = next(d for d in DEFECTS if d.library == "keras" and d.exact is None)
    assert "gives None" in problem(refused._replace(exact=1.0))


def test_the_versions_in_the_table_are_those_that_were_measured():
    # Keras alone is pinned; another version of the others may return the same.
    assert installed("keras") == LIBRARIES["keras"][1], "measure again"


def test_keras_finds_the_logit_of_a_sigmoid_that_was_left_alone():
    call = "keras.losses.BinaryCrossentropy()(y_true, keras.ops.sigmoid(y_pred))"
    y, z = np.float32([1.0]), np.float32([-50.0])
    assert evaluate("keras", call, y, z) == pytest.approx(50.0, rel=1e-6)


# Away from the defaults too: equal parameters would hide that a library exchanges them.
CALLS = [
    (loss, key, call)
    for loss in (*CATALOGUE, *VARIANTS)
    for key, call in loss.claims.elsewhere.items()
]


def arguments(loss, call):
    """Return y_true, y_pred away from the edges, and the other names in the call."""
    rng, labels = np.random.default_rng(0), "distribution" not in call
    y, p = batch(loss, rng, 32, np.float32, labels=labels)
    if not labels:
        return y, p, {"distribution": y}
    one_hot = "one_hot" in call
    return (y, p, {"one_hot": np.eye(p.shape[1], dtype=p.dtype)[y]} if one_hot else {})


def disagreement(loss, library, call):
    """Return in words how a call differs from the loss or its gradient."""
    y, p, names = arguments(loss, call)
    mine, slope = loss.value_and_gradient(y, p)
    theirs = float(evaluate(library, call, y, p, **names))
    if theirs != pytest.approx(mine, rel=5e-6):
        return f"the value is {theirs}, ours is {mine}"
    if library not in DIFFERENTIABLE:
        return ""
    # Keras divides each row by its sum, which takes the gradient into the plane of the rows.
    divides = library == "keras" and type(loss) is CategoricalCrossEntropy
    if divides:
        slope = slope - (slope * p).sum(axis=1, keepdims=True)
    theirs = evaluate(library, call, y, p, gradient=True, **names)
    same = np.allclose(theirs, slope, rtol=5e-5, atol=2e-7)
    return "" if same else f"the gradient is {theirs}, ours is {slope}"


@pytest.mark.parametrize(
    "loss, key, call", CALLS, ids=[f"{key}: {loss!r}" for loss, key, _ in CALLS]
)
def test_agrees_where_the_library_is_right(loss, key, call):
    library, versions = library_of(key)
    found = installed(library)
    if not SpecifierSet(versions).contains(found, prereleases=True):
        pytest.skip(f"the call is for {library} {versions}, and this is {found}")
    assert not disagreement(loss, library, call)


MSE = "keras.losses.MeanSquaredError()(y_true, {})"


@pytest.mark.parametrize("loss, call", [
    (SquaredError(), "keras.losses.MeanAbsoluteError()(y_true, y_pred)"),
    (Huber(2.5), "keras.losses.Huber(1.0)(y_true, y_pred)"),
    (Tversky(alpha=0.3, beta=0.7), "keras.losses.Tversky(0.5, 0.5, axis=(1,))(y_true, y_pred)"),
    # The value is right and the gradient is twice too large.
    (SquaredError(), MSE.format("2 * y_pred - keras.ops.stop_gradient(y_pred)")),
])  # fmt: skip
def test_a_wrong_call_is_noticed(loss, call):
    assert disagreement(loss, "keras", call)


def test_a_call_is_chosen_by_the_version():
    loss = Tversky(alpha=0.3, beta=0.7)
    assert "(0.7, 0.3" in call_of(loss, "keras", "3.15.1")
    assert call_of(loss, "keras", "3.7.0") is None
    assert call_of(loss, "keras", "3.15.2") is None
    assert call_of(loss, "torch", "2.13.0") is None


@pytest.mark.parametrize("library", [*LIBRARIES, None])
def test_the_table_shows_each_row(library):
    head, rule, *rows = table(library).data.splitlines()
    shown = [d for d in DEFECTS if library in (None, d.library)]
    assert len(rows) == len(shown) and rows
    width = len(re.findall(r"\|", head))
    for row, d in zip([head, rule, *rows], [None, None, *shown]):
        assert len(re.findall(r"\|", row)) == width, "a cell is broken by a bar"
        if d:
            true, returned = row.strip("| ").split(" | ")[-2:]
            assert d.what in row and true != returned


def test_the_table_shows_enough_digits_and_what_is_undefined():
    assert defects._numbers(0.3465736, 0.3465721) == ("$0.346574$", "$0.346572$")
    assert defects._numbers(None, -1.9046543e-9) == ("undefined", r"$-1.905 \times 10^{-9}$")
    assert defects._numbers(-np.inf, np.nan) == (r"$-\infty$", "NaN")
    assert defects._numbers(65025.0, -1e8) == ("$65025$", "$-10^{8}$")
    with pytest.raises(ValueError, match="it must be one of"):
        table("pytorch")


# --- listings: programs for one library in a chapter -------------------------------------


def listings(page, library=None):
    """Yield (library, code) of the listings of a page, the cells that begin with %%elsewhere."""
    for cell in nbformat.read(ROOT / f"{page}.ipynb", as_version=4).cells:
        head, _, code = cell.source.partition("\n")
        if cell.cell_type == "code" and head.startswith("%%elsewhere "):
            found = head.split()[1]
            if library in (None, found):
                yield found, code


QUOTES = [
    (page, quote)
    for page in NOTEBOOKS
    for library, code in listings(page)
    for _, quote in quotes(library, code)
    if quote
]


@functools.cache
def differences(page, library):
    """Run the listings of a page for one library; return what differs, by the name of a quote."""
    space = {}
    return {
        quote.name: quote.difference(found)
        for _, code in listings(page, library)
        for quote, found in run_listing(library, code, space)
    }


@pytest.mark.parametrize(
    "page, quote", QUOTES, ids=[f"{page.split('/')[-1]}: {q.name}" for page, q in QUOTES]
)
def test_a_sentence_on_a_library_is_still_so(page, quote):
    """The name of a quote is that of the claim behind the sentence that rests on it."""
    installed(quote.library)
    problem = differences(page, quote.library)[quote.name]
    assert not problem, f"{problem}. Correct the sentences with <!--claim {quote.name}-->."


@pytest.mark.parametrize("page", sorted({page for page, _ in QUOTES}))
def test_each_quote_of_a_listing_carries_a_sentence(page):
    """A name stands for one quote, and check_numbers.py reports a claim without a sentence."""
    names = [quote.name for other, quote in QUOTES if other == page]
    assert len(set(names)) == len(names)
    recorded = check_numbers.recorded_values(nbformat.read(ROOT / f"{page}.ipynb", as_version=4))
    assert [name for name in names if recorded.get(name) is not True] == []


LISTING = """import math
half = 1 / 2  # 0.5
math.sqrt(-1)  # ValueError
pair = [half, math.nan, math.inf]  # [0.5, nan, inf]
def double(x): return 2 * x  # a comment
third = double(1 / 6)  # 0.333
"""


def test_a_listing_is_compared_with_its_comments():
    names = {"keras_half": 0.5, "math.sqrt(-1)": "ValueError", "keras_third": 0.333}
    said = listing("keras", LISTING, {})
    assert said.pop("keras_pair")[::2] == [0.5, np.inf] and said == names
    changed = {
        "half = 1 / 2": "half = 1 / 3",
        "sqrt(-1)": "sqrt(1)",
        "math.nan, ": "",
        "1 / 6": "1 / 5",
        "double(1 / 6)": "unknown(1 / 6)",
    }
    for right, wrong in changed.items():
        with pytest.raises(AssertionError, match=r"Keras .* gives .*, not "):
            listing("keras", LISTING.replace(right, wrong), {})
    with pytest.raises(ZeroDivisionError):
        listing("keras", "1 / 0", {})
    with pytest.raises(SyntaxError):
        listing("keras", "x = 1  # 1 and a remark", {})


def test_a_listing_for_a_library_that_is_not_there_is_quoted(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert listing("torch", "half = 1 / 0  # 0.5", {}) == {"torch_half": 0.5}
