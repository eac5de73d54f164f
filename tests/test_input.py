"""What goes in: every bad input is refused with the fact and the fix, and everything else comes out right."""

import dataclasses
import warnings

import numpy as np
import pytest
from samples import SAMPLEWISE, VARIANTS, batch

import lossbook
from lossbook import (
    AbsolutePercentageError,
    BinaryCrossEntropy,
    Brier,
    CategoricalCrossEntropy,
    CosineDistance,
    Dice,
    Expectile,
    GaussianNLL,
    GeneralizedCrossEntropy,
    GeneralRobust,
    Huber,
    Poisson,
    PseudoHuber,
    Quantile,
    SigmoidCrossEntropy,
    SigmoidFocal,
    SoftmaxCrossEntropy,
    SoftmaxFocal,
    SquaredError,
    SquaredLogarithmicError,
    Tversky,
)
from lossbook.base import BLOCK, Elementwise, Rowwise
from lossbook.residual import Residual

ELEMENTWISE = [loss for loss in SAMPLEWISE if isinstance(loss, Elementwise)]
ROWWISE = [loss for loss in SAMPLEWISE if isinstance(loss, Rowwise)]
PROBABILITY_TARGETS = [c for c in ELEMENTWISE if c.targets == (0.0, 1.0)]
HARD = [c for c in SAMPLEWISE if c.hard]
METHODS = ("__call__", "gradient", "value_and_gradient", "per_sample")
HALF = np.full((2, 2), 0.5)

