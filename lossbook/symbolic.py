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
i, j, m = sp.symbols("i j m", cls=sp.Idx)
DIGITS = 50
_DEFINITIONS = {}


def defines(cls):
    """Register a function (loss, y, p) -> (definition, derivative) for a class of losses.

    ``y`` and ``p`` are symbols; for losses of rows they are indexed by the class 1..k, and the
    derivative is by the entry i.  The derivative is stated in the form that one wants to read;
    the tests prove that it is the derivative of the definition.
    """
    return lambda function: _DEFINITIONS.setdefault(cls, function)


@defines(residual.SquaredError)
def _(loss, y, p):
    return (p - y) ** 2, 2 * (p - y)


@defines(residual.AbsoluteError)
def _(loss, y, p):
    return sp.Abs(p - y), sp.sign(p - y)


@defines(classification.BinaryCrossEntropy)
def _(loss, y, p):
    return -y * sp.log(p) - (1 - y) * sp.log(1 - p), (p - y) / (p * (1 - p))


@defines(classification.CategoricalCrossEntropy)
def _(loss, y, p):
    return -sp.Sum(y[j] * sp.log(p[j]), (j, 1, k)), -y[i] / p[i]


@defines(classification.SigmoidCrossEntropy)
def _(loss, y, z):
    return (1 - y) * sp.log(1 + sp.exp(z)) + y * sp.log(1 + sp.exp(-z)), 1 / (1 + sp.exp(-z)) - y


@defines(classification.SoftmaxCrossEntropy)
def _(loss, y, z):
    total = sp.Sum(sp.exp(z[m]), (m, 1, k))
    return -sp.Sum(y[j] * sp.log(sp.exp(z[j]) / total), (j, 1, k)), sp.exp(z[i]) / total - y[i]


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
    """Return target symbols, prediction symbols, the definition and its derivatives by each.

    ``size`` is the number of classes for a loss of rows, 1 for a loss of numbers.  The
    derivatives are SymPy's own.
    """
    expression, _ = definition(loss)
    y, p = symbols(loss)
    if isinstance(loss, Rowwise):
        y_list, p_list = ([sp.Symbol(f"{s}_{n}", real=True) for n in range(1, size + 1)] for s in ("y", "p"))
        indexed = {base[n]: s for base, row in ((y, y_list), (p, p_list)) for n, s in enumerate(row, 1)}
        expression = expression.subs(k, size).doit().xreplace(indexed)
    else:
        y_list, p_list = [y], [p]
    return y_list, p_list, expression, [sp.diff(expression, s) for s in p_list]


@functools.cache
def _compiled(loss, size):
    y, p, value, gradient = expanded(loss, size)
    return sp.lambdify([*y, *p], [value, *gradient], "mpmath")


def exact(loss, y_true, y_pred):
    """Return the loss of one sample and its derivatives to 50 digits, as mpmath numbers.

    ``y_true`` and ``y_pred`` are numbers for a loss of numbers, rows of k numbers for a loss of
    rows (a class is given as a one-hot row).  They are taken as they are: the float 0.1 is the
    binary fraction nearest to 0.1.  Where the definition cannot be evaluated, as for a
    probability of 0, its one-sided limit from inside the domain is taken.
    """
    y = [float(v) for v in (y_true if isinstance(loss, Rowwise) else [y_true])]
    p = [float(v) for v in (y_pred if isinstance(loss, Rowwise) else [y_pred])]
    results = _evaluate(_compiled(loss, len(p)), [*y, *p])
    if results is None:
        results = [_limit(loss, expression, y, p) for expression in [_slot for _slot in _expressions(loss, len(p))]]
    return results[0], results[1:]


def _expressions(loss, size):
    _, _, value, gradient = expanded(loss, size)
    return [value, *gradient]


def _evaluate(function, arguments):
    """Evaluate with more and more digits until 50 agree; None where that is impossible."""
    before = None
    for digits in (DIGITS, 2 * DIGITS, 4 * DIGITS, 8 * DIGITS, 16 * DIGITS):
        with mpmath.workdps(digits + 10):
            try:
                now = function(*(mpmath.mpf(a) for a in arguments))
            except (ZeroDivisionError, ValueError, OverflowError):
                return None
            if any(isinstance(x, mpmath.mpc) or not mpmath.isfinite(x) for x in map(mpmath.mpmathify, now)):
                return None
            if before and all(abs(a - b) <= mpmath.mpf(10) ** -DIGITS * abs(a) for a, b in zip(now, before)):
                return [mpmath.mpmathify(x) for x in now]
            before = now
    return [mpmath.mpmathify(x) for x in before]  # below 1e-400: zero in every float


def _limit(loss, expression, y, p):
    y_list, p_list, _, _ = expanded(loss, len(p))
    expression = expression.subs({s: sp.Rational(v) for s, v in zip(y_list, y)})
    for symbol, value in sorted(zip(p_list, p), key=lambda pair: pair[1] in (0.0, 1.0) or pair[1] in map(float, ("inf", "-inf"))):
        exact_value = sp.Rational(value) if value not in (float("inf"), float("-inf")) else sp.oo * (1 if value > 0 else -1)
        substituted = expression.subs(symbol, exact_value)
        if substituted.has(sp.nan, sp.zoo, sp.oo, -sp.oo):
            side = "-" if value == loss.domain[1] or value == float("inf") else "+"
            substituted = sp.limit(expression, symbol, exact_value, side)
        expression = substituted
    return mpmath.mpmathify(sp.N(expression, DIGITS)) if expression.is_finite else mpmath.mpf(str(expression).replace("oo", "inf"))
