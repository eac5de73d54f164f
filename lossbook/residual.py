"""Losses of the residual r = y_pred - y_true."""

import copy
import dataclasses
import math
from typing import ClassVar

import numpy as np

from . import checks
from .base import Claims, Elementwise, Samplewise
from .checks import ABOVE_MINUS_ONE, Domain, require_parameter
from .elementary import log_ratio, unit, wide

# What holds of most distances between a number and its prediction.
DISTANCE = Claims(
    convex_in=("y_pred",),
    lower_bound=0.0,
    zero_when="y_pred = y_true",
    symmetric="a change of the residual's sign",
)


class Residual(Elementwise):
    """A loss of the residual r alone, or of r and what is measured in its unit."""

    #: parameters in the unit of the residual.  With them times c and r times c ...
    in_unit: ClassVar[tuple[str, ...]] = ()
    #: ... the loss is c to this power times as large; None where it is not
    degree: ClassVar[int | None] = None

    def _terms(self, y, p):
        return (p - y,)

    def _in_more_range(self, y, p):
        values = super()._in_more_range(y, p)
        far = np.isinf(values) & np.isfinite(p)
        if self.degree is not None and far.any():
            # The residual of finite numbers may be infinite, but a quarter of it is not.
            quarter = copy.copy(self)
            for name in self.in_unit:
                object.__setattr__(quarter, name, getattr(self, name) / 4)
            dtype = values.dtype
            terms = quarter._terms(y[far].astype(dtype) / 4, p[far].astype(dtype) / 4)
            values[far] = quarter._value(*terms) * 4.0**self.degree
        return values


