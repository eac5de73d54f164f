"""The errors of lossbook and its peers against values to 50 digits."""

import functools
import math

import numpy as np
from measure import flat, samples

from lossbook.book import symbolic


@functools.cache
def truth(loss, soft, dtype):
    """Return what lossbook gives for each sample, and 50 digits."""
    ours, exact = [], []
    for y, p in samples(loss, soft, dtype):
        ours.append([flat(r) for r in loss.value_and_gradient(y, p)])
        # A definition takes a row for a class number.
        target = np.eye(p.shape[1])[y[0]] if y.dtype.kind == "i" else y[0]
        exact.append(symbolic.exact(loss, target, p[0]))
    return ours, exact


def error(got, true, dtype):
    """Return the relative error; below the smallest normal number, relative to that."""
    if not np.isfinite(got) or (true == 0 and got != 0):
        return math.inf
    return float(abs(got - true) / max(abs(true), float(np.finfo(dtype).tiny)))


def worst(outputs, exact, dtype):
    """Return the worst relative errors (value, gradient) of a library; None where it has none."""
    pairs = list(zip(outputs, exact))
    values = [error(got[0][0], true[0], dtype) for got, true in pairs]
    slopes = [error(a, b, dtype) for got, true in pairs if got[1] for a, b in zip(got[1], true[1])]
    return max(values), max(slopes, default=None)


def errors(loss, row):
    """Return the worst errors of lossbook and of the peer, for a row of the peer's outputs."""
    ours, exact = truth(loss, row["soft"], row["dtype"])
    return worst(ours, exact, row["dtype"]), worst(row["outputs"], exact, row["dtype"])
