"""Functions from which losses are made, each accurate to a few units in the last place.

All take real numbers or arrays, return the dtype they were given (float64 for integers, float32
for float16), and print no warning.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)

__all__ = ["log_softmax", "sigmoid", "softmax", "softplus", "xlog1py", "xlogy"]


def real_array(values, name):
    """Return ``values`` as an array of real numbers; raise ValueError that says how to."""
    if type(values) is np.ndarray and values.dtype.kind in "fiub":
        return values
    if np.ma.is_masked(values):
        fix = _unmasked(name, values.ndim)
        raise ValueError(f"{name} is a masked array, and its mask would be lost. {fix}")
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(
            f"{name} is a list of rows of unequal length. Pad the shorter ones with 0, and where "
            "each entry is averaged, give the padding the weight 0."
        ) from None
    if array.dtype.kind in "fiub":
        return array
    fix = "Pass numbers, not names."
    if name == "y_true":
        fix = "Number the classes of all data: np.unique(y_true, return_inverse=True)[1]."
    if array.dtype.kind == "c":
        fix = f"Take its real part or its size: np.real({name}) or np.abs({name})."
    elif _is_numeric(array):
        fix = f"Convert it: np.asarray({name}, float)."
    raise ValueError(f"{name} has dtype {array.dtype}: it must hold real numbers. {fix}")


def _unmasked(name, axes):
    """Return what to pass in place of a masked array of so many axes."""
    if name == "sample_weight":
        return "Give what is masked the weight 0: sample_weight.filled(0)."
    if name not in ("y_true", "y_pred"):
        return f"Pass its numbers, the masked ones too: np.ma.getdata({name})."
    present = f"~np.ma.getmaskarray({name})"
    fix = f"Fill it: {name}.filled(0), and leave out what is masked: sample_weight={present}"
    if axes > 1:
        over = tuple(range(1, axes)) if axes > 2 else 1
        fix += f", or where a row is one sample, sample_weight={present}.any(axis={over})"
    return f"{fix}."


def _is_numeric(array):
    try:
        array.astype(float)
    except (TypeError, ValueError):
        return False
    return True


def common_dtype(*arrays):
    """Return the dtype of a result: that of the floating arrays, at least float32.

    An integer array takes the other's dtype and never promotes it: int64 labels with
    float32 logits give float32.  Without any floating array the result is float64.
    """
    first = arrays[0].dtype
    if first in (FLOAT64, FLOAT32) and first == arrays[-1].dtype:
        return first
    dtypes = [a.dtype for a in arrays if a.dtype.kind == "f"]
    return np.result_type(FLOAT32, *dtypes) if dtypes else FLOAT64


def wide(dtype):
    """Return float64, or the dtype itself where that is wider."""
    return dtype if dtype.itemsize > 8 else FLOAT64


def _elementary(function):
    """Let ``function`` of float64 arrays take and return any real dtype."""

    @functools.wraps(function)
    @np.errstate(all="ignore")
    def wrapper(*arguments):
        names = function.__code__.co_varnames
        arrays = [real_array(a, name) for a, name in zip(arguments, names)]
        dtype = common_dtype(*arrays)
        result = function(*(np.asarray(a, wide(dtype), order="C") for a in arrays))
        return result.astype(dtype, copy=False)[()]

    return wrapper


def product(a, b):
    """Return a·b with 0·(±inf) = 0, the limit that an absent class needs; NaN stays NaN."""
    result = a * b
    # A sum is NaN if a term is; it may be NaN even then, as inf - inf.
    if math.isnan(np.add.reduce(result, None)):
        return np.where((a == 0) & np.isinf(b), result.dtype.type(0), result)
    return result


@_elementary
def sigmoid(z: ArrayLike) -> NDArray[Any]:
    """Return 1 / (1 + exp(-z)), the probability that belongs to the logit ``z``.

    exp is taken of minus the absolute value only, so nothing overflows and small probabilities
    keep all digits.

    >>> float(sigmoid(0.0)), float(sigmoid(-1000.0))
    (0.5, 0.0)
    """
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)


@_elementary
def softplus(z: ArrayLike) -> NDArray[Any]:
    """Return log(1 + exp(z)), the smooth version of max(z, 0).

    >>> float(softplus(1000.0)), float(softplus(-1000.0))
    (1000.0, 0.0)
    """
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))


def softmax_terms(z):
    """Return what softmax and its logarithm share, for the last axis of ``z``.

    ``gap`` is z minus the largest logit of its row, ``e`` its exponential with the largest
    logit's own term set to 0, ``others`` the row sums of ``e``, ``top`` the index of the
    largest logits.  The probabilities are e / (1 + others), and 1 / (1 + others) at ``top``.
    Leaving the 1 out of the sum is what lets log1p keep the digits of a small loss.
    """
    top = (*np.indices(z.shape[:-1], sparse=True), np.argmax(z, axis=-1))
    largest = z[top]
    gap = z - largest[..., np.newaxis]
    # inf - inf is NaN, but a single infinite logit has gap 0 to itself.
    gap[top] = np.where(np.isnan(largest), largest, 0.0)
    e = np.exp(gap)
    e[top] = 0.0
    return gap, e, np.add.reduce(e, axis=-1, keepdims=True), top


def probabilities(gap, e, others, top):
    """Return the softmax from its terms; ``e`` is overwritten."""
    e[top] = np.exp(gap[top])
    return np.divide(e, 1.0 + others, out=e)


@_elementary
def log_softmax(z: ArrayLike) -> NDArray[Any]:
    """Return log(exp(z_j) / Σ_m exp(z_m)) over the last axis.

    >>> float(log_softmax([20.0, 0.0, 0.0])[0])
    -4.1223072363804075e-09
    """
    gap, _, others, _ = softmax_terms(z)
    return gap - np.log1p(others)


@_elementary
def softmax(z: ArrayLike) -> NDArray[Any]:
    """Return exp(z_j) / Σ_m exp(z_m) over the last axis.

    >>> softmax([1000.0, 1000.0]).tolist()
    [0.5, 0.5]
    """
    return probabilities(*softmax_terms(z))


def log_ratio(a, b, difference):
    """Return log(a / b) of numbers ≥ 0, from a, b and the digits of a - b."""
    # Relative to the smaller: log1p loses digits near -1 only.
    relative = np.abs(difference) / np.minimum(a, b)
    result = np.copysign(np.log1p(relative), difference)
    if math.isfinite(np.maximum.reduce(relative, None)):
        return result
    return np.where(np.isfinite(relative), result, np.log(a) - np.log(b))


def unit(x):
    """Return the rows of x as unit vectors, and their lengths as length · 2**exponent."""
    square = np.vecdot(x, x)[:, np.newaxis]
    exponent = np.zeros(square.shape, int)
    # Between these neither digits nor range are lost.
    if not (square.min() > 1e-200 and square.max() < 1e200):
        exponent = np.frexp(np.abs(x).max(axis=1, keepdims=True))[1]
        x = np.ldexp(x, -exponent)
        square = np.vecdot(x, x)[:, np.newaxis]
    length = np.sqrt(square)
    return x / length, length, exponent


@_elementary
def xlogy(x: ArrayLike, y: ArrayLike) -> NDArray[Any]:
    """Return x·log(y) with 0·log 0 = 0.

    >>> float(xlogy(0.0, 0.0)), float(xlogy(1.0, 0.0))
    (0.0, -inf)
    """
    return product(x, np.log(y))


@_elementary
def xlog1py(x: ArrayLike, y: ArrayLike) -> NDArray[Any]:
    """Return x·log(1 + y) with 0·log 0 = 0.

    >>> float(xlog1py(0.0, -1.0))
    0.0
    """
    return product(x, np.log1p(y))
