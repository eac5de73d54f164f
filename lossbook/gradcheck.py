"""Check a gradient against five-point differences."""

import numpy as np


@np.errstate(all="ignore")
def check_gradient(loss, y_true, y_pred):
    r"""Return how far ``loss.gradient`` is from the differences of the loss.

    The derivative by each entry of ``y_pred`` is estimated by the five-point formula

    .. math:: f'(x) \approx \frac{f(x-2h) - 8f(x-h) + 8f(x+h) - f(x+2h)}{12h}

    with h near 0.001·max(1, \|x\|), smaller near an end of the domain.  Returned is the largest
    difference from ``loss.gradient``, divided by the largest entry of the estimate: below 1e-9
    for a right gradient of a loss that is smooth over a few h, about 2 for a wrong sign, NaN
    where either is NaN.

    ``loss`` is a :class:`~lossbook.base.Loss` or any object with ``loss(y_true, y_pred)`` and
    ``loss.gradient(y_true, y_pred)``.  Probabilities are moved one at a time, off the plane on
    which a row sums to 1: what is checked is the derivative of the formula.

    >>> from lossbook import SquaredError
    >>> check_gradient(SquaredError(), [3.0, 5.0], [2.0, 5.5]) < 1e-9
    True
    """
    p = np.array(y_pred, np.float64)
    low, high = getattr(loss, "domain", (-np.inf, np.inf))
    estimate = np.empty_like(p)
    for index in np.ndindex(p.shape):
        x = p[index]
        room = [max(1.0, abs(x)), *(d for d in (x - low, high - x) if d > 0)]
        h = 2.0 ** np.floor(np.log2(1e-3 * min(room)))  # a power of two: x + h is exact
        value = {}
        for step in (-2, -1, 1, 2):
            p[index] = x + step * h
            value[step] = _values(loss, y_true, p)
        # Sample by sample, in pairs of equal weight: the losses of the others cancel exactly.
        difference = 8.0 * (value[1] - value[-1]) - (value[2] - value[-2])
        p[index] = x
        estimate[index] = np.mean(difference) / (12 * h)
    error = np.abs(loss.gradient(y_true, p) - estimate).max()
    scale = np.abs(estimate).max()
    return float(error / scale) if scale > 0 else float(error)


def _values(loss, y_true, y_pred):
    if hasattr(loss, "_per_sample"):
        return loss._per_sample(y_true, y_pred, checked=False)
    return loss(y_true, y_pred)
