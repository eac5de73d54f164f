"""Other libraries beside lossbook: where they agree, and where they are wrong, so that an upgrade is noticed."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before the import, which logs

import importlib.metadata
import importlib.util
import re

import numpy as np
import pytest
from samples import batch

from lossbook import CATALOGUE, defects
from lossbook.base import Rowwise
from lossbook.classification import CategoricalCrossEntropy, labels_of
from lossbook.defects import DEFECTS, LIBRARIES, evaluate, measure, table
from lossbook.likelihood import KLDivergence

DIFFERENTIABLE = "keras", "torch", "optax"


def installed(library):
    """Leave the test out where a library is missing; the book itself needs Keras."""
    if library != "keras" and not importlib.util.find_spec(library):
        pytest.skip(f"{library} is not installed")


def version(library):
    name = LIBRARIES[library][0]
    package = {"PyTorch": "torch"}.get(name, name)
    return f"{name} {importlib.metadata.version(package)}"


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
            f"{version(defect.library)} has changed: {defect.what}: "
            f"{measured}, not {defect.returns}"
        )
    if mine != (
        defect.exact and pytest.approx(defect.exact, rel=1e-6, abs=0)
    ):
        return f"{defect.loss} gives {mine}, not {defect.exact}: {defect.what}"
    return ""


@pytest.mark.parametrize(
    "defect", DEFECTS, ids=[f"{d.library}: {d.what}" for d in DEFECTS]
)
def test_defects(defect):
    installed(defect.library)
    assert not problem(defect)


def test_each_row_names_one_defect():
    assert len({(d.library, d.what) for d in DEFECTS}) == len(DEFECTS)
    for d in DEFECTS:
        assert d.exact is None or abs(d.returns / (d.exact or NAN) - 1) > 1e-3
