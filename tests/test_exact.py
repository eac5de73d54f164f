"""Values and gradients against the definition at 50 digits, in units of the last place."""

import dataclasses
import functools

import mpmath
import numpy as np
import pytest
import sympy as sp
from samples import (
    BATCHWISE_VARIANTS,
    ENDS,
    SAMPLEWISE,
    VARIANTS,
    as_batch,
    at_the_ends,
    batch,
    extreme_samples,
    random_sample,
)

import lossbook
from lossbook import CATALOGUE, GeneralRobust, SoftmaxFocal, check_gradient
from lossbook.base import Rowwise
from lossbook.book import symbolic
from lossbook.book.symbolic import condition, definition, exact, exact_hessian, expanded
from lossbook.classification import Margin
from lossbook.residual import CosineDistance, Residual

DEFINED = [loss for loss in (*SAMPLEWISE, *VARIANTS) if symbolic.is_defined(loss)]
CURVED = [loss for loss in DEFINED if loss._hessian]
DTYPES = (np.float32, np.float64)
ULPS = 4


def ulps(got, true):
    """Return the distance of a float from an exact number, in spacings of floats there."""
    dtype = np.asarray(got).dtype.type
    with np.errstate(over="ignore"):
        nearest = dtype(str(true)) if abs(true) > np.finfo(dtype).max else dtype(float(true))
    if not np.isfinite(nearest) or not np.isfinite(got):
        return 0.0 if got == nearest else np.inf
    return float(abs(mpmath.mpf(float(got)) - true) / spacing(nearest))


def spacing(x):
    """Return the distance to the next float; the largest has none, and takes that of its half."""
    return mpmath.mpf(float(np.spacing(min(abs(x), np.finfo(x.dtype).max / 2))))


def normwise(got, true):
    """Return the length of the error of a vector, in spacings of floats at its length."""
    length = mpmath.norm(true)
    if length > float(np.finfo(got.dtype).max):
        return 0.0 if np.isinf(got).any() else np.inf
    error = mpmath.norm([mpmath.mpf(float(a)) - b for a, b in zip(got, true)])
    return float(error / spacing(got.dtype.type(float(length))))


def too_far(loss, y, p):
    """Return what is further from the exact number than 4 ulps or 4 condition numbers."""
    arrays = as_batch(y, p)
    true, slopes = exact(loss, y, p)
    gradient = loss.gradient(*arrays).ravel()
    got = [*loss.per_sample(*arrays).ravel(), *gradient]
    distances = [ulps(*pair) for pair in zip(got, [true, *slopes])]
    if isinstance(loss, CosineDistance):  # right as a vector; see its docstring
        distances[1:] = [normwise(gradient, slopes)] * len(slopes)
    if isinstance(loss, Residual) and y == p:
        distances[1] = 0.0  # at a kink the derivative is a choice
    names = ["value", *(f"derivative {j}" for j in range(len(slopes)))]
    value, others = condition(loss, y, p) if conditioned(p, distances) else (1, [1] * len(slopes))
    return problems(loss, y, p, names, distances, [value, *others])


def curves_too_far(loss, y, p):
    """Return the same of the second derivatives."""
    true = exact_hessian(loss, y, p)
    distances = [ulps(*pair) for pair in zip(loss.hessian(*as_batch(y, p)).ravel(), true)]
    names = [f"second derivative {j}" for j in range(len(true))]
    conditions = [1] * len(true)
    if conditioned(p, distances):
        conditions = condition(loss, y, p, order=2)
    return problems(loss, y, p, names, distances, conditions)


def conditioned(p, distances):
    """Return whether the rounding of inputs may excuse: not in float32, which can be widened."""
    return max(distances) > ULPS and np.asarray(p).dtype == np.float64


def problems(loss, y, p, names, distances, conditions):
    allowed = [ULPS * max(1.0, float(c)) if mpmath.isfinite(c) else ULPS for c in conditions]
    return [
        f"{loss} y={y!r} p={p!r}: {name} is {distance:.1f} ulps off, allowed are {limit:.1f}"
        for name, distance, limit in zip(names, distances, allowed)
        if distance > limit
    ]


