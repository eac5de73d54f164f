"""Losses for classes: of probabilities or, better, of logits."""

import dataclasses

import numpy as np

from .base import Claims, Elementwise, Rowwise, require_rows_sum_to_one
from .elementary import product, softmax_terms


@dataclasses.dataclass(frozen=True)
class BinaryCrossEntropy(Elementwise):
    r"""Cross-entropy between labels and predicted *probabilities* of two classes.

    Also called: log loss, logistic-regression loss, Bernoulli negative log-likelihood.

    Formula: :math:`-y\log p - (1-y)\log(1-p)` for each entry, with :math:`0\log 0 = 0`;
    derivative :math:`(p-y)/(p(1-p))`.

    Domain: probabilities :math:`p` in [0, 1]; targets 0 or 1, or probabilities between them;
    any equal shapes.  The unit is the nat.  Nothing is clipped: a truth that was given
    probability 0 costs inf.

    Good for: scoring probabilities that already exist; it is a strictly proper score
    :cite:p:`gneiting2007`.  Price: a probability that was rounded to 0 or 1 cannot be repaired.
    Train on logits instead, with :class:`SigmoidCrossEntropy`.

    >>> BinaryCrossEntropy()([1.0, 0.0], [0.5, 0.0])
    0.34657359027997264
    """

    symbol = "p"
    domain = (0.0, 1.0)
    targets = (0.0, 1.0)
    claims = Claims(
        convex_in=("y_pred", "logits"),
        lower_bound=0.0,
        zero_when="the truth has probability 1",
        symmetric="a renaming of the classes",
        minimiser="probability",
        strictly_proper=True,
        elsewhere={
            "keras": "keras.losses.BinaryCrossentropy()(y_true, y_pred)",
            "torch": "torch.nn.functional.binary_cross_entropy(y_pred, y_true)",
            "sklearn": "sklearn.metrics.log_loss(y_true, y_pred)",
        },
    )

    def _terms(self, y, p):
        return y, p + 0.0  # -0.0 + 0.0 is 0.0: 1/p must not be -inf

    def _value(self, y, p):
        return product(y, -np.log(p)) + product(1.0 - y, -np.log1p(-p))

    def _gradient(self, y, p):
        hard = (1.0 - 2.0 * y) / np.where(
            y == 1, p, 1.0 - p
        )  # for y = 0 or 1, without the 0/0 at p = y
        return np.where((y == 0) | (y == 1), hard, (p - y) / (p * (1.0 - p)))


@dataclasses.dataclass(frozen=True)
class CategoricalCrossEntropy(Rowwise):
    r"""Cross-entropy between classes and predicted *probabilities* of k classes.

    Also called: log loss, multinomial negative log-likelihood, logarithmic score
    :cite:p:`good1952`.

    Formula: :math:`-\sum_j y_j\log p_j` for each row, with :math:`0\log 0 = 0`; derivative
    :math:`-y_j/p_j`.  For class numbers this is :math:`-\log p_y`.

    Domain: rows of probabilities in [0, 1] that sum to 1, shape (n, k); targets are class
    numbers (n,) or distributions (n, k).  The unit is the nat.  Rows are not renormalised and
    nothing is clipped.

    Good for: scoring probabilities that already exist.  Price: as for
    :class:`BinaryCrossEntropy`; train on logits, with :class:`SoftmaxCrossEntropy`.

    >>> CategoricalCrossEntropy()([0], [[0.25, 0.75]])
    1.3862943611198906
    """

    symbol = "p"
    domain = (0.0, 1.0)
    claims = Claims(
        convex_in=("y_pred", "logits"),
        lower_bound=0.0,
        zero_when="the truth has probability 1",
        symmetric="a renaming of the classes",
        minimiser="probability",
        strictly_proper=True,
        elsewhere={
            "keras": "keras.losses.SparseCategoricalCrossentropy()(y_true, y_pred)",
            "torch": "torch.nn.functional.nll_loss(y_pred.log(), y_true)",
            "sklearn": "sklearn.metrics.log_loss(y_true, y_pred)",
        },
    )

    def _check(self, y, p, start):
        super()._check(y, p, start)
        require_rows_sum_to_one("y_pred", p, start)

    def _terms(self, y, p):
        # A NaN anywhere in a row makes the loss of the row NaN, for class numbers too.
        return y, p + 0.0, np.where(np.isnan(p).any(axis=1), np.nan, 0.0)

    def _value(self, y, p, nan):
        if y.ndim == 1:
            return nan - np.log(
                np.take_along_axis(p, y[:, np.newaxis], axis=1)[:, 0]
            )
        return product(y, -np.log(p)).sum(axis=1)

    def _gradient(self, y, p, nan):
        if y.ndim == 2:
            return np.where((y == 0) & (p == 0), 0.0, -y / p)
        gradient = np.zeros_like(p) + nan[:, np.newaxis]
        label = y[:, np.newaxis]
        np.put_along_axis(
            gradient,
            label,
            nan[:, np.newaxis] - 1.0 / np.take_along_axis(p, label, axis=1),
            axis=1,
        )
        return gradient


