"""Other libraries beside lossbook: where they agree and where they are wrong, with versions."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before the import, which logs

import importlib.metadata
import importlib.util
import re

import numpy as np
import pytest
from packaging.specifiers import SpecifierSet
from samples import VARIANTS, batch

from lossbook import CATALOGUE, Huber, SquaredError, Tversky
from lossbook.book import defects
from lossbook.book.defects import DEFECTS, LIBRARIES, measure, table
from lossbook.book.libraries import call_of, evaluate, library_of
from lossbook.classification import CategoricalCrossEntropy

DIFFERENTIABLE = "keras", "torch", "optax"


def installed(library):
    """Return the version of a library; leave the test out where there is none.

    The book itself needs Keras.  Where REQUIRE_PEERS is set, the others must be there too.
    """
    if library != "keras" and not importlib.util.find_spec(library):
        message = f"{library} is not installed"
        pytest.fail(message) if os.environ.get("REQUIRE_PEERS") else pytest.skip(message)
    package = {"sklearn": "scikit-learn"}.get(library, library)
    return importlib.metadata.version(package)


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
    old, new = call_of(loss, "keras", "3.15.1"), call_of(loss, "keras", "3.16.0")
    assert "(0.7, 0.3" in old and "(0.3, 0.7" in new
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