# loss, y_true, y_pred, what the message must say
BAD = [
    *[(loss, [1.0, 0.0, 1.0], [0.5, 0.5], "must be equal") for loss in ELEMENTWISE],
    *[(loss, [1.0, 0.0], [[0.5], [0.5]], r"y_pred.reshape\(\(2,\)\)") for loss in ELEMENTWISE],
    *[(loss, [], [], "empty") for loss in ELEMENTWISE],
    *[(loss, [], np.empty((0, 3)), "empty") for loss in ROWWISE],
    *[(loss, [0, 1], np.empty((2, 0)), "empty") for loss in ROWWISE],
    *[(loss, [[0], [1]], HALF, r"y_true.ravel\(\)") for loss in ROWWISE],
    *[(loss, 0, [0.5, 0.5], r"y_pred.reshape\(1, -1\)") for loss in ROWWISE if loss != Brier()],
    *[(loss, [0, 1, 1], HALF, "one class number") for loss in ROWWISE],
    *[(loss, [0, 2], HALF, "from 0 to 1.*one column for each class") for loss in ROWWISE],
    *[(loss, [0, -1], HALF, "is -1 at sample 1.*from 0 to 1") for loss in ROWWISE],
    *[(loss, [0, 0.5], HALF, "whole") for loss in ROWWISE],
    *[(loss, [0, np.nan], HALF, "whole") for loss in ROWWISE],
    *[
        (
            loss,
            [[0.5, 0.5], [0.5, 0.6]],
            HALF,
            "row sum of y_true is 1.1 at sample 1.*Divide each row",
        )
        for loss in ROWWISE
    ],
    *[(loss, [[1, 0], [2, -1]], HALF, "y_true is 2 at sample 1, column 0") for loss in ROWWISE],
    *[
        (loss, [0.0, 1.5], [0.5, 0.5], "y_true is 1.5 at sample 1.*0 (and|or) 1")
        for loss in PROBABILITY_TARGETS
    ],
    *[(loss, [0.0, np.nan], [0.5, 0.5], "y_true is nan") for loss in PROBABILITY_TARGETS],
    *[
        (loss, [1.0, 0.0], [0.5, 0.5], r"is 0 at sample 1.*-1 or 1.*2 \* y - 1")
        for loss in HARD
        if loss.targets[0] == -1
    ],
    *[
        (loss, [[0.5, 0.5]], [[0.5, 0.5]], "0 or 1.*no soft labels")
        for loss in HARD
        if loss in ROWWISE
    ],
    (SigmoidFocal(), [0.5], [0.5], "0 or 1.*no soft labels"),
    (AbsolutePercentageError(), [1.0, 0.0], [1.0, 1.0], "y_true is 0 at sample 1.*divides by it"),
    (SquaredLogarithmicError(), [1.0], [-1.5], "y_pred is -1.5 at sample 0.*above -1"),
    (SquaredLogarithmicError(), [-1.0], [1.0], "y_true is -1 at sample 0.*above -1"),
    (Poisson(), [-1.0], [0.0], "y_true is -1 at sample 0.*at least 0"),
    (CosineDistance(), [[1.0, 0.0]], [[0.0, 0.0]], "the vector y_pred is 0 at sample 0"),
    (CosineDistance(), [[0.0, 0.0]], [[0.0, 1.0]], "the vector y_true is 0 at sample 0"),
    (CosineDistance(), [1.0, 0.0], [0.0, 1.0], r"y\[np.newaxis\]"),
    (GaussianNLL(), [[1.0]], [[0.0, 0.0]], "column_stack"),
    (GaussianNLL(), [1.0, 2.0], [0.0, 0.0], "column_stack"),
    (Dice(), [1.0, 0.0], [0.5, 0.5], r"mask\[np.newaxis\]"),
    (Tversky(), [[1.0, 2.0]], [[0.5, 0.5]], "y_true is 2 at sample 0, column 1"),
    (Dice(), [[1.0, 0.0]], [[0.5, 1.5]], "y_pred is 1.5 at sample 0, column 1"),
    (Brier(), [0.0], [1.5], "y_pred is 1.5"),
    (Brier(), [0], [[0.5, 0.6]], "row sum of y_pred is 1.1"),
    (BinaryCrossEntropy(), [0.0, 1.0], [0.5, 1.2], "y_pred is 1.2 at sample 1.*sigmoid"),
    (BinaryCrossEntropy(), [0.0, 1.0], [-1e-9, 0.5], "y_pred is -1e-09 at sample 0"),
    (BinaryCrossEntropy(), [0.0, 1.0], [np.inf, 0.5], "y_pred is inf"),
    (
        CategoricalCrossEntropy(),
        [0, 1],
        [[2.0, -1.0], [0.5, 0.5]],
        "y_pred is 2 at sample 0, column 0",
    ),
    (
        CategoricalCrossEntropy(),
        [0],
        [[0.2, 0.2, 0.2]],
        "row sum of y_pred is 0.6.*Divide each row by its sum",
    ),
    (SquaredError(), [1j], [1.0], "real numbers"),
    (SquaredError(), ["a"], [1.0], "real numbers"),
    (SquaredError(), np.ma.array([1.0, 2.0], mask=[0, 1]), [1.0, 2.0], "mask.*weight 0"),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("loss, y_true, y_pred, message", BAD)
def test_bad_input(loss, y_true, y_pred, message, method):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        getattr(loss, method)(y_true, y_pred)


@pytest.mark.parametrize("weight, message", [
    ([1.0], "one weight for each number"), ([[1.0], [1.0]], "one weight"), ([1.0, -1.0], "≥ 0"), ([1.0, np.nan], "NaN"),
    ([1.0, np.inf], "infinite"), ([0.0, 0.0], "Keep at least one"), ([], "empty"),
])  # fmt: skip
@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_bad_weights(loss, weight, message):
    y, p = batch(loss, np.random.default_rng(0), 2)
    for method in (loss, loss.gradient, loss.value_and_gradient):
        with pytest.raises(ValueError, match=message):
            method(y, p, sample_weight=weight)


def test_the_place_of_a_bad_value_counts_from_the_first_sample():
    place, zeros = 2 * BLOCK + 5, np.zeros(3 * BLOCK)
    bad, halves = zeros.copy(), np.full((3 * BLOCK, 2), 0.5)
    bad[place], halves[place] = 7, 0.3
    for loss, y, p in (
        (SigmoidCrossEntropy(), bad, zeros),
        (BinaryCrossEntropy(), zeros, bad),
        (SigmoidFocal(), bad, zeros),
        (CategoricalCrossEntropy(), zeros, halves),
        (CategoricalCrossEntropy(), halves, np.full_like(halves, 0.5)),
    ):
        with pytest.raises(ValueError, match=f"at sample {place}:"):
            loss(y, p)


def test_rows_of_integers_and_of_float16_are_distributions_too():
    rows = np.array([[0, 1, 0]])
    halves = np.float16([[0.1, 0.2, 0.7]])  # their sum is off by 1e-4
    assert CategoricalCrossEntropy()(rows.astype(np.uint8), halves) > 0
    assert CategoricalCrossEntropy()(halves, rows.astype(float) / 2 + 1 / 6) > 0


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_nan_in_a_prediction_comes_out_as_nan(loss):
    y, p = batch(loss, np.random.default_rng(1))
    for place in np.ndindex(p.shape):
        broken = p.copy()
        broken[place] = np.nan
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value, gradient = loss.value_and_gradient(y, broken)
            each = loss.per_sample(y, broken)
        assert np.isnan(value) and np.isnan(gradient[place[0]]).any()
        assert np.flatnonzero(np.isnan(each)).tolist() == [place[0]]
        # The other samples know nothing of it.
        others = np.arange(len(p)) != place[0]
        np.testing.assert_array_equal(gradient[others], loss.gradient(y, p)[others])


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_no_warning_even_when_numpy_is_told_to_raise(loss):
    y, p = batch(loss, np.random.default_rng(2))
    if loss.symbol == "p":
        p = np.eye(p.shape[-1])[np.zeros(len(p), int)] if p.ndim == 2 else np.zeros_like(p)
    else:
        p = p * 1e200
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        loss.value_and_gradient(y, p)
        loss.per_sample(y, p)
        (lossbook.softmax([1e308, -1e308]), lossbook.sigmoid(-1e308), lossbook.xlogy(0.0, 0.0))


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_weights(loss):
    rng = np.random.default_rng(3)
    y, p = batch(loss, rng)
    w = rng.integers(0, 4, len(p)) / 2
    repeated = np.repeat(np.arange(len(p)), (2 * w).astype(int))
    value, gradient = loss.value_and_gradient(y, p, sample_weight=w)
    assert value == pytest.approx(loss(y[repeated], p[repeated]), rel=1e-14)
    summed = np.zeros_like(p)
    np.add.at(summed, repeated, loss.gradient(y[repeated], p[repeated]))
    np.testing.assert_allclose(gradient, summed, rtol=1e-13, atol=0)
    assert loss(y, p, sample_weight=w * 1e300) == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("loss", [c for c in SAMPLEWISE if np.isinf(c.domain[0])], ids=repr)
def test_weight_zero_removes_a_sample_whatever_its_loss(loss, bad):
    y, p = batch(loss, np.random.default_rng(4))
    w = np.ones(len(p))
    w[2] = 0
    p[2] = bad
    kept = w > 0
    value, gradient = loss.value_and_gradient(y, p, sample_weight=w)
    assert value == pytest.approx(loss(y[kept], p[kept]), rel=1e-14)
    assert not gradient[2].any()


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_dtypes(loss):
    rng = np.random.default_rng(5)
    y64, p64 = batch(loss, rng, dtype=np.float64)
    y32, p32 = batch(loss, rng, dtype=np.float32)
    whole = np.sign(y64) if loss.hard else np.ones_like(y64)
    labels = y64 if y64.dtype.kind == "i" else whole.astype(np.int64)
    for dtype in (np.int64, np.int8, np.uint8, bool):
        small = np.minimum(labels, 1).astype(dtype)
        if (small != np.minimum(labels, 1)).any():
            continue  # -1 has no unsigned form
        assert loss.gradient(small, p32).dtype == np.float32
        assert loss.per_sample(small, p32).dtype == np.float32
        assert loss.gradient(small, p64).dtype == np.float64
    assert loss.gradient(labels, p32.astype(">f4")).dtype == np.dtype("=f4")
    if isinstance(loss, Elementwise):
        assert loss.gradient(y32, p64).dtype == loss.gradient(y64, p32).dtype == np.float64
        assert loss.gradient(y32, p32.astype(np.float16)).dtype == np.float32
        assert loss.gradient([1, 1], [0, 1]).dtype == np.float64
    if loss.symbol == "z":
        assert loss.per_sample(labels, np.float16(p32)).dtype == np.float32


def test_integers_never_reach_the_arithmetic():
    loss = SquaredError()
    assert loss(np.uint8([0]), np.uint8([255])) == 65025
    assert loss(np.int8([-100]), np.int8([100])) == 40000
    assert loss([0.5], [0]) == 0.25
    assert loss(np.array([0.5]), np.array([0], np.uint64)) == 0.25
    assert loss(np.float16([0]), np.float16([300])) == 90000
    assert SoftmaxCrossEntropy()(np.uint8([2]), np.int8([[127, -128, 0]])) == 127


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_layouts_of_memory(loss):
    y, p = batch(loss, np.random.default_rng(6), 64)
    want = loss.value_and_gradient(y, p)
    spread = np.zeros((2 * len(p), *p.shape[1:]))
    spread[::2] = p
    frozen = p.copy()
    frozen.flags.writeable = False
    layouts = {
        "list": (y.tolist(), p.tolist()),
        "tuple": (tuple(y.tolist()), tuple(map(tuple, p)) if p.ndim == 2 else tuple(p)),
        "strided": (np.repeat(y, 2, axis=0)[::2], spread[::2]),
        "Fortran order": (y, np.asfortranarray(p)),
        "read-only": (y, frozen),
        "reversed": (y[::-1][::-1], p[::-1][::-1]),
        "big-endian": (y, p.astype(">f8")),
    }
    for name, (y_true, y_pred) in layouts.items():
        before = np.array(y_pred)
        value, gradient = loss.value_and_gradient(y_true, y_pred)
        assert value == want[0], name
        np.testing.assert_array_equal(gradient, want[1], err_msg=name)
        np.testing.assert_array_equal(before, y_pred, err_msg=f"{name}: the input was changed")


@pytest.mark.parametrize("loss", ELEMENTWISE, ids=repr)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (3, 1), (2, 3, 4)])
def test_elementwise_losses_take_any_shape(loss, shape):
    y, p = np.ones(shape), np.full(shape, 0.25)
    value, gradient = loss.value_and_gradient(y, p)
    assert type(value) is float and gradient.shape == loss.per_sample(y, p).shape == shape
    assert value == pytest.approx(loss(1.0, 0.25), rel=1e-15)
    weighted = loss.value_and_gradient(y, p, np.full(shape, 3.0))
    assert weighted[0] == pytest.approx(value, rel=1e-15) and weighted[1].shape == shape


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_blocks_do_not_show(loss):
    n = 2 * BLOCK + 17
    rng = np.random.default_rng(7)
    y, p = batch(loss, rng, n)
    w = rng.random(n)
    value, gradient = loss.value_and_gradient(y, p)
    each = loss.per_sample(y, p)
    assert value == pytest.approx(each.mean(), rel=1e-13) == loss(y, p)
    np.testing.assert_array_equal(gradient, loss.gradient(y, p))
    for rows in (slice(0, 5), slice(BLOCK - 3, BLOCK + 3), slice(n - 4, n)):
        np.testing.assert_array_equal(each[rows], loss.per_sample(y[rows], p[rows]))
        part = loss.gradient(y[rows], p[rows])
        np.testing.assert_allclose(gradient[rows] * n, part * len(part), rtol=1e-14, atol=0)
    assert loss(y, p, sample_weight=w) == pytest.approx(np.average(each, weights=w), rel=1e-13)


