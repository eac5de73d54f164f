"""Losses that are negative log-likelihoods, or differ from one by what the prediction cannot change."""

import dataclasses

import numpy as np

from .base import Claims, Elementwise, Loss, real_array
from .classification import CategoricalCrossEntropy
from .elementary import common_dtype, product


@dataclasses.dataclass(frozen=True)
class Poisson(Elementwise):
    r"""The negative log-likelihood of counts, of the *logarithm* of the predicted rate.

    Also called: Poisson NLL; half the Poisson deviance up to a constant.

    Formula: :math:`e^z - y z`, where :math:`\log y!` is left out; derivative :math:`e^z - y`.

    Domain: log rates are real numbers; targets are counts, or rates, ≥ 0; any equal shapes.

    Good for: counts, whose variance grows with their mean.  Price: the value has no zero of its
    own and may be negative.

    >>> Poisson()([3.0], [0.0])
    1.0
    """

    symbol = "z"
    takes = "the logarithm of a rate: any real number"
    targets = (0.0, np.inf)
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
        return rate - product(y, z)

    def _gradient(self, y, z, rate):
        slope = rate - y
        near = np.flatnonzero(np.abs(z) < 0.5)  # expm1 keeps the digits of a small log rate
        slope[near] = np.expm1(z[near]) - (y[near] - 1.0)
        return slope


@dataclasses.dataclass(frozen=True)
class GaussianNLL(Loss):
    r"""The negative log-density of a normal distribution with predicted mean and log variance.

    Also called: heteroscedastic regression loss.

    Formula: :math:`\frac12\bigl(\log 2\pi + s + (y - \mu)^2 e^{-s}\bigr)` for each sample;
    derivatives :math:`(\mu - y)e^{-s}` by :math:`\mu` and
    :math:`\frac12\bigl(1 - (y-\mu)^2 e^{-s}\bigr)` by s.

    Domain: targets (n,), real; predictions (n, 2): mean and logarithm of the variance.

    Good for: predictions that say how sure they are.  Price: the loss is not bounded below, and
    early in training a large variance excuses every error.

    >>> round(GaussianNLL()([0.0], [[0.0, 0.0]]), 12)
    0.918938533205
    """

    symbol = r"\mu, s"
    takes = "the mean and the logarithm of the variance"
    claims = Claims(
        lipschitz=np.inf,
        lower_bound=-np.inf,
        elsewhere={
            "torch": "torch.nn.functional.gaussian_nll_loss(y_pred[:, 0], y_true, y_pred[:, 1].exp(), full=True)"
        },
    )

    def _accept(self, y_true, y_pred):
        y, p = real_array("y_true", y_true), real_array("y_pred", y_pred)
        if y.ndim != 1 or p.shape != (len(y), 2):
            raise ValueError(
                f"y_true has shape {y.shape} and y_pred {p.shape}: they must be (n,) and (n, 2). "
                "Put mean and log variance into two columns with np.column_stack([mean, log_variance])."
            )
        return y, p, common_dtype(y, p), y.shape

    def _terms(self, y, p):
        mean, log_variance = p.T
        scaled = (mean - y) * np.exp(-log_variance / 2)
        return mean - y, log_variance, scaled * scaled

    def _value(self, r, log_variance, square):
        return (np.log(2 * np.pi) + log_variance + square) / 2

    def _gradient(self, r, log_variance, square):
        return np.column_stack([r * np.exp(-log_variance), (1.0 - square) / 2])


@dataclasses.dataclass(frozen=True)
class KLDivergence(CategoricalCrossEntropy):
    r"""The Kullback-Leibler divergence of predicted probabilities from true ones.

    Also called: relative entropy, information gain.

    Formula: :math:`\sum_j y_j \log(y_j/p_j)` for each row, with :math:`0\log 0 = 0`; derivative
    :math:`-y_j/p_j`, that of the cross-entropy, from which it differs by the entropy of y.

    Domain: as for :class:`~lossbook.classification.CategoricalCrossEntropy`.  The unit is the nat.

    Good for: soft targets, because it is 0 when the prediction is right.  Price: inf where the
    prediction excludes what is possible.

    >>> KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]])
    0.0
    """

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
            "torch": "torch.nn.functional.kl_div(y_pred.log(), distribution, reduction='batchmean')",
            "optax": "optax.losses.kl_divergence(jax.numpy.log(y_pred), distribution).mean()",
        },
    )

    def _value(self, y, p, zero):
        if p.ndim == 1:
            return super()._value(y, p, zero)
        # Relative to the smaller: log1p loses digits near -1 only.
        relative = np.abs(y - p) / np.minimum(y, p)
        terms = y * np.copysign(np.log1p(relative), y - p)
        if not np.isfinite(relative.max()):
            far = np.where(np.isinf(relative), y * (np.log(y) - np.log(p)), terms)
            terms = np.where((y == 0) & ~np.isnan(p), 0.0, far)
        return terms.sum(axis=1)
