"""Losses of the residual r = y_pred - y_true."""

import dataclasses

import numpy as np

from .base import Claims, Elementwise


class Residual(Elementwise):
    """A loss that depends on y_pred - y_true alone."""

    def _terms(self, y, p):
        return (p - y,)


@dataclasses.dataclass(frozen=True)
class SquaredError(Residual):
    r"""The squared residual; its mean is the mean squared error (MSE).

    Also called: quadratic loss, L2 loss.

    Formula: :math:`(\hat y - y)^2` for each entry, derivative :math:`2(\hat y - y)`.

    Domain: targets and predictions are real numbers of any equal shapes.  The unit of the loss
    is the square of the unit of the target.

    Good for: predicting a mean.  It is smooth, and least squares has a closed solution.  Price:
    an outlier counts by the square of its distance.  See :cite:p:`gneiting2011`.

    >>> SquaredError()([3.0, 5.0], [2.0, 5.0])
    0.5
    """

    claims = Claims(
        convex_in=("y_pred",),
        lower_bound=0.0,
        zero_when="y_pred = y_true",
        symmetric="a change of the residual's sign",
        minimiser="mean",
        elsewhere={
            "keras": "keras.losses.MeanSquaredError()(y_true, y_pred)",
            "torch": "torch.nn.functional.mse_loss(y_pred, y_true)",
            "optax": "optax.losses.squared_error(y_pred, y_true).mean()",
            "sklearn": "sklearn.metrics.mean_squared_error(y_true, y_pred)",
        },
    )

    def _value(self, r):
        return r * r

    def _gradient(self, r):
        return 2.0 * r


@dataclasses.dataclass(frozen=True)
class AbsoluteError(Residual):
    r"""The absolute residual; its mean is the mean absolute error (MAE).

    Also called: L1 loss, Laplace loss, least absolute deviations.

    Formula: :math:`|\hat y - y|` for each entry, derivative :math:`\operatorname{sign}(\hat y - y)`.
    At the kink every number from -1 to 1 is a subgradient; 0 is returned.

    Domain: targets and predictions are real numbers of any equal shapes.  The loss has the unit
    of the target.

    Good for: predicting a median; one outlier pulls no harder than any other point.  Price: the
    gradient does not shrink near the minimum, so a fixed step size keeps jumping over it.  See
    :cite:p:`gneiting2011`.

    >>> AbsoluteError()([3.0, 5.0], [2.0, 5.0])
    0.5
    """

    claims = Claims(
        convex_in=("y_pred",),
        lipschitz=1.0,
        lower_bound=0.0,
        zero_when="y_pred = y_true",
        symmetric="a change of the residual's sign",
        minimiser="median",
        elsewhere={
            "keras": "keras.losses.MeanAbsoluteError()(y_true, y_pred)",
            "torch": "torch.nn.functional.l1_loss(y_pred, y_true)",
            "sklearn": "sklearn.metrics.mean_absolute_error(y_true, y_pred)",
        },
    )

    def _value(self, r):
        return np.abs(r)

    def _gradient(self, r):
        return np.sign(r)
