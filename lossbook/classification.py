"""Losses for classes: of probabilities or, better, of logits."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .base import Claims, Elementwise, Rowwise, Samplewise
from .checks import (
    CLASS,
    LOGIT,
    PROBABILITY,
    ROW_SUM_TOLERANCE,
    SCORE,
    SIGN,
    TRUTH,
    refuse,
    require_parameter,
    require_rows_sum_to_one,
)
from .elementary import common_dtype, probabilities, product, real_array, softmax_terms, wide

# What holds of all losses of this file.
OF_CLASSES = Claims(lower_bound=0.0, symmetric="a renaming of the classes")


@dataclasses.dataclass(frozen=True)
class BinaryCrossEntropy(Elementwise):
    """Cross-entropy between labels and predicted *probabilities* of two classes.

    Also called: log loss, logistic-regression loss, Bernoulli negative log-likelihood.

    Formula: ``-y * log(p) - (1 - y) * log(1 - p)`` for each entry, with 0 log 0 = 0; derivative
    ``(p - y) / (p * (1 - p))``; second derivative ``y / p**2 + (1 - y) / (1 - p)**2``.

    Domain: probabilities p in [0, 1]; targets 0 or 1, or probabilities between them;
    any equal shapes.  The unit is the nat.  Nothing is clipped: a truth that was given
    probability 0 costs inf.

    Good for: scoring probabilities that already exist; it is a strictly proper score
    :cite:p:`gneiting2007`.  Price: a probability that was rounded to 0 or 1 cannot be repaired.
    Train on logits instead, with :class:`SigmoidCrossEntropy`.

    >>> BinaryCrossEntropy()([1.0, 0.0], [0.5, 0.0])
    0.34657359027997264
    """

    prediction = PROBABILITY
    target = TRUTH
    claims = dataclasses.replace(
        OF_CLASSES,
        lipschitz=np.inf,
        convex_in=("y_pred", "logits"),
        zero_when="the truth has probability 1",
        minimiser="probability",
        strictly_proper=True,
        elsewhere={
            "keras": "keras.losses.BinaryCrossentropy()(y_true, y_pred)",
            "torch": "torch.nn.functional.binary_cross_entropy(y_pred, y_true)",
            "sklearn": "sklearn.metrics.log_loss(y_true, y_pred, labels=[0, 1])",
        },
    )

    def _terms(self, y, p):
        return y, p

    def _value(self, y, p):
        return product(y, -np.log(p)) + product(1.0 - y, -np.log1p(-p))

    def _gradient(self, y, p):
        opposite = 1.0 - y
        # For y = 0 or 1, without the 0/0 at p = y.
        hard = (opposite - y) / np.abs(opposite - p)
        soft = y * opposite
        if np.count_nonzero(soft):
            soft = soft != 0
            hard[soft] = ((p - y) / (p * (1.0 - p)))[soft]
        return hard

    def _hessian(self, y, p):
        of_one, of_zero = y / p / p, (1.0 - y) / (1.0 - p) / (1.0 - p)
        return np.where((y == 0) & (p == p), 0.0, of_one) + np.where(
            (y == 1) & (p == p), 0.0, of_zero
        )


class ProbabilityRows(Rowwise):
    """A loss of rows of probabilities, which must sum to 1."""

    prediction = PROBABILITY

    def _check(self, y, p, samples):
        super()._check(y, p, samples)
        require_rows_sum_to_one("y_pred", p, samples)

    def _terms(self, y, p):
        # -0.0 + 0.0 is 0.0: 1/p must not be -inf.
        if y.ndim == 2:
            y, p = y.astype(wide(y.dtype)), p.astype(wide(p.dtype))
            return y, p + 0.0, None, None
        label, zero = (np.arange(len(y)), y), np.zeros_like(p)
        # A NaN anywhere in a row makes the loss of the row NaN.
        if math.isnan(np.add.reduce(p, None)):
            zero += 0.0 * np.add.reduce(p, axis=1, keepdims=True)
        # One number a row costs nothing in float64.
        true = p[label].astype(wide(p.dtype)) + 0.0
        return np.ones_like(true), true, label, zero

    def _value(self, y, p, label, zero):
        """Weigh ``_cost(p)``, the loss of a truth that was given the probability p."""
        if label is None:
            return np.add.reduce(product(y, self._cost(p)), axis=1)
        return self._cost(p) + zero[:, 0]

    def _gradient(self, y, p, label, zero):
        return self._placed(self._slope(y, p), y, p, label, zero)

    def _hessian(self, y, p, label, zero):
        return self._placed(self._curve(y, p), y, p, label, zero)

    def _placed(self, derivative, y, p, label, zero):
        """Return derivatives in their columns; a class of weight 0 has none."""
        if label is None:
            return np.where((y == 0) & (p == p), y.dtype.type(0), derivative)
        zero[label] += derivative
        return zero


@dataclasses.dataclass(frozen=True)
class CategoricalCrossEntropy(ProbabilityRows):
    """Cross-entropy between classes and predicted *probabilities* of k classes.

    Also called: log loss, multinomial negative log-likelihood, logarithmic score
    :cite:p:`good1952`.

    Formula: ``-sum(y * log(p))`` for each row, with 0 log 0 = 0; derivative ``-y / p``; second
    derivative ``y / p**2``.  A class number stands for its one-hot row.

    Domain: rows of probabilities in [0, 1] that sum to 1, shape (n, k); targets are class
    numbers (n,) or distributions (n, k).  The unit is the nat.  Rows are not renormalised and
    nothing is clipped.

    Good for: scoring probabilities that already exist.  Price: as for
    :class:`BinaryCrossEntropy`; train on logits, with :class:`SoftmaxCrossEntropy`.

    >>> CategoricalCrossEntropy()([0], [[0.25, 0.75]])
    1.3862943611198906
    """

    claims = dataclasses.replace(
        OF_CLASSES,
        lipschitz=np.inf,
        convex_in=("y_pred", "logits"),
        zero_when="the truth has probability 1",
        minimiser="probability",
        strictly_proper=True,
        elsewhere={
            "keras": "keras.losses.SparseCategoricalCrossentropy()(y_true, y_pred)",
            "torch": "torch.nn.functional.nll_loss(y_pred.log(), y_true)",
            "sklearn": "sklearn.metrics.log_loss(y_true, y_pred, labels=range(y_pred.shape[1]))",
        },
    )

    def _cost(self, p):
        return -np.log(p)

    def _slope(self, y, p):
        return -y / p

    def _curve(self, y, p):
        return y / p / p


@dataclasses.dataclass(frozen=True)
class SigmoidCrossEntropy(Elementwise):
    """Cross-entropy between labels and the sigmoid of *logits*.

    Also called: binary cross-entropy with logits, logistic loss, binomial deviance (half of it).

    Formula: ``(1 - y) * softplus(z) + y * softplus(-z)`` for each entry; derivative
    ``sigmoid(z) - y``; second derivative ``sigmoid(z) * sigmoid(-z)``.

    Domain: logits are real numbers; targets 0 or 1, or probabilities between them; any equal
    shapes.  The unit is the nat.

    Good for: training a classifier of two classes, or of several labels that do not exclude each
    other.  The gradient of a confident mistake is about 1 or -1, never 0.  Price: on separable
    data the loss keeps falling while the weights grow without end.

    >>> SigmoidCrossEntropy()([0.0], [800.0])
    800.0
    """

    prediction = LOGIT
    target = TRUTH
    claims = dataclasses.replace(
        OF_CLASSES,
        convex_in=("y_pred",),
        lipschitz=1.0,
        minimiser="probability",
        strictly_proper=True,
        elsewhere={
            "keras": "keras.losses.BinaryCrossentropy(from_logits=True)(y_true, y_pred)",
            "torch": "torch.nn.functional.binary_cross_entropy_with_logits(y_pred, y_true)",
            "optax": "optax.losses.sigmoid_binary_cross_entropy(y_pred, y_true).mean()",
            "sklearn": "sklearn.metrics.log_loss(y_true, scipy.special.expit(y_pred),"
            " labels=[0, 1])",
        },
    )

    def _precision(self, y, dtype):
        # The gradient for a soft label is the difference of two probabilities.
        soft = dtype == np.float32 and y.dtype.kind == "f" and (y * (1.0 - y)).any()
        return wide(dtype) if soft else super()._precision(y, dtype)

    def _terms(self, y, z):
        size, sign = np.abs(z), np.copysign(1.0, z)
        # The weight of the class that the sign of z speaks against.
        wrong = np.abs(y - (sign > 0))
        return size, sign, wrong, np.exp(-size)

    def _value(self, size, sign, wrong, e):
        return product(wrong, size) + np.log1p(e)

    def _gradient(self, size, sign, wrong, e):
        return sign * (wrong - e / (1.0 + e))

    def _hessian(self, size, sign, wrong, e):
        return e / (1.0 + e) / (1.0 + e)


@dataclasses.dataclass(frozen=True)
class SoftmaxCrossEntropy(Rowwise):
    """Cross-entropy between classes and the softmax of *logits*.

    Also called: categorical cross-entropy with logits, multinomial logistic loss, softmax loss.

    Formula: with ``p = softmax(z)``, ``-sum(y * log(p))`` for each row, with 0 log 0 = 0;
    derivative ``p - y``; second derivative ``p * (1 - p)``.

    Domain: logits are real numbers, shape (n, k), and -inf masks a class; targets are class
    numbers (n,) or distributions (n, k).  The unit is the nat.

    Good for: training a classifier of k classes that exclude each other.  The sum is taken without
    the largest term :cite:p:`blanchard2021`, so a small loss keeps its digits.  Price: as for
    :class:`SigmoidCrossEntropy`.

    >>> SoftmaxCrossEntropy()([0], [[20.0, 0.0, 0.0]])
    4.1223072363804075e-09
    """

    prediction = LOGIT
    # The gap between logits is rounded, and its exponential multiplies that.
    widened = True
    claims = dataclasses.replace(
        OF_CLASSES,
        convex_in=("y_pred",),
        lipschitz=float(np.sqrt(2)),
        invariant="adding one number to all logits of a row",
        minimiser="probability",
        strictly_proper=True,
        elsewhere={
            "keras": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y_true, y_pred)",
            "torch": "torch.nn.functional.cross_entropy(y_pred, y_true)",
            "optax": "optax.losses.softmax_cross_entropy_with_integer_labels(y_pred, y_true)"
            ".mean()",
            "sklearn": "sklearn.metrics.log_loss(y_true, scipy.special.softmax(y_pred, axis=1),"
            " labels=range(y_pred.shape[1]))",
        },
    )

    def _terms(self, y, z):
        gap, e, others, top = softmax_terms(z)
        return y, z, gap, e, others, np.log1p(others), top

    def _value(self, y, z, gap, e, others, log_sum, top):
        if y.ndim == 1:
            return log_sum[:, 0] - gap[np.arange(len(y)), y]
        cost = product(y, -gap)
        if not math.isfinite(np.add.reduce(cost, None)):
            # A gap of finite logits may be infinite, but not the terms of y times it.
            far = np.isinf(gap) & np.isfinite(z)
            cost = np.where(far, y * z[top][:, np.newaxis] - y * z, cost)
        return y.sum(axis=1) * log_sum[:, 0] + cost.sum(axis=1)

    def _gradient(self, y, z, gap, e, others, log_sum, top):
        e = probabilities(gap, e, others, top)
        # p - 1 at the label would cancel; expm1 does not.
        if y.ndim == 1:
            label = np.arange(len(y)), y
            e[label] = np.expm1(gap[label] - log_sum[:, 0])
            return e
        total = y.sum(axis=1, keepdims=True)
        near_one = total * np.expm1(gap - log_sum) + (total - y)
        return np.where(y > total / 2, near_one, total * e - y)

    def _hessian(self, y, z, gap, e, others, log_sum, top):
        p = probabilities(gap, e, others, top)
        curve = p * -np.expm1(gap - log_sum)
        return curve if y.ndim == 1 else curve * y.sum(axis=1, keepdims=True)


@dataclasses.dataclass(frozen=True)
class Focal(Samplewise):
    """Cross-entropy of logits times (1 - p)^gamma, where p is the probability of the truth."""

    gamma: float = 2.0

    prediction = LOGIT
    target = CLASS
    # gamma multiplies the rounding of a logarithm.
    widened = True

    def __post_init__(self):
        require_parameter("gamma", self.gamma, 0, np.inf, end=0)

    def _twice(self, p, wrong, log_p):
        """Return the second derivative by the true logit, divided by p · wrong ** gamma."""
        gamma = self.gamma
        return (1.0 + 2.0 * gamma) * wrong + product(gamma * (1.0 - (gamma + 1.0) * p), log_p)


@dataclasses.dataclass(frozen=True)
class SigmoidFocal(Focal, Elementwise):
    """Sigmoid cross-entropy, scaled down most where the truth is already probable.

    Also called: binary focal loss.

    Formula: with the probability ``p = sigmoid((2 * y - 1) * z)`` of the true label,
    ``-(1 - p)**gamma * log(p)`` for each entry; derivative
    ``(1 - 2 * y) * (1 - p)**gamma * (1 - p - gamma * p * log(p))``; second derivative
    ``p * (1 - p)**gamma * ((1 + 2 * gamma) * (1 - p) + gamma * (1 - (gamma + 1) * p) * log(p))``.

    Domain: logits are real numbers; targets 0 or 1; any equal shapes; ``gamma`` ≥ 0.

    Good for: very many easy negatives, as in object detection :cite:p:`lin2017`.  Price: it is
    not proper: its probabilities are less extreme than the true ones.

    >>> round(SigmoidFocal(gamma=2.0)([1.0], [0.0]), 12)
    0.17328679514
    """

    @property
    def claims(self):
        gamma = f"gamma={self.gamma}"
        call = f"keras.losses.BinaryFocalCrossentropy({gamma}, from_logits=True)"
        return dataclasses.replace(
            OF_CLASSES,
            elsewhere={
                "keras": f"{call}(y_true, y_pred)",
                "optax": f"optax.losses.sigmoid_focal_loss(y_pred, y_true, {gamma}).mean()",
            },
        )

    def _terms(self, y, z):
        sign = 2.0 * y - 1.0
        right = sign * z
        e, likely = np.exp(-np.abs(right)), right >= 0
        p, wrong = (np.where(side, 1.0, e) / (1.0 + e) for side in (likely, ~likely))
        log_sum = np.log1p(e)
        log_p, log_wrong = (side.clip(-np.inf, 0.0) - log_sum for side in (right, -right))
        # A power of a quotient would multiply its rounding.
        return sign, p, wrong, log_p, np.exp(self.gamma * log_wrong)

    def _value(self, sign, p, wrong, log_p, ease):
        return product(ease, -log_p)

    def _gradient(self, sign, p, wrong, log_p, ease):
        return -sign * product(ease, wrong - self.gamma * product(p, log_p))

    def _hessian(self, sign, p, wrong, log_p, ease):
        return product(ease, product(p, self._twice(p, wrong, log_p)))


@dataclasses.dataclass(frozen=True)
class SoftmaxFocal(Focal, Rowwise):
    """Softmax cross-entropy, scaled down most where the truth is already probable.

    Also called: categorical focal loss.

    Formula: with ``p = softmax(z)`` and the probabilities ``t = sum(y * p)`` of the true class and
    ``w = sum((1 - y) * p)`` of all others, ``-w**gamma * log(t)`` for each row; with
    ``f = w**(gamma - 1) * (w - gamma * t * log(t))`` the derivative is ``f * (p - y)``; with
    ``g = gamma * t * w**(gamma - 2) * ((1 - gamma * t) * log(t) + 2 * w)`` the second derivative is
    ``g * (p - y)**2 + f * p * (1 - p)``.

    Domain: logits are real numbers, shape (n, k); targets are class numbers (n,) or one-hot
    rows (n, k); ``gamma`` ≥ 0.

    Good for: what :class:`SigmoidFocal` is good for, with k classes.  Price: it is not proper
    either: its probabilities may be less or more extreme than the true ones.

    >>> round(SoftmaxFocal(gamma=2.0)([0], [[0.0, 0.0]]), 12)
    0.17328679514
    """

    @property
    def claims(self):
        given = f"alpha=1.0, gamma={self.gamma}, from_logits=True"
        call = f"keras.losses.CategoricalFocalCrossentropy({given})"
        return dataclasses.replace(
            OF_CLASSES,
            invariant="adding one number to all logits of a row",
            elsewhere={"keras": f"{call}(one_hot, y_pred)"},
        )

    def _prepare(self, y, dtype):
        return _labels_of(y)

    def _terms(self, y, z):
        gap, e, others, top = softmax_terms(z)
        label = np.arange(len(y)), y
        log_p = gap[label] - np.log1p(others[:, 0])
        return label, (gap, e, others, top), log_p, -np.expm1(log_p)

    def _value(self, label, terms, log_p, wrong):
        return product(wrong**self.gamma, -log_p)

    def _gradient(self, label, terms, log_p, wrong):
        slope = probabilities(*terms)
        slope[label] = -wrong
        rest = wrong - self.gamma * product(np.exp(log_p), log_p)
        # wrong ** (gamma - 1) alone may be infinite where the product is 0.
        factor = product(rest / np.where(wrong == 0, 1.0, wrong), wrong**self.gamma)
        return factor[:, np.newaxis] * slope

    def _hessian(self, label, terms, log_p, wrong):
        gap, e, others, top = terms
        rest = -np.expm1(gap - np.log1p(others))
        q, p, gamma = probabilities(gap, e, others, top), np.exp(log_p), self.gamma
        # With f(log p) = -wrong ** gamma · log p, others have f'' q² - f' q (1 - q).
        safe = np.where(wrong == 0, 1.0, wrong)
        slope = (wrong - gamma * product(p, log_p)) / safe
        twice = gamma * product(p, log_p * (1.0 - gamma * p) + 2.0 * wrong) / safe
        # q is at most wrong, by which it is divided first: 1 / wrong**2 may overflow.
        twice, slope = twice[:, np.newaxis] * (q / safe[:, np.newaxis]), slope[:, np.newaxis] * rest
        curve = (wrong**gamma)[:, np.newaxis] * q * (twice + slope)
        curve[label] = wrong**gamma * product(p, self._twice(p, wrong, log_p))
        return curve


@dataclasses.dataclass(frozen=True)
class GeneralizedCrossEntropy(ProbabilityRows):
    """Between cross-entropy (q → 0) and the absolute error of the true class's probability (q = 1).

    Also called: Lq loss.

    Formula: ``sum(y * (1 - p**q)) / q`` for each row; derivative ``-y * p**(q - 1)``; second
    derivative ``(1 - q) * y * p**(q - 2)``.  A class number stands for its one-hot row.

    Domain: rows of probabilities that sum to 1, shape (n, k); targets are class numbers (n,) or
    distributions (n, k); 0 < ``q`` ≤ 1.

    Good for: labels of which some are wrong :cite:p:`zhang2018`.  Price: slower training, and it
    is not proper.

    >>> round(GeneralizedCrossEntropy(q=0.5)([0], [[0.25, 0.75]]), 12)
    1.0
    """

    q: float = 0.7

    # Powers lose digits in float32.
    widened = True

    @property
    def claims(self):
        call = f"keras.losses.CategoricalGeneralizedCrossEntropy(q={self.q})"
        return dataclasses.replace(
            OF_CLASSES,
            convex_in=("y_pred",),
            lipschitz=1.0 if self.q == 1 else np.inf,
            zero_when="the truth has probability 1",
            # Keras refuses q = 1.
            elsewhere={"keras": f"{call}(y_true, y_pred)  # class numbers"} if self.q < 1 else {},
        )

    def __post_init__(self):
        require_parameter("q", self.q, 0, 1, end=1)

    def _cost(self, p):
        # For q as small as this, q log p may be subnormal, and the loss is -log p to the last bit.
        if self.q < 1e-20:
            return np.minimum(-np.log(p), 1.0 / self.q)
        return -np.expm1(self.q * np.log(p)) / self.q

    def _slope(self, y, p):
        if self.q == 1:
            return 0.0 * p - y
        return -self._ratio(y, p)

    def _ratio(self, y, p):
        """Return y·p^(q - 1), where q - 1 would be rounded."""
        power = y * np.where(p == 0, 1.0, p**self.q) / p
        tiny = (p < 1e-150) & (p > 0)
        if tiny.any():
            # In roots, since neither the power nor a quotient by p may be a float.
            half, root = p[tiny] ** (self.q / 2), np.sqrt(p[tiny])
            power[tiny] = y[tiny] / root * (half / root * half)
        return power

    def _curve(self, y, p):
        if self.q == 1:
            return 0.0 * p
        ratio, root = self._ratio(y, p), np.sqrt(p)
        far = ratio / root * ((1.0 - self.q) / root)
        return np.where(p < 1e-150, far, (1.0 - self.q) * ratio / p)


@dataclasses.dataclass(frozen=True)
class Brier(ProbabilityRows):
    """The squared distance between predicted probabilities and what happened.

    Also called: Brier score, quadratic score; of single probabilities, mean squared error.

    Formula: ``sum((p - y)**2)`` over a row, or over the single probability of a sample in shape
    (n,), so that two classes in a row cost twice as much; derivative ``2 * (p - y)``; second
    derivative ``2``.

    Domain: probabilities (n,) with targets (n,) from 0 to 1, or rows of probabilities that sum
    to 1 with class numbers (n,) or distributions (n, k).

    Good for: a strictly proper score that is bounded, so one confident mistake does not decide
    :cite:p:`brier1950,gneiting2007`.  Price: trained through a softmax it is not convex, and a
    confident mistake has almost no gradient.

    >>> Brier()([0], [[0.5, 0.5]]), Brier()([1.0], [0.5])
    (0.5, 0.25)
    """

    claims = dataclasses.replace(
        OF_CLASSES,
        convex_in=("y_pred",),
        lipschitz=float(2 * np.sqrt(2)),
        zero_when="y_pred = y_true",
        minimiser="probability",
        strictly_proper=True,
    )

    def _shape(self, y, p):
        return (Elementwise if p.ndim == 1 else Rowwise)._shape(self, y, p)

    def _prepare(self, y, dtype):
        return y if y.ndim == 1 else super()._prepare(y, dtype)

    def _check(self, y, p, samples):
        if p.ndim == 1:
            Elementwise._check(self, y, p, samples)
        else:
            super()._check(y, p, samples)

    def _terms(self, y, p):
        if p.ndim == 2 and y.ndim == 1:
            distance = p.copy()
            distance[np.arange(len(y)), y.astype(np.intp)] -= 1.0
            return (distance,)
        return (p - y,)

    def _value(self, distance):
        square = distance * distance
        return square if square.ndim == 1 else square.sum(axis=1)

    def _gradient(self, distance):
        return 2.0 * distance

    def _hessian(self, distance):
        return 2.0 + 0.0 * distance


class Margin(Elementwise):
    """A loss of the margin a = y·s, for labels y of -1 and 1 and a score s."""

    prediction = SCORE
    target = SIGN

    def _terms(self, y, s):
        return y, y * s


@dataclasses.dataclass(frozen=True)
class Hinge(Margin):
    """How much the margin falls short of 1.

    Also called: loss of the support vector machine.

    Formula: ``maximum(1 - y * s, 0)`` for each entry; derivative ``where(y * s < 1, -y, 0)``, 0
    also at the kink; second derivative ``0``.

    Domain: scores are real numbers; labels -1 or 1; any equal shapes.

    Good for: a decision with a margin; samples beyond it do not count at all.  Price: scores are
    no probabilities.

    >>> Hinge()([1.0, -1.0], [0.5, -2.0])
    0.25
    """

    claims = dataclasses.replace(
        OF_CLASSES,
        convex_in=("y_pred",),
        lipschitz=1.0,
        calibrated=True,
        elsewhere={
            "keras": "keras.losses.Hinge()(y_true, y_pred)",
            "optax": "optax.losses.hinge_loss(y_pred, y_true).mean()",
            "sklearn": "sklearn.metrics.hinge_loss(y_true, y_pred)  # if both labels occur",
        },
    )

    def _value(self, y, a):
        return np.maximum(1.0 - a, 0.0)

    def _gradient(self, y, a):
        return y * np.sign(np.minimum(a - 1.0, 0.0))

    def _hessian(self, y, a):
        return 0.0 * np.sign(a)


@dataclasses.dataclass(frozen=True)
class SquaredHinge(Margin):
    """The square of the hinge loss.

    Also called: L2 hinge loss.

    Formula: ``maximum(1 - y * s, 0)**2`` for each entry; derivative
    ``-2 * y * maximum(1 - y * s, 0)``; second derivative ``where(y * s < 1, 2, 0)``.

    Domain: as for :class:`Hinge`.

    Good for: a hinge without a kink.  Price: an outlier on the wrong side counts by the square
    of its distance.

    >>> SquaredHinge()([1.0, -1.0], [0.5, -2.0])
    0.125
    """

    claims = dataclasses.replace(
        OF_CLASSES,
        lipschitz=np.inf,
        convex_in=("y_pred",),
        calibrated=True,
        elsewhere={"keras": "keras.losses.SquaredHinge()(y_true, y_pred)"},
    )

    def _value(self, y, a):
        return np.maximum(1.0 - a, 0.0) ** 2

    def _gradient(self, y, a):
        return -2.0 * y * np.maximum(1.0 - a, 0.0)

    def _hessian(self, y, a):
        return 2.0 * np.sign(np.maximum(1.0 - a, 0.0))


@dataclasses.dataclass(frozen=True)
class Exponential(Margin):
    """The exponential of minus the margin.

    Also called: loss of AdaBoost.

    Formula: ``exp(-y * s)`` for each entry; derivative ``-y * exp(-y * s)``; second derivative
    ``exp(-y * s)``.

    Domain: as for :class:`Hinge`.

    Good for: boosting; its best score is half the log odds.  Price: one wrong label counts
    exponentially.

    >>> Exponential()([1.0], [0.0])
    1.0
    """

    claims = dataclasses.replace(
        OF_CLASSES, lipschitz=np.inf, convex_in=("y_pred",), calibrated=True
    )

    def _value(self, y, a):
        return np.exp(-a)

    def _gradient(self, y, a):
        return -y * np.exp(-a)

    def _hessian(self, y, a):
        return np.exp(-a)


@dataclasses.dataclass(frozen=True)
class MulticlassHinge(Rowwise):
    """How much the score of the true class falls short of its best rival's plus 1.

    Also called: Crammer-Singer loss.  Keras's CategoricalHinge is another loss.

    Formula: with the best score ``rival = max(s[y == 0])`` of another class,
    ``maximum(1 + rival - sum(y * s), 0)`` for each row, where y is one-hot; derivative
    ``where(1 + rival > sum(y * s), (s == rival) * (1 - y) - y, 0)``: where the loss is positive, 1
    at the rival, of equal ones at the first, and -1 at the true class.

    Domain: scores are real numbers, shape (n, k) with k ≥ 2; targets are class numbers (n,) or
    one-hot rows (n, k).

    Good for: a margin between k classes.  Price: only one rival at a time is pushed, and with
    more than two classes the best scores need not point at the most probable one.

    >>> MulticlassHinge()([0], [[2.0, 1.5, 0.0]])
    0.5
    """

    prediction = SCORE
    target = CLASS
    formula = (
        r"\ell = \max\bigl(0,\ 1 + \max_{j \ne y} s_j - s_y\bigr)",
        r"\frac{\partial \ell}{\partial s_j} = 1 \text{ at the best rival}, -1 \text{ at } y,"
        r" \text{ where } \ell > 0",
    )
    claims = dataclasses.replace(
        OF_CLASSES,
        convex_in=("y_pred",),
        lipschitz=float(np.sqrt(2)),
        invariant="adding one number to all scores of a row",
        elsewhere={
            "optax": "optax.losses.multiclass_hinge_loss(y_pred, y_true).mean()  # class numbers"
        },
    )

    def _prepare(self, y, dtype):
        return _labels_of(y)

    def _terms(self, y, s):
        rows, others = np.arange(len(y)), s.copy()
        others[rows, y] = -np.inf
        rival = rows, np.argmax(others, axis=1)
        # One number a row costs nothing in float64.
        ahead = others[rival].astype(wide(s.dtype)) - s[rows, y]
        return (rows, y), rival, np.maximum(1.0 + ahead, 0.0), s

    def _value(self, label, rival, shortfall, s):
        return shortfall

    def _gradient(self, label, rival, shortfall, s):
        gradient, active = np.zeros_like(s), np.sign(shortfall)
        gradient[rival], gradient[label] = active, -active
        return gradient


def _labels_of(y):
    """Return class numbers from class numbers or one-hot rows."""
    return y.astype(np.intp) if y.ndim == 1 else np.argmax(y, axis=1)


def smooth_labels(y_true: ArrayLike, alpha: float) -> NDArray[Any]:
    """Return distributions that keep 1 - alpha of ``y_true`` and spread alpha over all classes.

    That is ``(1 - alpha) * y_true + alpha / k`` for distributions (n, k), in the dtype of
    ``y_true``, at least float32.  Raises ValueError for what is no distribution.  Class numbers
    have to be made one-hot first, because they do not say how many classes there are:
    ``np.eye(k)[y_true]``.  Labels 0 and 1 of two classes, one or several for a sample, become
    ``(1 - alpha) * y_true + alpha / 2``.

    >>> smooth_labels([[1.0, 0.0]], 0.5).tolist()
    [[0.75, 0.25]]
    """
    y = real_array(y_true, "y_true")
    if y.ndim != 2 or y.shape[1] == 1:
        raise ValueError(
            f"y_true has shape {y.shape}: it must be (n, k), a distribution in each row. "
            "Turn class numbers into rows with np.eye(k)[y_true]; smooth labels 0 and 1 with "
            "np.multiply(1 - alpha, y_true) + alpha / 2."
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha is {alpha}: it must be from 0 to 1.")
    TRUTH.require_targets(y, range(len(y)))
    sums = y.sum(axis=1, dtype=np.float64)
    wrong = np.abs(sums - 1.0) > ROW_SUM_TOLERANCE
    if wrong.any():
        fix = (
            "Labels of classes that do not exclude each other are smoothed each on its own: "
            "np.multiply(1 - alpha, y_true) + alpha / 2."
        )
        refuse("the row sum of y_true", sums, wrong, range(len(y)), "1", fix)
    y = y.astype(common_dtype(y), copy=False)
    return (1 - alpha) * y + alpha / y.shape[1]
