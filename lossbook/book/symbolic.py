"""The definition of each loss as a SymPy expression, and its exact value from it.

A definition is the one place where a loss is stated: the formula on its card is printed from
it, and the tests take 50-digit values and derivatives from it.
"""

import dataclasses
import functools

import mpmath
import numpy as np
import sympy as sp

from .. import classification, likelihood, overlap, residual

k = sp.Symbol("k", integer=True, positive=True)
j, m = sp.symbols("j m", cls=sp.Idx)
DIGITS = 50
PARAMETERS = {
    name: sp.Symbol(name, positive=True)
    for name in ("delta", "q", "epsilon", "gamma", "alpha", "beta")
}
PARAMETERS["scale"] = sp.Symbol("c", positive=True)
_DEFINITIONS = {}


def defines(cls):
    """Register (loss, y, p) -> (definition, derivative, second derivative) for a class.

    ``y`` and ``p`` are symbols; for losses of rows they are indexed by the class 1..k, and the
    derivatives are by the entry j; a loss without ``hessian`` has one alone.  They are stated in
    the form that one wants to read; the tests prove that they are derivatives of the definition.
    """

    def register(function):
        _DEFINITIONS[cls] = function
        return function

    return register


@defines(residual.SquaredError)
def _(loss, y, p):
    return (p - y) ** 2, sp.Mul(2, p - y, evaluate=False), sp.Integer(2)


@defines(residual.AbsoluteError)
def _(loss, y, p):
    return sp.Abs(p - y), sp.sign(p - y), sp.S.Zero


@defines(residual.Huber)
def _(loss, y, p):
    r, delta = sp.Abs(p - y), PARAMETERS["delta"]
    value = sp.Piecewise((r**2 / 2, r <= delta), (delta * (r - delta / 2), True))
    slope = sp.Max(-delta, sp.Min(delta, p - y))
    return value, slope, sp.Piecewise((1, r <= delta), (0, True))


@defines(residual.PseudoHuber)
def _(loss, y, p):
    delta = PARAMETERS["delta"]
    root = sp.sqrt(1 + ((p - y) / delta) ** 2)
    return delta**2 * (root - 1), (p - y) / root, root**-3


@defines(residual.LogCosh)
def _(loss, y, p):
    return sp.log(sp.cosh(p - y)), sp.tanh(p - y), sp.cosh(p - y) ** -2


@defines(residual.Quantile)
def _(loss, y, p):
    q = PARAMETERS["q"]
    value = sp.Piecewise((q * (y - p), p < y), ((1 - q) * (p - y), True))
    return value, sp.Piecewise((-q, p < y), (0, sp.Eq(p, y)), (1 - q, True)), sp.S.Zero


@defines(residual.Expectile)
def _(loss, y, p):
    q = PARAMETERS["q"]
    value = sp.Piecewise((q * (p - y) ** 2, p < y), ((1 - q) * (p - y) ** 2, True))
    slope = sp.Piecewise((2 * q * (p - y), p < y), (2 * (1 - q) * (p - y), True))
    return value, slope, sp.Piecewise((2 * q, p < y), (2 * (1 - q), True))


@defines(residual.EpsilonInsensitive)
def _(loss, y, p):
    r, epsilon = sp.Abs(p - y), PARAMETERS["epsilon"]
    value = sp.Piecewise((0, r <= epsilon), (r - epsilon, True))
    return value, sp.Piecewise((0, r <= epsilon), (sp.sign(p - y), True)), sp.S.Zero


@defines(residual.GeneralRobust)
def _(loss, y, p):
    c, alpha = PARAMETERS["scale"], loss.alpha
    x = (p - y) / c
    if alpha == 2:
        return x**2 / 2, x / c, 1 / c**2
    if alpha == 0:
        slope = 2 * x / (c * (x**2 + 2))
        return sp.log(x**2 / 2 + 1), slope, 2 * (2 - x**2) / (c * (x**2 + 2)) ** 2
    if alpha == -float("inf"):
        e = sp.exp(-(x**2) / 2)
        return 1 - e, x / c * e, (1 - x**2) * e / c**2
    alpha = sp.Rational(alpha)
    b = abs(alpha - 2)
    t = x**2 / b + 1
    curve = t ** (alpha / 2 - 2) * (1 + (alpha - 1) * x**2 / b) / c**2
    return b / alpha * (t ** (alpha / 2) - 1), x / c * t ** (alpha / 2 - 1), curve