@pytest.mark.parametrize("loss", list(filter(dataclasses.fields, CATALOGUE)), ids=repr)
def test_each_parameter_is_also_tested_away_from_its_default(loss):
    variants = [v for v in (*VARIANTS, *BATCHWISE_VARIANTS) if type(v) is type(loss)]
    for name, default in vars(loss).items():
        assert any(getattr(v, name) != default for v in variants), (
            f"Add {type(loss).__name__} with another {name} than {default} to the variants in "
            "tests/samples.py"
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", DEFINED, ids=repr)
def test_random_points(loss, dtype):
    rng = np.random.default_rng(0)
    found = [
        problem for _ in range(1000) for problem in too_far(loss, *random_sample(loss, rng, dtype))
    ]
    assert not found, "\n".join(found[:10])


@pytest.mark.parametrize("alpha", [-10.0, -2.0, -0.3, 0.5, 1.0, 1.5])
def test_general_robust_far_out(alpha):
    loss = GeneralRobust(alpha, scale=3.0)
    for size in (1e4, 1e15, 1e30, 1e120, 1e200):
        assert not too_far(loss, 0.0, size) + too_far(loss, size, -1.0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", DEFINED, ids=repr)
def test_extreme_points(loss, dtype):
    found = [problem for y, p in extreme_samples(loss, dtype) for problem in too_far(loss, y, p)]
    assert not found, "\n".join(found[:10])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", CURVED, ids=repr)
def test_second_derivatives(loss, dtype):
    rng = np.random.default_rng(9)
    samples = [random_sample(loss, rng, dtype) for _ in range(150)]
    samples += extreme_samples(loss, dtype)
    # At a kink the second derivative is a choice.
    found = [
        text for y, p in samples if not on_kink(loss, y, p) for text in curves_too_far(loss, y, p)
    ]
    assert not found, "\n".join(found[:10])


def on_kink(loss, y, p):
    """Return whether a sample has no second derivative, or none that the definition can tell."""
    if isinstance(loss, SoftmaxFocal):
        # Powers of 1 - p, where p is 1 to 800 digits.
        return float(p.max()) - float(p.min()) > 1e3
    if isinstance(loss, Residual):
        with np.errstate(over="ignore"):
            return y == p or abs(p - y) in vars(loss).values()
    return isinstance(loss, Margin) and y * p == 1


def test_second_derivatives_at_kinks_are_those_of_the_formula_that_holds_there():
    for loss, y, p, curve in (
        (lossbook.AbsoluteError(), 1.0, 1.0, 0.0),
        (lossbook.Huber(2.0), 0.0, 2.0, 1.0),
        (lossbook.Huber(2.0), 0.0, np.nextafter(2.0, 3.0), 0.0),
        (lossbook.Quantile(0.9), 1.0, 1.0, 0.0),
        (lossbook.Expectile(0.75), 1.0, 1.0, 0.5),
        (lossbook.EpsilonInsensitive(0.5), 0.0, 0.5, 0.0),
        (lossbook.AbsolutePercentageError(), 1.0, 1.0, 0.0),
        (lossbook.Hinge(), 1.0, 1.0, 0.0),
        (lossbook.SquaredHinge(), 1.0, 1.0, 0.0),
    ):
        assert loss.hessian(y, p) == curve, loss


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", [*DEFINED, *ENDS], ids=repr)
def test_the_ends_of_the_floating_types(loss, dtype):
    """Whatever over- or underflows on the way, what is finite comes out finite and right."""
    found = []
    for y, p in at_the_ends(loss, dtype):
        found += too_far(loss, y, p)
        if loss._hessian and not on_kink(loss, y, p):
            found += curves_too_far(loss, y, p)
    assert not found, f"{len(found)} of\n" + "\n".join(found[:10])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", [c for c in DEFINED if isinstance(c, Rowwise)], ids=repr)
def test_class_numbers_give_what_one_hot_rows_give(loss, dtype):
    for y, p in extreme_samples(loss, dtype):
        label, row = np.array([np.argmax(y)]), p[np.newaxis]
        for method in (loss.per_sample, loss.gradient, loss.hessian):
            np.testing.assert_array_equal(method(label, row), method(y[np.newaxis], row))


def test_the_small_loss_that_libraries_round_to_zero():
    logits = np.array([[20, 0, 0]], np.float32)
    loss = lossbook.SoftmaxCrossEntropy()
    assert f"{loss([0], logits):.4e}" == "4.1223e-09"
    assert f"{loss.gradient([0], logits)[0, 0]:.4e}" == "-4.1223e-09"


@pytest.mark.parametrize("loss", DEFINED, ids=repr)
def test_stated_derivatives_are_those_of_the_definition(loss):
    stated = definition(loss)[1:]
    assert len(stated) == 1 + (loss._hessian is not None)

    @functools.cache
    def functions(size):
        variables = expanded(loss, size)[0]
        written = (symbolic.derivatives(loss, expression, size) for expression in stated)
        return [sp.lambdify(variables, formulas, "mpmath") for formulas in written]

    rng = np.random.default_rng(1)
    for _ in range(20):
        y, p = random_sample(loss, rng)
        numbers = [mpmath.mpf(float(x)) for x in (*np.ravel(y), *np.ravel(p))]
        orders = exact(loss, y, p)[1], exact_hessian(loss, y, p) if loss._hessian else []
        for function, true in zip(functions(np.size(p)), orders):
            for got, number in zip(function(*numbers), true, strict=True):
                assert got == pytest.approx(float(number), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_five_point_differences(loss):
    rng = np.random.default_rng(2)
    assert check_gradient(loss, *batch(loss, rng)) <= 1e-9
    if isinstance(loss, Rowwise):
        assert check_gradient(loss, *batch(loss, rng, labels=False)) <= 1e-9


def mutants(loss):
    """Yield (name, a wrong version of ``loss``): one wrong thing of each kind."""
    cls = type(loss)

    def first_entry(self, *terms):
        gradient = cls._gradient(self, *terms)
        gradient[0] *= 1.0001
        return gradient

    changes = {
        "sign": {"_gradient": lambda self, *terms: -cls._gradient(self, *terms)},
        "factor": {"_gradient": lambda self, *terms: cls._gradient(self, *terms) / 2},
        "one sample": {"_gradient": first_entry},
        "value": {"_value": lambda self, *terms: cls._value(self, *terms) * 1.0001},
    }
    for name, change in changes.items():
        yield (name, dataclasses.dataclass(frozen=True)(type(cls.__name__, (cls,), change))())


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_a_wrong_gradient_or_value_is_noticed(loss):
    for name, wrong in mutants(loss):
        y, p = batch(loss, np.random.default_rng(3))
        assert check_gradient(wrong, y, p) > 1e-8, name


def test_a_wrong_last_place_is_noticed():
    assert ulps(np.float64(1.0) + 5 * np.finfo(float).eps, mpmath.mpf(1)) > ULPS
    assert ulps(np.float32(0.0), mpmath.mpf("4.1223e-9")) > 1e6


def test_mean_of_huge_finite_losses_is_finite():
    loss = lossbook.AbsoluteError()
    assert loss([0.0, 0.0], [1.5e308, 1.5e308]) == 1.5e308
