"""The formulas in docstrings: expressions in NumPy, which must be what the loss returns."""

import itertools
import re

import numpy as np
import pytest
from samples import SAMPLEWISE, VARIANTS, as_batch, random_sample

import lossbook
from lossbook import GeneralRobust, Huber

PARTS = "value", "derivative", "second derivative"
NAMES = {**vars(np), **{name: getattr(lossbook, name) for name in lossbook.elementary.__all__}}
# A finite log 0 makes 0 log 0 = 0.
NAMES["log"] = lambda x: np.log(np.maximum(x, np.finfo(float).tiny))


def at_a_limit(loss):
    """Return whether the formula would divide 0 by 0, or nearly."""
    if not isinstance(loss, GeneralRobust):
        return False
    return loss.alpha == -np.inf or min(abs(loss.alpha), abs(loss.alpha - 2)) < 1e-3


def points(loss):
    """Yield samples near which float64 loses few digits to the formula, kinks among them."""
    rng = np.random.default_rng(0)
    while True:
        y, p = random_sample(loss, rng)
        if max(np.abs(y).max(), np.abs(p).max()) < 20:
            yield y, p
            if np.ndim(p) == 0 and loss.prediction.low == -np.inf:
                yield from ((y, y + distance) for distance in (0.0, *vars(loss).values()))


def stated(docstring):
    """Return the code of each part of a formula: definitions, ``name = ...``, and an expression."""
    paragraph = re.search(r"Formula:(.*?)\n\n", docstring, re.DOTALL)
    assert paragraph, "The docstring needs a paragraph 'Formula: ...', like that of Huber"
    code = {part: [] for part in PARTS}
    for text in " ".join(paragraph[1].split()).split("; "):
        part = next((part for part in reversed(PARTS) if part in text), "value")
        code[part] += re.findall("``(.+?)``", text)
    return code


def evaluate(code, loss, y, p):
    """Return what each part of a formula says of one sample."""
    symbol = loss.prediction.symbol
    if symbol == r"\hat{y}":
        names = {"y_true": y, "y_pred": p}
    else:
        symbols = symbol.replace("\\", "").split(", ")
        names = {"y": y, **(dict(zip(symbols, p)) if len(symbols) > 1 else {symbol: p})}
    names |= NAMES | vars(loss)
    results = {}
    for part, lines in code.items():
        for line in lines:
            if definition := re.fullmatch(r"(\w+) = (.+)", line):
                names[definition[1]] = eval(definition[2], names)
            else:
                assert part not in results, f"the {part} is stated twice"
                results[part] = eval(line, names)
    return results


def problems(loss, docstring):
    """Return which parts of the formula in ``docstring`` are missing, or not those of ``loss``."""
    code, found = stated(docstring), {}
    methods = [loss.per_sample, loss.gradient] + [loss.hessian] * (loss._hessian is not None)
    for y, p in itertools.islice(points(loss), 30):
        with np.errstate(all="ignore"):
            results = evaluate(code, loss, y, p)
        for part, method in zip(PARTS, methods):
            true = method(*as_batch(y, p))
            if part not in results:
                found[part] = f"no {part} is stated"
            elif not np.allclose(results[part], true, rtol=1e-9, atol=1e-11):
                where = f"y = {y}, prediction {p}"
                found[part] = f"the {part} is {results[part]} at {where}, and the loss has {true}"
    return list(found.values())


@pytest.mark.parametrize(
    "loss", [loss for loss in (*SAMPLEWISE, *VARIANTS) if not at_a_limit(loss)], ids=repr
)
def test_formula_is_that_of_the_loss(loss):
    assert not problems(loss, type(loss).__doc__)


@pytest.mark.parametrize(
    "right, wrong, part",
    [
        ("delta / 2)", "delta / 3)", "the value is"),
        ("clip(r, -delta, delta)", "clip(r, -delta, 1)", "the derivative is"),
        ("clip(r, -delta, delta)", "sign(r) * delta", "the derivative is"),
        ("abs(r) <= delta, 1, 0", "abs(r) < delta, 1, 0", "the second derivative is"),
        ("; second derivative ``where(abs(r) <= delta, 1, 0)``", "", "no second derivative"),
        ("``clip(r, -delta, delta)``", "clip(r, -delta, delta)", "no derivative"),
    ],
)
def test_a_wrong_formula_is_reported(right, wrong, part):
    docstring = Huber.__doc__
    assert docstring.count(right) == 1
    (problem,) = problems(Huber(2.5), docstring.replace(right, wrong))
    assert problem.startswith(part)