@defines(residual.SquaredLogarithmicError)
def _(loss, y, p):
    difference = sp.log(1 + p) - sp.log(1 + y)
    return difference**2, 2 * difference / (1 + p), 2 * (1 - difference) / (1 + p) ** 2


@defines(residual.AbsolutePercentageError)
def _(loss, y, p):
    return sp.Abs(p - y) / sp.Abs(y), sp.sign(p - y) / sp.Abs(y), sp.S.Zero


@defines(residual.CosineDistance)
def _(loss, y, p):
    def length(x):
        return sp.sqrt(sp.Sum(x[m] ** 2, (m, 1, k)))

    cosine = sp.Sum(y[m] * p[m], (m, 1, k)) / (length(y) * length(p))
    return 1 - cosine, (cosine * p[j] / length(p) - y[j] / length(y)) / length(p)


@defines(likelihood.Poisson)
def _(loss, y, z):
    return sp.exp(z) - y * z, sp.exp(z) - y, sp.exp(z)


@defines(likelihood.GaussianNLL)
def _(loss, y, p):
    mean, s = p
    square = (y - mean) ** 2 * sp.exp(-s)
    slopes = (mean - y) * sp.exp(-s), (1 - square) / 2
    return (sp.log(2 * sp.pi) + s + square) / 2, slopes, (sp.exp(-s), square / 2)


@defines(likelihood.KLDivergence)
def _(loss, y, p):
    return sp.Sum(y[j] * sp.log(y[j] / p[j]), (j, 1, k)), -y[j] / p[j], y[j] / p[j] ** 2


@defines(classification.BinaryCrossEntropy)
def _(loss, y, p):
    value = -y * sp.log(p) - (1 - y) * sp.log(1 - p)
    return value, (p - y) / (p * (1 - p)), y / p**2 + (1 - y) / (1 - p) ** 2


@defines(classification.CategoricalCrossEntropy)
def _(loss, y, p):
    return -sp.Sum(y[j] * sp.log(p[j]), (j, 1, k)), -y[j] / p[j], y[j] / p[j] ** 2


@defines(classification.SigmoidCrossEntropy)
def _(loss, y, z):
    value = (1 - y) * sp.log(1 + sp.exp(z)) + y * sp.log(1 + sp.exp(-z))
    return value, 1 / (1 + sp.exp(-z)) - y, sp.exp(-z) / (1 + sp.exp(-z)) ** 2


@defines(classification.SoftmaxCrossEntropy)
def _(loss, y, z):
    p = sp.exp(z[j]) / sp.Sum(sp.exp(z[m]), (m, 1, k))
    return -sp.Sum(y[j] * sp.log(p), (j, 1, k)), sp.Add(p, -y[j], evaluate=False), p * (1 - p)


@defines(classification.SigmoidFocal)
def _(loss, y, z):
    gamma, p = PARAMETERS["gamma"], 1 / (1 + sp.exp(-(2 * y - 1) * z))
    ease = (1 - p) ** gamma
    curve = (1 + 2 * gamma) * (1 - p) + gamma * (1 - (gamma + 1) * p) * sp.log(p)
    return (
        -ease * sp.log(p),
        -(2 * y - 1) * ease * (1 - p - gamma * p * sp.log(p)),
        p * ease * curve,
    )


@defines(classification.SoftmaxFocal)
def _(loss, y, z):
    gamma, total = PARAMETERS["gamma"], sp.Sum(sp.exp(z[m]), (m, 1, k))
    p = sp.exp(z[j]) / total
    right = sp.Sum(y[m] * sp.exp(z[m]), (m, 1, k)) / total
    slope = (1 - right) ** (gamma - 1) * (1 - right - gamma * right * sp.log(right))
    twice = (1 - gamma * right) * sp.log(right) + 2 * (1 - right)
    twice *= gamma * right * (1 - right) ** (gamma - 2)
    value = -sp.Sum(y[j] * (1 - p) ** gamma * sp.log(p), (j, 1, k))
    return value, slope * (p - y[j]), twice * (p - y[j]) ** 2 + slope * p * (1 - p)