def test_one_row_may_be_longer_than_a_block():
    z = np.zeros((3, BLOCK + 1))
    assert SoftmaxCrossEntropy()([0, 1, BLOCK], z) == pytest.approx(np.log(BLOCK + 1), rel=1e-15)


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_a_loss_is_a_value(loss):
    assert loss == type(loss)() and hash(loss) == hash(type(loss)())
    assert dataclasses.replace(loss) == loss and repr(loss).endswith(")")
    with pytest.raises(dataclasses.FrozenInstanceError):
        loss.anything = 1


def test_float32_rows_are_allowed_their_rounding():
    p = np.float32([[0.1, 0.2, 0.7]])
    assert CategoricalCrossEntropy()([2], p) == pytest.approx(
        -np.log(np.float64(p[0, 2])), rel=1e-7
    )
    mixed = np.float32([[0.1, 0.2, 0.7]]), np.array([[0.1, 0.2, 0.7]])
    assert np.isfinite(CategoricalCrossEntropy()(*mixed))


@pytest.mark.parametrize("cls, value, message", [
    (Huber, 0.0, "positive finite"), (Huber, np.inf, "positive finite"), (PseudoHuber, -1, "positive finite"),
    (Huber, np.nan, "positive finite"), (Quantile, 0.0, "between 0 and 1"), (Quantile, 1.0, "between 0 and 1"),
    (Expectile, 1.5, "between 0 and 1"), (GeneralRobust, np.inf, "finite number or -inf"),
    (GeneralRobust, np.nan, "finite"),
    (SigmoidFocal, -1.0, "positive"), (SoftmaxFocal, -2, "positive"), (GeneralizedCrossEntropy, 1.1, "between 0 and 1"),
    (GeneralizedCrossEntropy, 0, "between 0 and 1"), (Tversky, 0, "positive"),
])  # fmt: skip
def test_parameters_out_of_range(cls, value, message):
    with pytest.raises(ValueError, match=f"is {value}: .*{message}"):
        cls(value)


