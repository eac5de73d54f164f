"""Losses of the overlap of two masks: one number for a sample, over all its entries."""

import dataclasses
from typing import ClassVar

import numpy as np

from . import checks
from .base import Claims, Samplewise
from .checks import PROBABILITY, TRUTH, require_parameter


class Overlap(Samplewise):
    """1 - TP / (TP + alpha·FP + beta·FN) of soft masks, two arrays of equal shape (n, ...)."""

    prediction = dataclasses.replace(PROBABILITY, words="a mask of probabilities from 0 to 1")
    target = TRUTH
    indexed = True
    # Sums over a mask lose digits in float32.
    widened = True

    def _shape(self, y, p):
        if y.shape != p.shape or p.ndim < 2:
            must = "both must be (n, ...), equal, one mask for each of n samples"
            checks.misfit(y, p, must, _as_masks(y, p))
        return y.reshape(len(y), -1), p.reshape(len(p), -1), p.shape[:1]

    def _terms(self, y, p):
        rest, hit = 1.0 - y, np.vecdot(y, p)
        miss = self.alpha * np.vecdot(rest, p) + self.beta * np.vecdot(y, 1.0 - p)
        total = hit + miss
        # Empty masks: 0 / 1.
        total = np.where(total == 0, 1.0, total)
        return y, p, rest, hit, miss, total

    def _value(self, y, p, rest, hit, miss, total):
        # It does not cancel where 1 - hit / total would.
        return miss / total

    def _gradient(self, y, p, rest, hit, miss, total):
        # Of two divisions by the total the first comes early where products would underflow.
        early = np.where(total < 1e-100, total, 1.0)[:, np.newaxis]
        total = total[:, np.newaxis]
        false, true = self.alpha * hit[:, np.newaxis], self.beta * hit[:, np.newaxis]
        true += miss[:, np.newaxis]
        if (early < 1.0).any() or (y * rest).any():
            # Of a soft label's own hits and misses most cancels; what is left is -beta·y².
            scaled, own = p / early, self.beta * (y / early)
            false = _others(y * (self.alpha * scaled))
            wrong = y * (self.beta * scaled) + rest * (self.alpha * scaled) + own * (1.0 - p)
            true = _others(wrong) + own
        false, true = (price / total / (total / early) for price in (false, true))
        slope = rest * false
        slope -= y * true
        return slope


def _others(a):
    """Return for each entry ≥ 0 the sum of the others of its row."""
    rows, largest = np.arange(len(a)), np.argmax(a, axis=1)
    rest = a.copy()
    rest[rows, largest] = 0.0
    # Without the largest, nothing that is subtracted is more than half of the sum.
    without = np.add.reduce(rest, axis=1)
    others = (without + a[rows, largest])[:, np.newaxis] - a
    others[rows, largest] = without
    return others


def _as_masks(y, p):
    """Return how arrays become masks of equal shape."""
    if y.shape == p.shape:
        return "For a single mask use np.reshape(y_true, (1, -1)) and np.reshape(y_pred, (1, -1))."
    if [n for n in y.shape if n > 1] == [n for n in p.shape if n > 1]:
        return f"Give both the axes of one: np.reshape(y_true, {p.shape})."
    if y.ndim == p.ndim - 1 and y.shape == p.shape[:-1]:
        masks = f"np.eye({p.shape[-1]})[np.asarray(y_true, int)]"
        return f"Turn class numbers into a mask for each class: {masks}."
    if y.ndim == p.ndim - 1 and y.shape == p.shape[:1] + p.shape[2:]:
        masks = f"np.moveaxis(np.eye({p.shape[1]})[np.asarray(y_true, int)], -1, 1)"
        return f"Turn class numbers into a mask for each class: {masks}."
    return "Pass a probability for each entry of the true masks."


@dataclasses.dataclass(frozen=True)
class Dice(Overlap):
    """One minus the Dice coefficient of a soft mask and the true one.

    Also called: Sørensen-Dice loss, 1 - F1 of pixels, soft Dice.

    Formula: ``1 - 2 * sum(y * p) / sum(y + p)`` over all entries of a sample, and 0 when both
    masks are empty; derivative ``2 * (sum(y * p) - y * sum(y + p)) / sum(y + p)**2``.

    Domain: masks and probabilities in [0, 1] of equal shape (n, ...).

    Good for: segmentation with little foreground, which does not drown in the background
    :cite:p:`milletari2016`.  Price: with respect to the logits, the gradient of a missed
    object (p near 0) vanishes, and for an empty truth the loss is 1 for every non-empty
    prediction.

    >>> Dice()([[1, 1, 0, 0]], [[1.0, 0.0, 0.0, 0.0]])
    0.3333333333333333
    """

    alpha: ClassVar[float] = 0.5
    beta: ClassVar[float] = 0.5
    claims = Claims(
        lower_bound=0.0,
        elsewhere={
            "keras": "keras.losses.Dice(axis=(1,))(y_true, y_pred)  # masks of shape (n, k)"
        },
    )


@dataclasses.dataclass(frozen=True)
class Tversky(Overlap):
    """One minus the Tversky index: Dice with a price for each kind of error.

    Also called: Tversky index loss.

    Formula: with ``tp = sum(y * p)``, ``fp = sum((1 - y) * p)``, ``fn = sum(y * (1 - p))`` and
    ``d = tp + alpha * fp + beta * fn``, ``1 - tp / d``, and 0 when both masks are empty; derivative
    ``(alpha * (1 - y) * tp - y * (beta * tp + d - tp)) / d**2``.

    Domain: as for :class:`Dice`; ``alpha``, ``beta`` > 0.

    Good for: making misses dearer than false alarms, or the reverse.  Price: two parameters.

    >>> Tversky(alpha=0.3, beta=0.7)([[1, 1, 0, 0]], [[1.0, 0.0, 0.0, 0.0]])
    0.4117647058823529
    """

    alpha: float = dataclasses.field(default=0.5, kw_only=True)
    beta: float = dataclasses.field(default=0.5, kw_only=True)

    def __post_init__(self):
        require_parameter("alpha", self.alpha, 0, np.inf)
        require_parameter("beta", self.beta, 0, np.inf)

    @property
    def claims(self):
        # Keras weighs misses by alpha, the reverse of its documentation; a fix is merged, so a
        # later version may differ. Before 3.8 there is no axis.
        call = f"keras.losses.Tversky({self.beta}, {self.alpha}, axis=(1,))(y_true, y_pred)"
        return Claims(
            lower_bound=0.0, elsewhere={"keras==3.15.1": f"{call}  # masks of shape (n, k)"}
        )