@defines(classification.GeneralizedCrossEntropy)
def _(loss, y, p):
    q = PARAMETERS["q"]
    value = sp.Sum(y[j] * (1 - p[j] ** q) / q, (j, 1, k))
    return value, -y[j] * p[j] ** (q - 1), (1 - q) * y[j] * p[j] ** (q - 2)


@defines(overlap.Dice)
def _(loss, y, p):
    def total(f):
        return sp.Sum(f, (m, 1, k))

    hit, size = total(y[m] * p[m]), total(y[m] + p[m])
    return 1 - 2 * hit / size, 2 * (hit - y[j] * size) / size**2


@defines(overlap.Tversky)
def _(loss, y, p):
    def total(f):
        return sp.Sum(f, (m, 1, k))

    alpha, beta = PARAMETERS["alpha"], PARAMETERS["beta"]
    hit = total(y[m] * p[m])
    miss = alpha * total((1 - y[m]) * p[m]) + beta * total(y[m] * (1 - p[m]))
    slope = alpha * (1 - y[j]) * hit - y[j] * (beta * hit + miss)
    return 1 - hit / (hit + miss), slope / (hit + miss) ** 2


@defines(classification.Brier)
def _(loss, y, p):
    return sp.Sum((p[j] - y[j]) ** 2, (j, 1, k)), 2 * (p[j] - y[j]), sp.Integer(2)


@defines(classification.Hinge)
def _(loss, y, s):
    value = sp.Piecewise((1 - y * s, y * s < 1), (0, True))
    return value, sp.Piecewise((-y, y * s < 1), (0, True)), sp.S.Zero


@defines(classification.SquaredHinge)
def _(loss, y, s):
    short = 1 - y * s
    value = sp.Piecewise((short**2, y * s < 1), (0, True))
    slope = sp.Piecewise((-2 * y * short, y * s < 1), (0, True))
    return value, slope, sp.Piecewise((2, y * s < 1), (0, True))


@defines(classification.Exponential)
def _(loss, y, s):
    return sp.exp(-y * s), -y * sp.exp(-y * s), sp.exp(-y * s)


def symbols(loss):
    """Return the symbols for target and prediction that the definition of ``loss`` uses."""
    symbol = loss.prediction.symbol
    names = ("y", symbol)
    if loss.indexed:
        return tuple(sp.IndexedBase(name, real=True) for name in names)
    if "," in symbol:
        return sp.Symbol("y", real=True), sp.symbols(symbol, real=True)
    return tuple(sp.Symbol(name, real=True) for name in names)


def definition(loss):
    """Return what ``defines`` registered, as SymPy expressions in ``symbols(loss)``."""
    return _DEFINITIONS[type(loss)](loss, *symbols(loss))


def is_defined(loss):
    """Return whether the loss of a sample has a SymPy definition; sums over a batch do not."""
    return type(loss) in _DEFINITIONS


def with_parameters(loss, expression):
    """Return ``expression`` with the exact numbers that the parameters of ``loss`` are."""
    values = {f.name: getattr(loss, f.name) for f in dataclasses.fields(loss)}
    return expression.subs(
        {PARAMETERS[n]: sp.Rational(v) for n, v in values.items() if abs(v) < float("inf")}
    )


@functools.cache
def expanded(loss, size, order=1):
    """Return (symbols, expressions) for a sample of ``size`` predictions.

    The symbols are those of the targets, then those of the predictions; the expressions are
    the definition and SymPy's own derivative by each prediction, or for ``order`` 2 its second
    derivatives by each.  ``size`` is the number of classes for a loss of rows and 1 for a loss of
    numbers.
    """
    targets, predictions = _variables(loss, size)
    value = written_out(loss, definition(loss)[0], size)
    slopes = [_off_kinks(sp.diff(value, s, order)) for s in predictions]
    return [*targets, *predictions], [value, *slopes] if order == 1 else slopes