@pytest.mark.parametrize("loss", lossbook.CATALOGUE, ids=repr)
def test_an_error_names_the_argument_that_is_wrong(loss):
    y, p = np.array([1, 1, 2]), np.ones((3, 2))
    if loss in SAMPLEWISE:
        y, p = batch(loss, np.random.default_rng(0), labels=False)
    for wrong, message in ((1j, "has dtype complex128"), (np.nan, "has dtype object")):
        kind = complex if wrong == 1j else object
        with pytest.raises(ValueError, match=f"^y_true {message}"):
            loss(y.astype(kind), p)
        with pytest.raises(ValueError, match=f"^y_pred {message}"):
            loss(y, p.astype(kind))


@pytest.mark.parametrize("loss", SAMPLEWISE, ids=repr)
def test_the_wider_floating_argument_decides_the_dtype(loss):
    y, p = batch(loss, np.random.default_rng(0), labels=False)
    narrow = (y.astype(np.float32), p), (y, p.astype(np.float32))
    if loss.indexed and loss.symbol == "p" and isinstance(loss, Rowwise):
        narrow = narrow[:1]  # rows that were rounded do not sum to 1 in 64 bits
    for arguments in narrow:
        assert loss.gradient(*arguments).dtype == np.float64
        assert loss.per_sample(*arguments).dtype == np.float64