@dataclasses.dataclass(frozen=True)
class SquaredError(Residual):
    """The squared residual; its mean is the mean squared error (MSE).

    Also called: quadratic loss, L2 loss.

    Formula: with ``r = y_pred - y_true``, ``r**2`` for each entry; derivative ``2 * r``; second
    derivative ``2``.

    Domain: targets and predictions are real numbers of any equal shapes.  The unit of the loss
    is the square of the unit of the target.

    Good for: predicting a mean.  It is smooth, and linear least squares has a closed solution.
    Price: an outlier counts by the square of its distance.  See :cite:p:`gneiting2011`.

    >>> SquaredError()([3.0, 5.0], [2.0, 5.0])
    0.5
    """

    claims = dataclasses.replace(
        DISTANCE,
        lipschitz=np.inf,
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

    def _hessian(self, r):
        return np.full_like(r, 2.0)


@dataclasses.dataclass(frozen=True)
class AbsoluteError(Residual):
    """The absolute residual; its mean is the mean absolute error (MAE).

    Also called: L1 loss, Laplace loss, least absolute deviations.

    Formula: with ``r = y_pred - y_true``, ``abs(r)`` for each entry; derivative ``sign(r)``; second
    derivative ``0``.  At the kink every number from -1 to 1 is a subgradient, and 0 is returned.

    Domain: targets and predictions are real numbers of any equal shapes.  The loss has the unit
    of the target.

    Good for: predicting a median; one outlier pulls no harder than any other point.  Price: the
    gradient of a sample does not shrink near its minimum, so a fixed step size may keep jumping
    over it.  See :cite:p:`gneiting2011`.

    >>> AbsoluteError()([3.0, 5.0], [2.0, 5.0])
    0.5
    """

    claims = dataclasses.replace(
        DISTANCE,
        lipschitz=1.0,
        minimiser="median",
        elsewhere={
            "keras": "keras.losses.MeanAbsoluteError()(y_true, y_pred)",
            "torch": "torch.nn.functional.l1_loss(y_pred, y_true)",
            "sklearn": "sklearn.metrics.mean_absolute_error(y_true, y_pred)",
        },
    )

    degree = 1

    def _value(self, r):
        return np.abs(r)

    def _gradient(self, r):
        return np.sign(r)

    def _hessian(self, r):
        return 0.0 * np.sign(r)


@dataclasses.dataclass(frozen=True)
class LinearFarOut(Residual):
    """A residual loss that is r²/2 near zero and has the slope ±delta far out."""

    delta: float = 1.0

    in_unit = ("delta",)
    degree = 2

    def __post_init__(self):
        require_parameter("delta", self.delta, 0, np.inf)


@dataclasses.dataclass(frozen=True)
class Huber(LinearFarOut):
    """Squared near zero, linear far out; the slope never exceeds ``delta``.

    Also called: smooth L1 loss, which is Huber divided by delta.

    Formula: with ``r = y_pred - y_true``,
    ``where(abs(r) <= delta, r**2 / 2, delta * (abs(r) - delta / 2))``; derivative
    ``clip(r, -delta, delta)``; second derivative ``where(abs(r) <= delta, 1, 0)``.

    Domain: targets and predictions are real numbers of any equal shapes; ``delta`` > 0 has their
    unit.  The loss has the square of that unit.

    Good for: regression with outliers; each far point pulls with the same force.  Price: delta
    has to be chosen in the unit of the target.  See :cite:p:`huber1964`.

    >>> Huber(delta=1.0)([0.0, 0.0], [0.5, 3.0])
    1.3125
    """

    @property
    def claims(self):
        return dataclasses.replace(
            DISTANCE,
            lipschitz=self.delta,
            elsewhere={
                "keras": f"keras.losses.Huber({self.delta})(y_true, y_pred)",
                "torch": f"torch.nn.functional.huber_loss(y_pred, y_true, delta={self.delta})",
                "optax": f"optax.losses.huber_loss(y_pred, y_true, delta={self.delta}).mean()",
            },
        )

    def _terms(self, y, p):
        r = p - y
        return r, r.clip(-self.delta, self.delta)

    def _value(self, r, slope):
        return slope * (r - slope / 2)

    def _gradient(self, r, slope):
        return slope

    def _hessian(self, r, slope):
        return np.where(np.abs(r) <= self.delta, r.dtype.type(1), 0.0 * slope)


@dataclasses.dataclass(frozen=True)
class PseudoHuber(LinearFarOut):
    """The smooth relative of Huber: squared near zero, linear with slope ``delta`` far out.

    Also called: Charbonnier loss, here scaled to the curvature of Huber.

    Formula: with ``r = y_pred - y_true`` and ``h = sqrt(1 + (r / delta)**2)``,
    ``delta**2 * (h - 1)``; derivative ``r / h``; second derivative ``1 / h**3``.

    Domain: as for :class:`Huber`.

    Good for: what Huber is good for, where a second derivative is wanted everywhere.  Price: far
    points still pull, and delta has to be chosen.  See :cite:p:`barron2019`.

    >>> PseudoHuber(delta=1.0)([0.0], [0.75])
    0.25
    """

    @property
    def claims(self):
        return dataclasses.replace(
            DISTANCE,
            lipschitz=self.delta,
            elsewhere={
                "scipy": f"scipy.special.pseudo_huber({self.delta}, y_pred - y_true).mean()"
            },
        )

    def _terms(self, y, p):
        r = p - y
        x = r / self.delta
        h = np.sqrt(1.0 + x * x)
        # Where x² overflows, the loss is delta·|r| to the last bit.
        return r, h, not math.isfinite(np.maximum.reduce(h))

    def _value(self, r, h, far):
        # h - 1 would cancel, and r² might overflow.
        value = r * (r / (1.0 + h))
        return np.where(np.isinf(h), self.delta * np.abs(r), value) if far else value

    def _gradient(self, r, h, far):
        slope = r / h
        return np.where(np.isinf(h), np.copysign(self.delta, r), slope) if far else slope

    def _hessian(self, r, h, far):
        # A third power, for which float32 has too few digits.
        x = r.astype(wide(r.dtype)) / self.delta
        return 1.0 / np.sqrt(1.0 + x * x) / (1.0 + x * x)


@dataclasses.dataclass(frozen=True)
class LogCosh(Residual):
    """The logarithm of the hyperbolic cosine of the residual.

    Also called: log-cosh loss.

    Formula: with ``r = y_pred - y_true``, ``log(cosh(r))``; derivative ``tanh(r)``; second
    derivative ``1 / cosh(r)**2``.

    Domain: targets and predictions are real numbers of any equal shapes.

    Good for: a smooth robust loss without a parameter: ``r**2 / 2`` near zero,
    ``abs(r) - log(2)`` far out.  Price: the place of the change, 1, is fixed, so the unit of the
    target matters.

    >>> f"{LogCosh()([0.0], [1e-4]):.6e}"
    '5.000000e-09'
    """

    # The square of sinh doubles its rounding.
    widened = True
    claims = dataclasses.replace(
        DISTANCE,
        lipschitz=1.0,
        elsewhere={
            "keras": "keras.losses.LogCosh()(y_true, y_pred)",
            "optax": "optax.losses.log_cosh(y_pred, y_true).mean()",
        },
    )

    def _value(self, r):
        # Beyond 20, log cosh r is |r| - log 2 to the last bit.
        near = np.abs(r).clip(0.0, 20.0)
        return np.log1p(2.0 * np.sinh(near / 2.0) ** 2) + (np.abs(r) - near)

    def _gradient(self, r):
        return np.tanh(r)

    def _hessian(self, r):
        e = np.exp(-2.0 * np.abs(r))
        return 4.0 * e / (1.0 + e) ** 2


@dataclasses.dataclass(frozen=True)
class Asymmetric(Residual):
    """A residual loss that weighs too low a prediction by q and too high a one by 1 - q."""

    q: float = 0.5

    def __post_init__(self):
        require_parameter("q", self.q, 0, 1)


@dataclasses.dataclass(frozen=True)
class Quantile(Asymmetric):
    """The absolute residual, weighed by ``q`` where the prediction is too low, by 1 - q elsewhere.

    Also called: pinball loss, check loss, tilted loss.

    Formula: with ``r = y_pred - y_true``, ``where(r < 0, -q * r, (1 - q) * r)``; derivative
    ``clip(sign(r), -q, 1 - q)``, which is 0 at the kink; second derivative ``0``.

    Domain: targets and predictions are real numbers of any equal shapes; 0 < ``q`` < 1.

    Good for: predicting a quantile, and so an interval with two of them
    :cite:p:`koenker1978`.  Price: as for :class:`AbsoluteError`, which is twice the loss for
    q = 0.5; quantiles that are trained apart may cross.

    >>> Quantile(q=0.9)([10.0, 10.0], [9.0, 11.0])
    0.5
    """

    degree = 1

    @property
    def claims(self):
        return Claims(
            convex_in=("y_pred",),
            lipschitz=max(self.q, 1.0 - self.q),
            lower_bound=0.0,
            zero_when="y_pred = y_true",
            symmetric="a change of the residual's sign" if self.q == 0.5 else "",
            minimiser=f"{self.q:g}-quantile",
            elsewhere={
                "sklearn": f"sklearn.metrics.mean_pinball_loss(y_true, y_pred, alpha={self.q})"
            },
        )

    def _value(self, r):
        return np.maximum(-self.q * r, (1.0 - self.q) * r)

    def _gradient(self, r):
        return np.sign(r).clip(-self.q, 1.0 - self.q)

    def _hessian(self, r):
        return 0.0 * np.sign(r)


@dataclasses.dataclass(frozen=True)
class Expectile(Asymmetric):
    """The squared residual, weighed by ``q`` where the prediction is too low, by 1 - q elsewhere.

    Also called: asymmetric least squares.

    Formula: with ``r = y_pred - y_true`` and ``w = where(r < 0, q, 1 - q)``, ``w * r**2``;
    derivative ``2 * w * r``; second derivative ``2 * w``, that of r > 0 where it jumps.

    Domain: targets and predictions are real numbers of any equal shapes; 0 < ``q`` < 1.

    Good for: describing a tail with a loss without a kink :cite:p:`newey1987`.  Price: an
    expectile is harder to explain than a quantile, and outliers count by their square.

    >>> Expectile(q=0.9)([10.0, 10.0], [9.0, 11.0])
    0.5
    """

    degree = 2

    @property
    def claims(self):
        return Claims(
            lipschitz=np.inf,
            convex_in=("y_pred",),
            lower_bound=0.0,
            zero_when="y_pred = y_true",
            symmetric="a change of the residual's sign" if self.q == 0.5 else "",
            minimiser=f"{self.q:g}-expectile",
        )

    def _terms(self, y, p):
        r = p - y
        weighted = self._weighted(r)
        if not math.isfinite(np.add.reduce(weighted)):
            # The residual of finite numbers may be infinite, but half of it is not.
            weighted = np.where(np.isinf(r), 2.0 * self._weighted(p / 2 - y / 2), weighted)
        return r, weighted

    def _weighted(self, r):
        return self.q * r.clip(-np.inf, 0.0) + (1.0 - self.q) * r.clip(0.0, np.inf)

    def _value(self, r, weighted):
        return r * weighted

    def _gradient(self, r, weighted):
        return 2.0 * weighted

    def _hessian(self, r, weighted):
        side = r.dtype.type(2.0 * self.q), r.dtype.type(2.0 * (1.0 - self.q))
        return np.where(r < 0, *side) + 0.0 * np.sign(r)


@dataclasses.dataclass(frozen=True)
class EpsilonInsensitive(Residual):
    """The absolute residual beyond a tube of half-width ``epsilon``, inside which nothing counts.

    Also called: epsilon-insensitive loss, loss of support vector regression.

    Formula: with ``r = y_pred - y_true``, ``maximum(abs(r) - epsilon, 0)``; derivative
    ``where(abs(r) > epsilon, sign(r), 0)``, 0 also at the edges of the tube; second derivative
    ``0``.

    Domain: targets and predictions are real numbers of any equal shapes; ``epsilon`` > 0 has
    their unit.

    Good for: targets known only to a tolerance.  Price: it cannot tell predictions inside the
    tube apart, so the best constant need not be unique.

    >>> round(EpsilonInsensitive(epsilon=0.1)([0.0, 0.0], [0.05, 1.0]), 12)
    0.45
    """

    epsilon: float = 0.1

    in_unit = ("epsilon",)
    degree = 1
    # A residual near epsilon leaves the rounding of both.
    widened = True
    claims = Claims(
        convex_in=("y_pred",),
        lipschitz=1.0,
        lower_bound=0.0,
        symmetric="a change of the residual's sign",
    )

    def __post_init__(self):
        require_parameter("epsilon", self.epsilon, 0, np.inf)

    def _terms(self, y, p):
        r = p - y
        return r, (np.abs(r) - self.epsilon).clip(0.0, np.inf)

    def _value(self, r, beyond):
        return beyond

    def _gradient(self, r, beyond):
        return np.copysign(np.sign(beyond), r)

    def _hessian(self, r, beyond):
        return 0.0 * np.sign(r)


@dataclasses.dataclass(frozen=True)
class GeneralRobust(Residual):
    """Barron's family, in which ``alpha`` says how much far points count.

    Also called: general and adaptive robust loss.  alpha = 2 is half the squared error, 1
    Charbonnier, 0 Cauchy, -2 Geman-McClure, -inf Welsch.

    Formula: with ``x = (y_pred - y_true) / scale``, ``b = abs(alpha - 2)`` and
    ``t = x**2 / b + 1``, ``b / alpha * (t**(alpha / 2) - 1)``; derivative
    ``x / scale * t**(alpha / 2 - 1)``; second derivative
    ``t**(alpha / 2 - 2) * (1 + (alpha - 1) * x**2 / b) / scale**2``.  For alpha = 2, 0 and -inf it
    is the limits of these.

    Domain: targets and predictions are real numbers of any equal shapes; ``alpha`` is any
    number or -inf; ``scale`` c > 0 has their unit.

    Good for: seeing five losses as one, and for tuning robustness as a number.  Price: for
    alpha < 1 the loss is not convex, and the gradient of a point falls to 0 as it moves away.
    See :cite:p:`barron2019`.

    >>> round(GeneralRobust(alpha=0.0)([0.0], [2.0]), 12)
    1.098612288668
    """

    alpha: float = 1.0
    scale: float = dataclasses.field(default=1.0, kw_only=True)

    # Powers lose digits in float32.
    widened = True

    def __post_init__(self):
        require_parameter("scale", self.scale, 0, np.inf)
        if not self.alpha < np.inf:
            raise ValueError(f"alpha is {self.alpha}: it must be a finite number or -inf.")

    @property
    def claims(self):
        bounds = {2.0: np.inf, 1.0: 1.0, 0.0: 1 / np.sqrt(2), -np.inf: np.exp(-0.5)}
        slope = float(bounds[self.alpha] / self.scale) if self.alpha in bounds else None
        return Claims(
            convex_in=("y_pred",) if self.alpha >= 1 else (),
            lipschitz=slope,
            lower_bound=0.0,
            zero_when="y_pred = y_true",
            symmetric="a change of the residual's sign",
        )

    def _terms(self, y, p):
        r = p - y
        x = r / self.scale
        # There the 1 in x²/b + 1 has no effect.
        limit = 1e20 * max(1.0, abs(self.alpha - 2.0)) ** 0.5
        if -limit < np.minimum.reduce(x) and np.maximum.reduce(x) < limit:
            return r, x, None, None
        far = np.flatnonzero(np.abs(x) >= limit)
        # Half of a residual of finite numbers is finite.
        half = np.abs(p[far] / 2 - y[far] / 2)
        x[far] = np.copysign(half / (self.scale / 2), r[far])
        return r, x, far, half

    @property
    def _constants(self):
        return np.float64(self.alpha), np.float64(abs(self.alpha - 2.0))

    def _value(self, r, x, far, half):
        a, b = self._constants
        if a == 2:
            return x * x / 2
        if a == -np.inf:
            return -np.expm1(-x * x / 2)
        log = np.log1p(x * x / b)
        if far is not None:
            log[far] = 2 * (np.log(half) - np.log(self.scale / 2)) - np.log(b)
        if abs(a) < 1e-100:
            return log * b / 2
        value = b / a * np.expm1(a / 2 * log)
        # The exponential of a tiny number may be subnormal.
        if not abs(a) * np.minimum.reduce(log) >= 1e-20:
            value = np.where(np.abs(a * log) < 1e-20, log * b / 2, value)
        # Where the power is large it keeps the digits, elsewhere expm1 does.
        if not np.maximum.reduce(log) <= 2:
            high = np.abs(x) ** a * b ** (1 - a / 2) / a
            grown = np.where(log > 80, high, b / a * np.hypot(1.0, x / np.sqrt(b)) ** a)
            if far is not None:
                power = self._power(x[far], half)
                grown[far] = b ** (1 - a / 2) / a * power * power
            value = np.where((log > 2) & (np.abs(a * log) > 2), grown - b / a, value)
        return value

    def _power(self, x, half, divisor=1.0):
        """Return |x| ** (alpha/2) / divisor of large x, which may have overflowed."""
        a = self.alpha
        apart = half ** (a / 2) / divisor * (self.scale / 2) ** (-a / 2)
        return np.where(np.isinf(x), apart, np.abs(x) ** (a / 2) / divisor)

    def _gradient(self, r, x, far, half):
        a, b = self._constants
        if a == 2:
            return self._per_scale(r)
        if a == -np.inf:
            return np.where(np.isinf(x), 0.0, x * np.exp(-x * x / 2)) / self.scale
        t, slope = x * x / b + 1.0, self._per_scale(r)
        # Powers of t where it is large, its logarithm where it is near 1.
        near = slope * np.exp((a / 2 - 1) * np.log1p(x * x / b))
        if not np.maximum.reduce(t) <= 8:
            # a - 1 and a/2 - 1 are exact for a ≥ 1 only.
            middle = slope * t ** (a / 2 - 1) if a >= 1 else slope * t ** (a / 2) / t
            near = np.where(t > 8, middle, near)
        if far is not None:
            near[far] = np.copysign(self._far_slope(x[far], half), r[far])
        return near

    def _far_slope(self, x, half):
        """Return the size of the derivative for large x and r."""
        a, b = self._constants
        power = self._power(x, half)
        limit = np.inf if a > 1 else 1.0 / self.scale if a == 1 else 0.0
        return np.where(np.isinf(half), limit, b ** (1 - a / 2) * power / half / 2 * power)

    def _hessian(self, r, x, far, half):
        a, b = self._constants
        one = np.where(np.isnan(r), r, self._per_scale(np.float64(1.0)))
        if a == 2:
            return one
        if a == -np.inf:
            curve = (1.0 - x * x) * np.exp(-x * x / 2) / self.scale / self.scale
            return np.where(np.abs(x) > 1e10, 0.0, curve)
        t = x * x / b + 1.0
        curve = one * (1.0 + (a - 1.0) * (x * x / b))
        middle = curve * t ** (a / 2 - 1) / t if a >= 1 else curve * t ** (a / 2) / t / t
        near = curve * np.exp((a / 2 - 2) * np.log1p(x * x / b))
        curve = np.where(t > 8, middle, near)
        if far is not None:
            root = self._power(x[far], half, half)
            curve[far] = (a - 1.0) * b ** (1 - a / 2) * (root / 2) * (root / 2)
            if a == 1:
                curve[far] = self.scale / half / half / half / 8
        return curve

    def _per_scale(self, r):
        """Return r / scale²."""
        c = self.scale
        return r / (c * c) if 1e-150 < c < 1e150 else r / c / c


@dataclasses.dataclass(frozen=True)
class SquaredLogarithmicError(Elementwise):
    """The squared difference of the logarithms of 1 + target and 1 + prediction.

    Also called: mean squared logarithmic error (MSLE) is its mean.

    Formula: with ``d = log(1 + y_pred) - log(1 + y_true)``, ``d**2``; derivative
    ``2 * d / (1 + y_pred)``; second derivative ``2 * (1 - d) / (1 + y_pred)**2``.

    Domain: targets and predictions above -1, any equal shapes.

    Good for: counts and prices over several orders of magnitude, where ratios matter.  Price:
    too low a prediction costs more than too high a one by the same amount, and its minimiser is
    the geometric mean of 1 + target, minus 1.

    >>> SquaredLogarithmicError()([0.0], [np.e - 1])
    1.0
    """

    prediction = target = ABOVE_MINUS_ONE
    # The square doubles the rounding of the logarithm.
    widened = True
    claims = Claims(
        lipschitz=np.inf,
        lower_bound=0.0,
        zero_when="y_pred = y_true",
        elsewhere={
            "keras": "keras.losses.MeanSquaredLogarithmicError()(y_true, y_pred)  # both >= 0",
            "sklearn": "sklearn.metrics.mean_squared_log_error(y_true, y_pred)",
        },
    )

    def _terms(self, y, p):
        return log_ratio(1.0 + p, 1.0 + y, p - y), p

    def _value(self, d, p):
        return d * d

    def _gradient(self, d, p):
        return 2.0 * d / (1.0 + p)

    def _hessian(self, d, p):
        return 2.0 * (1.0 - d) / (1.0 + p) / (1.0 + p)


@dataclasses.dataclass(frozen=True)
class AbsolutePercentageError(Residual):
    """The absolute residual as a fraction of the target.

    Also called: mean absolute percentage error (MAPE) is 100 times its mean.

    Formula: with ``r = y_pred - y_true``, ``abs(r) / abs(y_true)``; derivative
    ``sign(r) / abs(y_true)``, which is 0 at the kink; second derivative ``0``.

    Domain: targets other than 0 and predictions, real numbers of any equal shapes.

    Good for: reports to people who think in percent.  Price: undefined for a target of 0, and
    for positive targets its minimiser is at most a median, because the small ones weigh most.

    >>> AbsolutePercentageError()([4.0, 10.0], [5.0, 10.0])
    0.125
    """

    claims = dataclasses.replace(
        DISTANCE,
        lipschitz=np.inf,
        elsewhere={
            "keras": "keras.losses.MeanAbsolutePercentageError()(y_true, y_pred) / 100",
            "sklearn": "sklearn.metrics.mean_absolute_percentage_error(y_true, y_pred)",
        },
    )

    target = Domain("y", nonzero=True)
    degree = 0

    def _terms(self, y, p):
        return p - y, np.abs(y)

    def _value(self, r, size):
        return np.abs(r) / size

    def _gradient(self, r, size):
        return np.sign(r) / size

    def _hessian(self, r, size):
        return 0.0 * np.sign(r)


@dataclasses.dataclass(frozen=True)
class CosineDistance(Samplewise):
    """One minus the cosine of the angle between two vectors.

    Also called: cosine loss; 1 - cosine similarity.

    Formula: with ``length = linalg.norm(y_pred)`` and the unit vectors ``v = y_pred / length`` and
    ``u = y_true / linalg.norm(y_true)``, ``1 - sum(u * v)`` for each row; derivative
    ``(sum(u * v) * v - u) / length``.

    Domain: rows other than 0, both of shape (n, d).

    Good for: embeddings, where the direction carries the meaning.  Price: the length of the
    prediction is free, and the gradient shrinks as it grows.  As a vector, the gradient is as
    accurate as rounded inputs allow; an entry far smaller than the largest has fewer digits.

    >>> CosineDistance()([[1.0, 0.0]], [[0.0, 5.0]])
    1.0
    """

    indexed = True
    # Lengths and their products lose digits in float32.
    widened = True
    prediction = Domain(words="a vector other than 0")
    claims = Claims(
        lipschitz=np.inf,
        lower_bound=0.0,
        zero_when="the directions agree",
        invariant="a positive factor on a prediction",
        elsewhere={
            "keras": "1 + keras.losses.CosineSimilarity()(y_true, y_pred)",
            "torch": "1 - torch.nn.functional.cosine_similarity(y_true, y_pred).mean()",
            "optax": "optax.losses.cosine_distance(y_pred, y_true).mean()",
        },
    )

    def _shape(self, y, p):
        if p.ndim != 2 or y.shape != p.shape:
            shape = (-1, p.shape[-1]) if p.ndim > 1 else (1, -1)
            fix = f"Reshape both: np.reshape(y_true, {shape}) and np.reshape(y_pred, {shape})."
            if y.shape != p.shape:
                fix = "Pass one vector of y_pred for each of y_true."
            checks.misfit(y, p, "both must be (n, d), equal, a vector in each row", fix)
        return y, p, p.shape[:1]

    def _check(self, y, p, samples):
        super()._check(y, p, samples)
        for name, rows in (("y_true", y), ("y_pred", p)):
            length = rows.any(axis=1)
            if not length.all():
                must = "other than 0, because the loss divides by it"
                checks.refuse(
                    f"the length of {name}", 1.0 * length, ~length, samples, must, checks.LEAVE_OUT
                )

    def _terms(self, y, p):
        (u, *_), (v, length, exponent) = unit(y), unit(p)
        # Whichever is smaller, and uncancelled: |u - v|²/2 is 1 - u·v, |u + v|²/2 is 1 + u·v.
        sign = np.where(np.vecdot(u, v) >= 0, 1.0, -1.0)
        near = sign[:, np.newaxis] * v
        np.subtract(u, near, out=near)
        return sign, near, v, length, exponent

    def _value(self, sign, near, v, length, exponent):
        half = np.vecdot(near, near) / 2
        return np.where(sign > 0, half, 2.0 - half)

    def _gradient(self, sign, near, v, length, exponent):
        # What is left of it across v; the rounding of the lengths lies along v.
        across = np.vecdot(near, v)[:, np.newaxis] * v
        across -= near
        across /= length
        return np.ldexp(across, -exponent) if exponent.any() else across