def _off_kinks(expression):
    """Return a derivative without what it has at single points."""
    if not expression.has(sp.DiracDelta):
        return expression
    return expression.replace(sp.DiracDelta, lambda *_: sp.S.Zero)


def _variables(loss, size):
    """Return the symbols of the targets and of the predictions of a sample."""
    y, p = symbols(loss)
    if not loss.indexed:
        return [y], list(p) if isinstance(p, tuple) else [p]
    return [[sp.Symbol(f"{s}_{n}", real=True) for n in range(1, size + 1)] for s in ("y", "p")]


def written_out(loss, expression, size):
    """Return ``expression`` without sums and indices, and with numbers for the parameters."""
    expression = with_parameters(loss, expression)
    if not loss.indexed:
        return expression
    entries = {
        base[n]: s
        for base, row in zip(symbols(loss), _variables(loss, size))
        for n, s in enumerate(row, 1)
    }
    return expression.subs(k, size).doit().xreplace(entries)


def derivatives(loss, stated, size):
    """Return the derivative as it is stated, written out for each prediction of a sample."""
    if loss.indexed:
        stated = [stated.subs(j, n) for n in range(1, size + 1)]
    elif not isinstance(stated, tuple | list):
        stated = [stated]
    return [written_out(loss, e, size) for e in stated]


def exact(loss, y_true, y_pred):
    """Return the loss of one sample and its derivatives to 50 digits, as mpmath numbers.

    ``y_true`` and ``y_pred`` are numbers for a loss of numbers and rows of k numbers for a loss
    of rows, where a class is given as a one-hot row.  They are taken as they are: the float 0.1
    is the binary fraction nearest to 0.1.  Where the definition cannot be evaluated, as for a
    probability of 0, its limit from inside the domain is taken.

    >>> from lossbook import SquaredError
    >>> exact(SquaredError(), 3.0, 2.0)
    (mpf('1.0'), [mpf('-2.0')])
    """
    value, *slopes = _exact(loss, y_true, y_pred, 1)
    return value, slopes


def exact_hessian(loss, y_true, y_pred):
    """Return the second derivative of the loss by each prediction, as ``exact`` does the first."""
    return _exact(loss, y_true, y_pred, 2)


def _exact(loss, y_true, y_pred, order):
    inputs, size = _inputs(loss, y_true, y_pred)
    results = _evaluate(loss, _compiled(loss, size, order), inputs, order)
    if results is None:
        variables, expressions = expanded(loss, size, order)
        upper = loss.prediction.high
        results = [_limit(expression, variables, inputs, upper) for expression in expressions]
    return results


def condition(loss, y_true, y_pred, order=1):
    r"""Return how much a relative change of the inputs changes the loss and each derivative.

    The condition number of f is :math:`\sum_x |x\,\partial f/\partial x| / |f|` over all targets
    and predictions x.  Where it is 1000, inputs that are right to the last bit leave f uncertain by
    1000 units in the last place: no formula can do better without more digits in the inputs.
    Infinite where it cannot be evaluated.  For ``order`` 2 a list for the second derivatives.
    """
    inputs, size = _inputs(loss, y_true, y_pred)
    function = _compiled(loss, size, order)
    there = _evaluate(loss, function, inputs, order)
    changes = [mpmath.mpf(0)] * (size + (order == 1))
    for n, x in enumerate(inputs if there else []):
        with mpmath.workdps(DIGITS):
            # A smaller number lies inside each domain.  Of 50 digits 15 are left to the difference,
            # and the step is small against the distance of any float from a pole, 1e-16.
            beside = [*inputs[:n], x * (1 - mpmath.mpf(10) ** -35), *inputs[n + 1 :]]
        near = _evaluate(loss, function, beside, order) or [mpmath.inf] * len(there)
        changes = [c + abs(a - b) * 10**35 for c, a, b in zip(changes, near, there)]
    known = there or [0] * len(changes)
    conditions = [c / abs(f) if f else mpmath.inf for c, f in zip(changes, known)]
    return (conditions[0], conditions[1:]) if order == 1 else conditions


