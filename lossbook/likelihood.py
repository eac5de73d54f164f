"""Negative log-likelihoods, up to what the prediction cannot change."""

import dataclasses
import math

import numpy as np

from . import checks
from .base import Claims, Elementwise, Samplewise
from .checks import POSITIVE, Domain
from .classification import CategoricalCrossEntropy
from .elementary import log_ratio, product


@dataclasses.dataclass(frozen=True)
class Poisson(Elementwise):
    """The negative log-likelihood of counts without log y!, of the *logarithm* of a predicted rate.

    Also called: Poisson NLL; half the Poisson deviance up to a constant.

    Formula: ``exp(z) - y * z``; derivative ``exp(z) - y``; second derivative ``exp(z)``.

    Domain: log rates are real numbers; targets are counts, or rates, ≥ 0; any equal shapes.

    Good for: counts, whose variance grows with their mean.  Price: the least loss depends on the
    target, and may be negative.

    >>> Poisson()([3.0], [0.0])
    1.0
    """

    prediction = Domain("z", "the logarithm of a rate: any real number")
    target = POSITIVE
    # The rate and the rest nearly cancel.
    widened = True
    claims = Claims(
        lipschitz=np.inf,
        convex_in=("y_pred",),
        minimiser="log of the mean",
        elsewhere={
            "keras": "keras.losses.Poisson()(y_true, keras.ops.exp(y_pred))",
            "torch": "torch.nn.functional.poisson_nll_loss(y_pred, y_true)",
        },
    )

    def _terms(self, y, z):
        return y, z, np.exp(z)

    def _value(self, y, z, rate):
        value = rate - product(y, z)
        if not np.maximum.reduce(rate) < np.inf:
            far = np.flatnonzero(np.isinf(rate) & np.isfinite(z))
            # The rate is a square, of which a quarter may be finite, and the difference too.
            root = np.exp(z[far] / 2) / 2
            value[far] = np.where(z[far] > 1500, np.inf, 4.0 * (root * root - y[far] / 4 * z[far]))
        return value

    def _gradient(self, y, z, rate):
        slope = rate - y
        # expm1 keeps the digits of a small log rate.
        near = np.flatnonzero(np.abs(z) < 0.5)
        slope[near] = np.expm1(z[near]) - (y[near] - 1.0)
        if not np.maximum.reduce(rate) < np.inf:
            far = np.flatnonzero(np.isinf(rate) & np.isfinite(z))
            root = np.exp(z[far] / 2) / 2
            slope[far] = 4.0 * (root * root - y[far] / 4)
        return slope

    def _hessian(self, y, z, rate):
        return rate


@dataclasses.dataclass(frozen=True)
class GaussianNLL(Samplewise):
    """The negative log-density of a normal distribution with predicted mean and log variance.

    Also called: heteroscedastic regression loss.

    Formula: with ``a = (y - mu)**2 * exp(-s)``, ``(log(2 * pi) + s + a) / 2`` for each sample;
    derivative by mu and by s ``(mu - y) * exp(-s), (1 - a) / 2``; second derivative
    ``exp(-s), a / 2``.

    Domain: targets (n,), real; predictions (n, 2): mean and logarithm of the variance.

    Good for: predictions that say how sure they are.  Price: the loss is not bounded below, and
    a step taken far from the targets may make the variance so large that it excuses every error.

    >>> round(GaussianNLL()([0.0], [[0.0, 0.0]]), 12)
    0.918938533205
    """

    prediction = Domain(r"\mu, s", "the mean and the logarithm of the variance")
    # The exponential multiplies the rounding of half the log variance.
    widened = True
    claims = Claims(
        lipschitz=np.inf,
        lower_bound=-np.inf,
        elsewhere={
            "torch": "torch.nn.functional.gaussian_nll_loss(y_pred[:, 0], y_true, "
            "y_pred[:, 1].exp(), full=True)"
        },
    )

    def _shape(self, y, p):
        if y.ndim != 1 or p.shape != (len(y), 2):
            fix = (
                "np.column_stack([mean, log_variance]), and flatten the targets: np.ravel(y_true)."
            )
            checks.misfit(
                y,
                p,
                "they must be (n,) and (n, 2)",
                f"Put mean and log variance into two columns with {fix}",
            )
        return y, p, y.shape

    def _terms(self, y, p):
        mean, s = p.T
        r, e = mean - y, np.exp(-s / 2)
        deviations = r * e
        by_mean = deviations * e
        far = np.flatnonzero(~(np.abs(s) < 1400) | np.isinf(r))
        if len(far):
            # A root of e and half of r do not overflow, and what r = 0 multiplies does not count.
            half = mean[far] / 2 - y[far] / 2
            root = np.where(half == 0, 0.0, np.exp(-s[far] / 4))
            deviations[far] = half * root * root * 2
            by_mean[far] = half * root * root * root * root * 2
        return s, e, deviations * (deviations / 2), by_mean

    def _value(self, s, e, half_square, by_mean):
        return (np.log(2 * np.pi) + s) / 2 + half_square

    def _gradient(self, s, e, half_square, by_mean):
        return np.column_stack([by_mean, 0.5 - half_square])

    def _hessian(self, s, e, half_square, by_mean):
        return np.column_stack([e * e, half_square])


@dataclasses.dataclass(frozen=True)
class KLDivergence(CategoricalCrossEntropy):
    """The Kullback-Leibler divergence between true and predicted probabilities, KL(y || p).

    Also called: relative entropy, information gain.

    Formula: ``sum(y * log(y / p))`` for each row, with 0 log 0 = 0; derivative ``-y / p``; second
    derivative ``y / p**2``: those of the cross-entropy, from which it differs by the entropy of y.

    Domain: as for :class:`~lossbook.classification.CategoricalCrossEntropy`.  The unit is the nat.

    Good for: soft targets, because it is 0 when the prediction is right.  Price: inf where the
    prediction excludes what is possible.

    >>> KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]])
    0.0
    """

    # The terms of the sum have both signs.
    widened = True
    claims = Claims(
        lipschitz=np.inf,
        convex_in=("y_pred", "logits"),
        lower_bound=0.0,
        zero_when="y_pred = y_true",
        symmetric="a renaming of the classes",
        minimiser="probability",
        strictly_proper=True,
        elsewhere={
            "keras": "keras.losses.KLDivergence()(distribution, y_pred)",
            "torch": "torch.nn.functional.kl_div(y_pred.log(), distribution, "
            "reduction='batchmean')",
            "optax": "optax.losses.kl_divergence(jax.numpy.log(y_pred), distribution).mean()",
        },
    )

    def _value(self, y, p, label, zero):
        if label is not None:
            return super()._value(y, p, label, zero)
        terms = y * log_ratio(y, p, y - p)
        if math.isnan(np.add.reduce(terms, None)):
            terms = np.where((y == 0) & ~np.isnan(p), 0.0, terms)
        return terms.sum(axis=1)
