"""Check a gradient against five-point differences."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


class GradientCheck(float):
    """How far a gradient is from the differences of the loss, and what was seen where it is worst.

    It is a number, the distance, and may be compared with one.  ``where`` is the index of the
    entry that differs most, ``gradient`` and ``estimate`` are the two numbers there, and ``ratio``
    is their quotient with its sign.
    """

    where: tuple[int, ...]
    gradient: float
    estimate: float

    @property
    def ratio(self) -> float:
        """The gradient divided by the estimate, at the entry that differs most."""
        return float(np.divide(self.gradient, self.estimate))

    def __repr__(self) -> str:
        return (
            f"{float(self):.3g} (at {self.where} the gradient is {self.gradient:.6g}, "
            f"the differences give {self.estimate:.6g}, the ratio is {self.ratio:.6g})"
        )


@np.errstate(all="ignore")
def check_gradient(loss: Any, y_true: ArrayLike, y_pred: ArrayLike) -> GradientCheck:
    r"""Return how far ``loss.gradient`` is from the differences of the loss, and where most.

    The derivative with respect to each entry of ``y_pred`` is estimated by the five-point formula

    .. math:: f'(x) \approx \frac{f(x-2h) - 8f(x-h) + 8f(x+h) - f(x+2h)}{12h}

    with h near 0.001·max(1, \|x\|), smaller near an end of the domain.  Returned is the largest
    difference from ``loss.gradient``, divided by the largest entry of the estimate, as a number
    with attributes: :class:`GradientCheck`.  For a right gradient of a loss that is
    smooth over a few h it is below 1e-9, unless every entry stands near a minimum: the largest
    estimate is then rounding, and the number may be 1.  It is NaN where either is NaN.

    ``loss`` is a :class:`~lossbook.base.Loss` or any object with ``loss(y_true, y_pred)`` and
    ``loss.gradient(y_true, y_pred)``, of samples or of a whole batch.  Probabilities are moved one
    at a time, off the plane on which a row sums to 1: what is checked is the derivative of the
    formula.

    >>> from lossbook import SquaredError
    >>> check_gradient(SquaredError(), [3.0, 5.0], [2.0, 5.5]) < 1e-9
    True
    """
    p = np.array(y_pred, np.float64)
    estimate = np.empty_like(p)
    for index in np.ndindex(p.shape):
        x = p[index]
        h = _step(loss, x)
        value = {}
        for step in (-2, -1, 1, 2):
            p[index] = x + step * h
            value[step] = _values(loss, y_true, p)
        # Sample by sample, in pairs of equal weight: the losses of the others cancel exactly.
        difference = 8.0 * (value[1] - value[-1]) - (value[2] - value[-2])
        p[index] = x
        estimate[index] = np.mean(difference) / (12 * h)
    gradient = np.asarray(loss.gradient(y_true, p), np.float64)
    error, scale = np.abs(gradient - estimate), np.abs(estimate).max()
    # argmax takes a NaN for the largest.
    where = np.unravel_index(np.argmax(error), error.shape)
    result = GradientCheck(error[where] / scale if not scale <= 0 else error[where])
    result.where = tuple(int(i) for i in where)
    result.gradient, result.estimate = float(gradient[where]), float(estimate[where])
    return result


def _step(loss, x):
    """Return a step that stays inside the domain, a power of two, so that x + h is exact."""
    domain = getattr(loss, "prediction", None)
    low, high = (domain.low, domain.high) if domain else (-np.inf, np.inf)
    room = [max(1.0, abs(x)), *(d for d in (x - low, high - x) if d > 0)]
    return 2.0 ** np.floor(np.log2(1e-3 * min(room)))


def _values(loss, y_true, y_pred):
    if hasattr(loss, "_per_sample"):
        return loss._per_sample(y_true, y_pred, checked=False)
    return loss(y_true, y_pred)