def require_same(loss, expression, derivative=False, points=20):
    """Raise AssertionError unless ``expression`` is the loss of a sample, or its derivative.

    Compared are 30 digits at random points of the domain, for rows of three.
    """
    size = 3 if loss.indexed else 1
    variables, (value, *slopes) = expanded(loss, size)
    if derivative:
        stated, expected = derivatives(loss, expression, size), slopes
    else:
        stated, expected = [written_out(loss, expression, size)], [value]
    assert len(stated) == len(expected), (
        f"{len(stated)} derivatives are stated, and there are {len(expected)}"
    )
    functions = [sp.lambdify(variables, e, "mpmath") for e in (stated, expected)]
    rng = np.random.default_rng(0)
    for _ in range(points):
        point = _random_point(loss, size, rng)
        with mpmath.workdps(40):
            for a, b in zip(*(f(*map(mpmath.mpf, point)) for f in functions)):
                at = ", ".join(f"{s} = {v:.6g}" for s, v in zip(variables, point))
                assert abs(a - b) <= mpmath.mpf(10) ** -30 * max(1, abs(b)), (
                    f"at {at} the expression is {mpmath.nstr(a, 10)}, "
                    f"and {loss!r} gives {mpmath.nstr(b, 10)}"
                )


def _random_point(loss, size, rng):
    """Return a random sample inside the domain, targets before predictions, as floats."""
    target, prediction = loss.target, loss.prediction
    if not loss.indexed:
        return [target.sample(rng), *prediction.sample(rng, 2 if "," in prediction.symbol else 1)]
    # Sums of these are exact.
    y = np.round(rng.dirichlet(np.ones(size)) * 2**20) / 2**20
    y[0] += 1 - y.sum()
    if target.labels:
        y = np.eye(size)[rng.integers(size)]
    return [*y, *prediction.sample(rng, size)]


def _inputs(loss, y_true, y_pred):
    targets, predictions = (
        [float(v) for v in (x if hasattr(x, "__len__") else [x])] for x in (y_true, y_pred)
    )
    return [*targets, *predictions], len(predictions)


@functools.cache
def _compiled(loss, size, order=1):
    return sp.lambdify(*expanded(loss, size, order), "mpmath", cse=True)


def _evaluate(loss, function, inputs, order):
    """Evaluate with more and more digits until 50 agree; None where that is impossible."""
    # Numbers of ordinary size leave no difference below 1e-400 that a float could show.
    ordinary = all(not x or 1e-100 < abs(x) < 1e100 for x in (*inputs, *vars(loss).values()))
    enough = 400 if ordinary else 800
    # Few digits may agree on a difference that they do not see: 1 - (1 - 1e-300) is 0 in both.
    precisions = (50, 100, 400, 800) if ordinary and order == 1 else (400, 800)
    before = now = None
    for precision in precisions:
        before = now
        with mpmath.workdps(precision + 10):
            # A difference that is 0 with these digits may not be with more.
            try:
                now = [mpmath.mpf(x) for x in function(*map(mpmath.mpf, inputs))]
            except (ZeroDivisionError, ValueError, TypeError, OverflowError):
                now = None
            if now is None or not all(map(mpmath.isfinite, now)):
                now = None
            # log(1 + 1e-300) is 0 until there are 300 digits.
            elif before and all(
                abs(a - b) <= mpmath.mpf(10) ** -DIGITS * abs(a) if a else precision >= enough
                for a, b in zip(now, before)
            ):
                break
    return now


def _limit(expression, variables, values, upper):
    """Substitute the values one after the other; where that gives no number, take the limit."""
    for x, v in zip(variables, values):
        point = sp.Rational(v) if abs(v) < float("inf") else sp.oo * (1 if v > 0 else -1)
        substituted = expression.subs(x, point)
        if substituted.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            substituted = sp.limit(expression, x, point, "-" if v == upper else "+")
        expression = substituted
    with mpmath.workdps(DIGITS + 10):
        number = sp.N(expression, DIGITS)
        return mpmath.mpf(number) if number.is_finite else mpmath.mpf("inf") * int(sp.sign(number))