@dataclasses.dataclass(frozen=True)
class SigmoidCrossEntropy(Elementwise):
    r"""Cross-entropy between labels and the sigmoid of *logits*.

    Also called: binary cross-entropy with logits, logistic loss, binomial deviance (half of it).

    Formula: :math:`(1-y)\log(1+e^z) + y\log(1+e^{-z})` for each entry; derivative
    :math:`\sigma(z) - y`.

    Domain: logits are real numbers; targets 0 or 1, or probabilities between them; any equal
    shapes.  The unit is the nat.

    Good for: training a classifier of two classes, or of several labels that do not exclude each
    other.  The gradient of a confident mistake is 1, never 0.  Price: on separable data the loss
    keeps falling while the weights grow without end.

    >>> SigmoidCrossEntropy()([0.0], [800.0])
    800.0
    """

    symbol = "z"
    targets = (0.0, 1.0)
    claims = Claims(
        convex_in=("y_pred",),
        lipschitz=1.0,
        lower_bound=0.0,
        symmetric="a renaming of the classes",
        minimiser="probability",
        strictly_proper=True,
        elsewhere={
            "keras": "keras.losses.BinaryCrossentropy(from_logits=True)(y_true, y_pred)",
            "torch": "torch.nn.functional.binary_cross_entropy_with_logits(y_pred, y_true)",
            "optax": "optax.losses.sigmoid_binary_cross_entropy(y_pred, y_true).mean()",
            "sklearn": "sklearn.metrics.log_loss(y_true, scipy.special.expit(y_pred))",
        },
    )

    def _terms(self, y, z):
        # wrong and right: the weight of the class that the sign of z speaks against and for
        wrong, right = np.where(z > 0, 1.0 - y, y), np.where(z > 0, y, 1.0 - y)
        return z, wrong, right, np.exp(-np.abs(z))

    def _value(self, z, wrong, right, e):
        return product(wrong, np.abs(z)) + np.log1p(e)

    def _gradient(self, z, wrong, right, e):
        return np.where(z > 0, 1.0, -1.0) * (wrong - right * e) / (1.0 + e)


@dataclasses.dataclass(frozen=True)
class SoftmaxCrossEntropy(Rowwise):
    r"""Cross-entropy between classes and the softmax of *logits*.

    Also called: categorical cross-entropy with logits, multinomial logistic loss, softmax loss.

    Formula: :math:`-\sum_j y_j \log\bigl(e^{z_j} / \sum_m e^{z_m}\bigr)` for each row;
    derivative :math:`e^{z_j} / \sum_m e^{z_m} - y_j`.

    Domain: logits are real numbers, shape (n, k), and -inf masks a class; targets are class
    numbers (n,) or distributions (n, k).  The unit is the nat.

    Good for: training a classifier of k classes that exclude each other.  Price: as for
    :class:`SigmoidCrossEntropy`.  The sum is taken without the largest term
    :cite:p:`blanchard2021`, so a small loss keeps its digits.

    >>> SoftmaxCrossEntropy()([0], [[20.0, 0.0, 0.0]])
    4.1223072363804075e-09
    """

    symbol = "z"
    claims = Claims(
        convex_in=("y_pred",),
        lipschitz=float(np.sqrt(2)),
        lower_bound=0.0,
        symmetric="a renaming of the classes",
        invariant="adding one number to all logits of a row",
        minimiser="probability",
        strictly_proper=True,
        elsewhere={
            "keras": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y_true, y_pred)",
            "torch": "torch.nn.functional.cross_entropy(y_pred, y_true)",
            "optax": "optax.losses.softmax_cross_entropy_with_integer_labels(y_pred, y_true).mean()",
            "sklearn": "sklearn.metrics.log_loss(y_true, scipy.special.softmax(y_pred, axis=1))",
        },
    )

    def _terms(self, y, z):
        return y, *softmax_terms(z)

    def _value(self, y, gap, e, others, top):
        log_sum = np.log1p(others)
        if y.ndim == 1:
            return (log_sum - np.take_along_axis(gap, y[:, np.newaxis], axis=1))[
                :, 0
            ]
        return y.sum(axis=1) * log_sum[:, 0] + product(y, -gap).sum(axis=1)

    def _gradient(self, y, gap, e, others, top):
        np.put_along_axis(e, top, 1.0, axis=1)
        np.divide(e, 1.0 + others, out=e)  # the probabilities
        log_sum = np.log1p(others)
        if y.ndim == 1:  # p - 1 at the label would cancel; expm1 does not
            label = y[:, np.newaxis]
            np.put_along_axis(
                e,
                label,
                np.expm1(np.take_along_axis(gap, label, axis=1) - log_sum),
                axis=1,
            )
            return e
        total = y.sum(axis=1, keepdims=True)
        near_one = y > total / 2
        return np.where(
            near_one, total * np.expm1(gap - log_sum) + (total - y), total * e - y
        )
