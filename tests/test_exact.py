"""Values and gradients against the definition at 50 digits, in units of the last place."""

import dataclasses

import mpmath
import numpy as np
import pytest
import sympy as sp
from samples import SAMPLEWISE, VARIANTS, as_batch, batch, extreme_samples, random_sample

import lossbook
from lossbook import GeneralRobust, check_gradient
from lossbook.base import Rowwise
from lossbook.book import symbolic
from lossbook.book.symbolic import condition, definition, exact, expanded
from lossbook.residual import CosineDistance, Residual

DEFINED = [loss for loss in (*SAMPLEWISE, *VARIANTS) if symbolic.is_defined(loss)]
DTYPES = (np.float32, np.float64)
ULPS = 4


def ulps(got, true):
    """Return the distance of a float from an exact number, in spacings of floats there."""
    dtype = np.asarray(got).dtype.type
    with np.errstate(over="ignore"):
        nearest = dtype(str(true)) if abs(true) > np.finfo(dtype).max else dtype(float(true))
    if not np.isfinite(nearest) or not np.isfinite(got):
        return 0.0 if got == nearest else np.inf
    return float(abs(mpmath.mpf(float(got)) - true) / mpmath.mpf(float(np.spacing(abs(nearest)))))


def normwise(got, true):
    """Return the length of the error of a vector, in spacings of floats at its length."""
    error = mpmath.norm([mpmath.mpf(float(a)) - b for a, b in zip(got, true)])
    return float(error / float(np.spacing(got.dtype.type(float(mpmath.norm(true))))))


def too_far(loss, y, p):
    """Return what is further from the exact number than 4 ulps, or than 4 times its condition number."""
    arrays = as_batch(loss, y, p)
    true, slopes = exact(loss, y, p)
    pairs = zip(
        [*loss.per_sample(*arrays).ravel(), *loss.gradient(*arrays).ravel()], [true, *slopes]
    )
    distances = [ulps(got, number) for got, number in pairs]
    if isinstance(loss, CosineDistance):  # right as a vector; see its docstring
        distances[1:] = [normwise(loss.gradient(*arrays).ravel(), slopes)] * len(slopes)
    if isinstance(loss, Residual) and y == p:
        del distances[1], slopes[0]  # at a kink the derivative is a choice
    allowed = [ULPS] * len(distances)
    # float32 is computed in float64, so that the conditioning of its inputs costs nothing.
    if max(distances) > ULPS and np.asarray(p).dtype == np.float64:
        value_condition, conditions = condition(loss, y, p)
        allowed = [
            ULPS * max(1.0, float(c)) if mpmath.isfinite(c) else ULPS
            for c in (value_condition, *conditions)
        ]
    names = ["value", *(f"derivative {j}" for j in range(len(slopes)))]
    return [
        f"{loss} y={y} p={p}: {name} is {distance:.1f} ulps off, allowed are {limit:.1f}"
        for name, distance, limit in zip(names, distances, allowed)
        if distance > limit
    ]


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
@pytest.mark.parametrize("loss", [c for c in DEFINED if isinstance(c, Rowwise)], ids=repr)
def test_class_numbers_give_what_one_hot_rows_give(loss, dtype):
    for y, p in extreme_samples(loss, dtype):
        label, row = np.array([np.argmax(y)]), p[np.newaxis]
        np.testing.assert_array_equal(
            loss.per_sample(label, row), loss.per_sample(y[np.newaxis], row)
        )
        np.testing.assert_array_equal(loss.gradient(label, row), loss.gradient(y[np.newaxis], row))


def test_the_small_loss_that_libraries_round_to_zero():
    logits = np.array([[20, 0, 0]], np.float32)
    loss = lossbook.SoftmaxCrossEntropy()
    assert f"{loss([0], logits):.4e}" == "4.1223e-09"
    assert f"{loss.gradient([0], logits)[0, 0]:.4e}" == "-4.1223e-09"


@pytest.mark.parametrize("loss", DEFINED, ids=repr)
def test_stated_derivative_is_the_derivative_of_the_definition(loss):
    rng = np.random.default_rng(1)
    for _ in range(20):
        y, p = random_sample(loss, rng)
        numbers = [*map(float, np.ravel(y)), *map(float, np.ravel(p))]
        gradient = exact(loss, y, p)[1]
        variables = expanded(loss, len(gradient))[0]
        for stated, true in zip(
            symbolic.derivatives(loss, definition(loss)[1], len(gradient)), gradient
        ):
            got = sp.lambdify(variables, stated, "mpmath")(*map(mpmath.mpf, numbers))
            assert got == pytest.approx(float(true), rel=1e-9, abs=1e-13)


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
