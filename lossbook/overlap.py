"""Losses of the overlap of two masks: one number for a sample, over all its entries."""

import dataclasses
from typing import ClassVar

import numpy as np

from .base import Claims, Loss, real_array, require_parameter
from .elementary import common_dtype


class Overlap(Loss):
    """1 - TP / (TP + alpha·FP + beta·FN) of soft masks; ``y_true`` and ``y_pred`` of equal shape (n, ...)."""

    symbol = "p"
    takes = "a mask of probabilities from 0 to 1"
    domain = (0.0, 1.0)
    targets = (0.0, 1.0)
    indexed = True

    def _accept(self, y_true, y_pred):
        y, p = real_array("y_true", y_true), real_array("y_pred", y_pred)
        if y.shape != p.shape or p.ndim < 2:
            raise ValueError(
                f"y_true has shape {y.shape} and y_pred {p.shape}: both must be (n, ...), equal, one mask for "
                "each of n samples. For a single mask use mask[np.newaxis]."
            )
        return (y.reshape(len(y), -1), p.reshape(len(p), -1), common_dtype(y, p), p.shape[:1])

    def _terms(self, y, p):
        rest = 1.0 - y
        hit = np.vecdot(y, p)
        miss = self.alpha * np.vecdot(rest, p) + self.beta * np.vecdot(y, 1.0 - p)
        total = hit + miss
        total = np.where(total == 0, 1.0, total)  # empty masks: 0 / 1
        return y, rest, hit, miss, total

    def _value(self, y, rest, hit, miss, total):
        return miss / total  # does not cancel where 1 - hit / total would

    def _gradient(self, y, rest, hit, miss, total):
        false = self.alpha * hit / total / total
        true = (self.beta * hit + miss) / total / total
        slope = rest * false[:, np.newaxis]
        slope -= y * true[:, np.newaxis]
        return slope


@dataclasses.dataclass(frozen=True)
class Dice(Overlap):
    r"""One minus the Dice coefficient of a soft mask and the true one.

    Also called: Sørensen-Dice loss, 1 - F1 of pixels, soft Dice.

    Formula: :math:`1 - 2\sum yp / (\sum y + \sum p)` over all entries of a sample, and 0 when both
    masks are empty; derivative :math:`2\bigl(\sum yp - y_j(\sum y + \sum p)\bigr)/(\sum y + \sum p)^2`.

    Domain: masks and probabilities in [0, 1] of equal shape (n, ...).

    Good for: segmentation with little foreground, which does not drown in the background
    :cite:p:`milletari2016`.  Price: the gradient of a missed small object is large and noisy,
    and for an empty truth the loss is 1 for every non-empty prediction.

    >>> Dice()([[1, 1, 0, 0]], [[1.0, 0.0, 0.0, 0.0]])
    0.3333333333333333
    """

    alpha: ClassVar[float] = 0.5
    beta: ClassVar[float] = 0.5
    claims = Claims(
        lower_bound=0.0, elsewhere={"keras": "keras.losses.Dice(axis=(1,))(y_true, y_pred)"}
    )


@dataclasses.dataclass(frozen=True)
class Tversky(Overlap):
    r"""One minus the Tversky index: Dice with a price for each kind of error.

    Also called: Tversky index loss.

    Formula: :math:`1 - TP/(TP + \alpha FP + \beta FN)` with :math:`TP = \sum yp`,
    :math:`FP = \sum (1-y)p`, :math:`FN = \sum y(1-p)`, and 0 when both masks are empty; derivative
    :math:`\bigl(\alpha(1-y_j)TP - y_j(\beta TP + \alpha FP + \beta FN)\bigr) / (TP + \alpha FP + \beta FN)^2`.

    Domain: as for :class:`Dice`; ``alpha``, ``beta`` > 0.

    Good for: making misses dearer than false alarms, or the reverse.  Price: two parameters.

    >>> Tversky(alpha=0.3, beta=0.7)([[1, 1, 0, 0]], [[1.0, 0.0, 0.0, 0.0]])
    0.4117647058823529
    """

    alpha: float = 0.5
    beta: float = 0.5

    def __post_init__(self):
        require_parameter("alpha", self.alpha, 0, np.inf)
        require_parameter("beta", self.beta, 0, np.inf)

    @property
    def claims(self):
        # Keras weighs misses by alpha and false alarms by beta, the reverse of its documentation.
        call = f"keras.losses.Tversky({self.beta}, {self.alpha}, axis=(1,))"
        return Claims(lower_bound=0.0, elsewhere={"keras": f"{call}(y_true, y_pred)"})