ENDLESS = [loss for loss in (*ELEMENTWISE, *VARIANTS) if isinstance(loss, Residual)]


@pytest.mark.parametrize("loss", ENDLESS, ids=repr)
def test_an_infinite_residual_is_the_limit_of_a_large_one(loss):
    p = np.array([np.inf, -np.inf, 1e150, -1e150, 1.0])
    values, slopes = (loss.per_sample(np.zeros(5), p), 5 * loss.gradient(np.zeros(5), p))
    flat = isinstance(loss, GeneralRobust) and loss.alpha < 0
    np.testing.assert_allclose(values[:2], values[2:4] if flat else np.inf)
    steep = np.abs(slopes[2:4]) > 1e100
    limit = np.where(steep, np.sign(p[2:4]) * np.inf, slopes[2:4])
    np.testing.assert_allclose(slopes[:2], limit, atol=1e-100)
    assert values[4] == loss.per_sample([0.0], [1.0])[0]
    assert slopes[4] == pytest.approx(loss.gradient([0.0], [1.0])[0], rel=1e-15)


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), CategoricalCrossEntropy()], ids=repr)
def test_a_negative_zero_is_a_zero(loss):
    p = np.array([-0.0]) if isinstance(loss, Elementwise) else np.array([[-0.0, 1.0]])
    for y in (1 - np.abs(p), [0]) if p.ndim == 2 else (1 - np.abs(p),):
        value, slope = loss.value_and_gradient(y, p)
        assert value == np.inf and slope.ravel()[0] == -np.inf


def test_the_gradient_of_the_cosine_between_nearly_opposite_vectors():
    # The derivative has the length sin(angle) / |p|, across p; 1e-9 is the sine here.
    y, p = np.array([[1.0, 0.0]]), np.array([[-1.0, 1e-9]])
    value, slope = CosineDistance().value_and_gradient(y, p)
    assert value == 2.0
    np.testing.assert_allclose(slope, [[-1e-18, -1e-9]], rtol=1e-15)


def test_squared_logarithmic_error_over_the_whole_range():
    y, p = np.array([-1 + 2.0**-53, 1e308]), np.array([1e308, -1 + 2.0**-53])
    d = np.log(1e308) + 53 * np.log(2)
    np.testing.assert_allclose(SquaredLogarithmicError().per_sample(y, p), d * d, rtol=1e-15)
    slope = 2 * SquaredLogarithmicError().gradient(y, p)
    np.testing.assert_allclose(slope, [2 * d / 1e308, -2 * d * 2.0**53], rtol=1e-15)


PARAMETERS = [(loss, f.name) for loss in lossbook.CATALOGUE for f in dataclasses.fields(loss)]


@pytest.mark.parametrize("loss, name", PARAMETERS)
def test_a_bad_parameter_is_named(loss, name):
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match=f"^{name} is {value}: it must be"):
            dataclasses.replace(loss, **{name: value})


def test_smooth_labels():
    smooth = lossbook.smooth_labels(np.eye(4)[[0, 2]], 0.1)
    np.testing.assert_allclose(smooth.sum(axis=1), 1, rtol=1e-15)
    assert smooth[1, 2] == pytest.approx(0.925) and smooth[1, 0] == pytest.approx(0.025)
    assert lossbook.smooth_labels(np.eye(2, dtype=np.float32), 0.5).dtype == np.float32
    assert lossbook.smooth_labels(np.eye(2, dtype=int), 1.0).tolist() == [[0.5, 0.5]] * 2
    assert lossbook.smooth_labels(np.eye(2), 0.0).tolist() == [[1, 0], [0, 1]]
    for alpha in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="from 0 to 1"):
            lossbook.smooth_labels(np.eye(2), alpha)
    with pytest.raises(ValueError, match=r"np.eye\(k\)\[y\]"):
        lossbook.smooth_labels([0, 1], 0.1)
