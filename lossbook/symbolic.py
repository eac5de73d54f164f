"""The definition of each loss as a SymPy expression, and its exact value from it.

A definition is the one place where a loss is stated: the formula on its card is printed from
it, and the tests take 50-digit values and derivatives from it.
"""

import functools

import mpmath
import sympy as sp

from . import classification, residual
from .base import Rowwise

k = sp.Symbol("k", integer=True, positive=True)
j, m = sp.symbols("j m", cls=sp.Idx)
DIGITS = 50
_DEFINITIONS = {}


def defines(cls):
    """Register a function (loss, y, p) -> (definition, derivative) for a class of losses.

    ``y`` and ``p`` are symbols; for losses of rows they are indexed by the class 1..k, and the
    derivative is by the entry j.  The derivative is stated in the form that one wants to read;
    the tests prove that it is the derivative of the definition.
    """
    return lambda function: _DEFINITIONS.setdefault(cls, function)


@defines(residual.SquaredError)
def _(loss, y, p):
    return (p - y) ** 2, sp.Mul(2, p - y, evaluate=False)


@defines(residual.AbsoluteError)
def _(loss, y, p):
    return sp.Abs(p - y), sp.sign(p - y)


@defines(classification.BinaryCrossEntropy)
def _(loss, y, p):
    return -y * sp.log(p) - (1 - y) * sp.log(1 - p), (p - y) / (p * (1 - p))


@defines(classification.CategoricalCrossEntropy)
def _(loss, y, p):
    return -sp.Sum(y[j] * sp.log(p[j]), (j, 1, k)), -y[j] / p[j]


@defines(classification.SigmoidCrossEntropy)
def _(loss, y, z):
    return (1 - y) * sp.log(1 + sp.exp(z)) + y * sp.log(1 + sp.exp(-z)), 1 / (
        1 + sp.exp(-z)
    ) - y


@defines(classification.SoftmaxCrossEntropy)
def _(loss, y, z):
    total = sp.Sum(sp.exp(z[m]), (m, 1, k))
    return -sp.Sum(y[j] * sp.log(sp.exp(z[j]) / total), (j, 1, k)), sp.Add(
        sp.exp(z[j]) / total, -y[j], evaluate=False
    )


def symbols(loss):
    """Return the symbols for target and prediction that the definition of ``loss`` uses."""
    names = ("y", loss.symbol)
    if isinstance(loss, Rowwise):
        return tuple(sp.IndexedBase(name, real=True) for name in names)
    return tuple(sp.Symbol(name, real=True) for name in names)


def definition(loss):
    """Return (definition, derivative) of ``loss`` as SymPy expressions in ``symbols(loss)``."""
    return _DEFINITIONS[type(loss)](loss, *symbols(loss))


@functools.cache
def expanded(loss, size):
    """Return (symbols, expressions) for a sample of ``size`` predictions.

    The symbols are those of the targets, then those of the predictions; the expressions are
    the definition and SymPy's own derivative by each prediction.  ``size`` is the number of
    classes for a loss of rows and 1 for a loss of numbers.
    """
    value, _ = definition(loss)
    y, p = symbols(loss)
    if isinstance(loss, Rowwise):
        targets, predictions = (
            [sp.Symbol(f"{s}_{n}", real=True) for n in range(1, size + 1)]
            for s in ("y", "p")
        )
        entries = {
            base[n]: s
            for base, row in ((y, targets), (p, predictions))
            for n, s in enumerate(row, 1)
        }
        value = value.subs(k, size).doit().xreplace(entries)
    else:
        targets, predictions = [y], [p]
    return [*targets, *predictions], [
        value,
        *(sp.diff(value, s) for s in predictions),
    ]


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
    inputs, size = _inputs(loss, y_true, y_pred)
    results = _evaluate(_compiled(loss, size), inputs)
    if results is None:
        variables, expressions = expanded(loss, size)
        results = [
            _limit(expression, variables, inputs, loss.domain[1])
            for expression in expressions
        ]
    return results[0], results[1:]


def condition(loss, y_true, y_pred):
    r"""Return how much a relative change of the inputs changes the loss and each derivative.

    The condition number of f is :math:`\sum_x |x\,\partial f/\partial x| / |f|` over all targets and
    predictions x.  Where it is 1000, inputs that are right to the last bit leave f uncertain by
    1000 units in the last place: no formula can do better without more digits in the inputs.
    Infinite where it cannot be evaluated.
    """
    inputs, size = _inputs(loss, y_true, y_pred)
    results = _evaluate(_compiled(loss, size, sensitivity=True), inputs, digits=15)
    results = [mpmath.inf] * (1 + len(inputs) // 2) if results is None else results
    return results[0], results[1:]


def _inputs(loss, y_true, y_pred):
    rows = (y_true, y_pred) if isinstance(loss, Rowwise) else ([y_true], [y_pred])
    return [float(v) for row in rows for v in row], len(rows[1])


@functools.cache
def _compiled(loss, size, sensitivity=False):
    variables, expressions = expanded(loss, size)
    if sensitivity:
        slopes = [
            [sp.diff(f, x).replace(sp.DiracDelta, lambda *_: 0) for x in variables]
            for f in expressions
        ]  # off the kink
        expressions = [
            sum(sp.Abs(x * d / f) for x, d in zip(variables, ds))
            for f, ds in zip(expressions, slopes)
        ]
    return sp.lambdify(variables, expressions, "mpmath")


def _evaluate(function, inputs, digits=DIGITS):
    """Evaluate with more and more digits until ``digits`` agree; None where that is impossible."""
    before = now = None
    for doubling in range(5):
        before = now
        with mpmath.workdps(digits * 2**doubling + 10):
            try:
                now = [mpmath.mpf(x) for x in function(*map(mpmath.mpf, inputs))]
            except (ZeroDivisionError, ValueError, TypeError, OverflowError):
                now = None  # a difference that is 0 with these digits may not be with more
            if now is None or not all(map(mpmath.isfinite, now)):
                now = None
            # Two zeros agree on nothing: log(1 + 1e-300) is 0 until there are 300 digits.
            elif before and all(
                a and abs(a - b) <= mpmath.mpf(10) ** -digits * abs(a)
                for a, b in zip(now, before)
            ):
                break
    return now  # a number that is 0 or still changes here is below 1e-400, zero in every float


def _limit(expression, variables, values, upper):
    """Substitute the values one after the other; where that gives no number, take the limit."""
    for x, v in zip(variables, values):
        point = (
            sp.Rational(v)
            if abs(v) < float("inf")
            else sp.oo * (1 if v > 0 else -1)
        )
        substituted = expression.subs(x, point)
        if substituted.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            substituted = sp.limit(expression, x, point, "-" if v == upper else "+")
        expression = substituted
    with mpmath.workdps(DIGITS + 10):
        number = sp.N(expression, DIGITS)
        return (
            mpmath.mpf(number)
            if number.is_finite
            else mpmath.mpf("inf") * int(sp.sign(number))
        )
