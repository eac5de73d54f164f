"""What all losses promise of any input; what they refuse is in test_messages.py."""

import dataclasses
import io
import warnings

import numpy as np
import pytest
from samples import (
    BATCHWISE,
    BATCHWISE_VARIANTS,
    SAMPLEWISE,
    VARIANTS,
    at_the_ends,
    batch,
    extreme_samples,
)

import lossbook
from lossbook import (
    CATALOGUE,
    CTC,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    CosineDistance,
    GeneralRobust,
    InfoNCE,
    SigmoidCrossEntropy,
    SigmoidFocal,
    SoftmaxCrossEntropy,
    SquaredError,
    SquaredLogarithmicError,
)
from lossbook.base import BLOCK as BYTES
from lossbook.base import Elementwise, Rowwise
from lossbook.checks import TRUTH
from lossbook.embedding import Embedding
from lossbook.residual import Residual

BLOCK = BYTES // 4  # float32 numbers in a block, of which float64 fills two
ALL = (*SAMPLEWISE, *VARIANTS, *BATCHWISE, *BATCHWISE_VARIANTS)
ELEMENTWISE = [loss for loss in SAMPLEWISE if isinstance(loss, Elementwise)]
ROWWISE = [loss for loss in SAMPLEWISE if isinstance(loss, Rowwise)]
# Losses of rows of probabilities, which must sum to 1.
SUMMED = [loss for loss in ALL if isinstance(loss, Rowwise) and loss.prediction.high == 1]
# Losses each of whose samples has a number of its own.
OWN = [loss for loss in ALL if not isinstance(loss, Embedding)]
CURVED = [loss for loss in OWN if loss._hessian]
by_repr = {"ids": repr}


def rng(seed):
    return np.random.default_rng(seed)


def results(loss, *arguments):
    """Return the gradient, and the second derivatives where there are any."""
    hessian = [loss.hessian(*arguments)] if loss in CURVED else []
    return [loss.gradient(*arguments), *hessian]


def forms(loss, *arguments, **options):
    """Yield a batch, of losses of rows one with class numbers and one with distributions."""
    for labels in (True, False) if isinstance(loss, Rowwise) else (True,):
        yield batch(loss, *arguments, labels=labels, **options)


# -- absent samples ----------------------------------------------------------------------


@pytest.mark.parametrize("loss", ALL, **by_repr)
def test_a_sample_of_weight_zero_may_hold_anything(loss):
    w = rng(0).random(7) + 0.1
    w[[0, 4]] = 0
    for y, p in forms(loss, rng(1)):
        for bad in (np.nan, np.inf, -np.inf, -100, 0.5, 0.0):
            targets, predictions = y.astype(float), p.copy()
            targets[[0, 4]] = predictions[[0, 4]] = bad
            changes_nothing(loss, targets, p, w)
            changes_nothing(loss, y, predictions, w)
            changes_nothing(loss, targets, predictions, w)
        targets = y.copy()
        targets[[0, 4]] = -100
        changes_nothing(loss, targets, p, w)


def changes_nothing(loss, y, p, w):
    kept = w > 0
    others = y[kept], p[kept], w[kept]
    value, gradient = loss.value_and_gradient(y, p, w)
    assert value == loss(y, p, w) == pytest.approx(loss(*others), rel=1e-15)
    np.testing.assert_array_equal(gradient, loss.gradient(y, p, w))
    for got, right in zip(results(loss, y, p, w), results(loss, *others)):
        assert got.shape == p.shape and not got[~kept].any()
        np.testing.assert_allclose(got[kept], right, rtol=1e-15)


@pytest.mark.parametrize("loss", CATALOGUE, **by_repr)
def test_the_place_of_a_bad_value_counts_absent_samples(loss):
    w = np.array([0, 1, 0, 1, 1, 1, 1])
    for y, p in forms(loss, rng(2)):
        targets = y.astype(float)
        targets[5] = np.nan
        cases = [(targets, p, "y_true is nan")]
        wrong = p.copy()
        if loss.prediction.bounded:
            wrong[5] = -3.0
            cases.append((y, wrong, "y_pred is -3"))
        if isinstance(loss, CosineDistance | InfoNCE):
            wrong[5] = 0.0
            cases.append((y, wrong, "y_pred is (0|the zero vector)"))
        for *arguments, message in cases:
            with pytest.raises(ValueError, match=f"{message} at sample 5"):
                loss(*arguments, w)


def test_the_place_of_a_bad_value_counts_from_the_first_sample():
    place, zeros = 2 * BLOCK + 5, np.zeros(3 * BLOCK)
    bad, halves, w = zeros.copy(), np.full((3 * BLOCK, 2), 0.5), np.ones(3 * BLOCK)
    bad[place], halves[place], w[: BLOCK + 7] = 7, 0.3, 0
    for loss, y, p in (
        (SigmoidCrossEntropy(), bad, zeros),
        (BinaryCrossEntropy(), zeros, bad),
        (SigmoidFocal(), bad, zeros),
        (CategoricalCrossEntropy(), zeros, halves),
        (CategoricalCrossEntropy(), halves, np.full_like(halves, 0.5)),
    ):
        for weight in (None, w):
            with pytest.raises(ValueError, match=f"at sample {place}:"):
                loss(y, p, weight)


# -- NaN and infinity --------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("loss", CATALOGUE, **by_repr)
def test_a_target_is_finite(loss, bad):
    fix = "Leave such samples out, or give them the weight 0."
    for dtype in (np.float32, np.float64):
        for y, p in forms(loss, rng(3), dtype=dtype):
            place = (5, *[1] * (y.ndim - 1))
            y = y.astype(dtype)
            y[place] = bad
            column = ", column 1" if y.ndim > 1 else ""
            message = rf"^y_true is {bad} at sample 5{column}: it must be [^.]*\. {fix}$"
            for method in (loss, loss.gradient, loss.value_and_gradient, loss.per_sample):
                with pytest.raises(ValueError, match=message):
                    method(y, p)
            if loss in CURVED:
                with pytest.raises(ValueError, match=message):
                    loss.hessian(y, p)


@pytest.mark.parametrize("loss", OWN, **by_repr)
def test_nan_in_a_prediction_comes_out_as_nan_of_its_sample(loss):
    for y, p in forms(loss, rng(4)):
        slopes = results(loss, y, p)
        for place in np.ndindex(p[:3].shape):
            broken, others = p.copy(), np.arange(len(p)) != place[0]
            broken[place] = np.nan
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                value, each = loss(y, broken), loss.per_sample(y, broken)
                got = results(loss, y, broken)
            assert np.isnan(value)
            assert np.flatnonzero(np.isnan(each)).tolist() == [place[0]]
            assert np.isnan(got[0][place[0]]).any()
            assert np.isnan(got[0][place[0]]).all() or loss != CTC()
            # The other samples know nothing of it.
            for slope, right in zip(got, slopes):
                np.testing.assert_array_equal(slope[others], right[others])


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
@pytest.mark.parametrize("loss", [c for c in ALL if c.prediction.high == np.inf], **by_repr)
def test_an_infinite_prediction_is_no_error(loss, bad):
    for y, p in forms(loss, rng(5)):
        broken, others = p.copy(), np.arange(len(p)) != 2
        broken[2] = np.abs(bad) if loss.prediction.bounded else bad
        value, gradient = loss.value_and_gradient(y, broken)
        assert type(value) is float and gradient.shape == p.shape
        if loss in OWN:
            np.testing.assert_array_equal(gradient[others], loss.gradient(y, p)[others])


@pytest.mark.parametrize("loss", ALL, **by_repr)
def test_no_warning_even_when_numpy_is_told_to_raise(loss):
    for y, p in forms(loss, rng(6)):
        cases = [p] + [np.eye(p.shape[-1])[np.zeros(len(p), int)]] * (loss in SUMMED)
        if loss.prediction.high == 1 and loss not in SUMMED:
            cases += [np.zeros_like(p), np.ones_like(p)]
        elif loss not in SUMMED:
            zero = [0.0] * (not isinstance(loss, CosineDistance | InfoNCE))
            cases += [p * scale for scale in (1e-200, 1e200, *zero)]
        for bad in (np.nan, np.inf, -np.inf):
            if not loss.prediction.outside(np.float64(bad)):
                broken = p.copy()
                broken[1] = bad
                cases.append(broken)
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            for case in cases:
                loss.value_and_gradient(y, case)
                loss.per_sample(y, case)
                results(loss, y, case)
            lossbook.softmax([1e308, -1e308]), lossbook.sigmoid(-1e308), lossbook.xlogy(0.0, 0.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", (*SAMPLEWISE, *VARIANTS), **by_repr)
def test_a_sample_at_the_edge_does_not_know_a_nan_beside_it(loss, dtype):
    y, p = zip(*extreme_samples(loss, dtype), *at_the_ends(loss, dtype))
    beside = [(np.array([*y, y[0]]), np.array([*p, q])) for q in (p[0], p[0] + np.nan)]
    values = [loss.per_sample(*arrays) for arrays in beside]
    for right, got in (values, *zip(*(results(loss, *arrays) for arrays in beside))):
        np.testing.assert_array_equal(got[:-1], right[:-1])


# -- rows that sum to 1 ------------------------------------------------------------------


def kept(rows):
    """Yield float32 numbers in the forms in which they are kept."""
    yield rows
    yield rows.astype(np.float64)
    yield rows.tolist()
    lines = "\n".join(",".join(str(p) for p in row) for row in rows)
    yield np.loadtxt(io.StringIO(lines), delimiter=",", ndmin=2)


@pytest.mark.parametrize("k", [3, 10, 1000])
@pytest.mark.parametrize("loss", ROWWISE, **by_repr)
def test_rows_of_float32_numbers_sum_to_1_however_they_are_kept(loss, k):
    z = rng(7).normal(0, 3, (50, k)).astype(np.float32)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    rows = e / e.sum(axis=1, keepdims=True)
    assert not (rows.astype(float).sum(axis=1) == 1).all()
    y = rng(8).integers(0, k, 50)
    predictions = rows if loss in SUMMED else z
    for form in kept(predictions):
        assert loss(y, form) == pytest.approx(loss(y, predictions.astype(float)), rel=1e-6)
    for form in kept(rows) if loss.target == TRUTH else ():
        want = loss(rows.astype(float), predictions.astype(float))
        assert loss(form, predictions) == pytest.approx(want, rel=2e-6, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("row", [[0.3333] * 3, [0.5001] * 2])
@pytest.mark.parametrize("loss", ROWWISE, **by_repr)
def test_rows_that_differ_by_more_are_refused_in_any_dtype(loss, row, dtype):
    rows, even = np.array([row], dtype), np.full((1, len(row)), 1 / len(row), dtype)
    for y, p, name in ((rows, even, "y_true"), ([0], rows, "y_pred"), (even, rows, "y_pred")):
        if name == "y_pred" and loss not in SUMMED:
            continue
        with pytest.raises(ValueError, match=f"row sum of {name} is (0.9999|0.99989|1.0002)"):
            loss(y, p)


def test_rows_of_integers_and_of_float16_are_distributions_too():
    rows = np.array([[0, 1, 0]])
    halves = np.float16([[0.1, 0.2, 0.7]])  # their sum is off by 1e-4
    assert CategoricalCrossEntropy()(rows.astype(np.uint8), halves) > 0
    assert CategoricalCrossEntropy()(halves, rows.astype(float) / 2 + 1 / 6) > 0


def test_rows_are_not_renormalised():
    p = np.float32([[0.1, 0.2, 0.7]])
    value = -np.log(np.float64(p[0, 2]))
    assert CategoricalCrossEntropy()([2], p) == pytest.approx(value, rel=1e-7)
    assert CategoricalCrossEntropy()([2], p.astype(float)) == pytest.approx(value, rel=1e-15)


# -- weights -----------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ALL, **by_repr)
def test_equal_weights_are_no_weights(loss):
    y, p = batch(loss, rng(9))
    for weight in (1, 0.3, 1e308, 5e-324):
        w = np.full(len(p), weight)
        assert loss(y, p, w) == pytest.approx(loss(y, p), rel=1e-15)
        for got, right in zip(results(loss, y, p, w), results(loss, y, p)):
            np.testing.assert_allclose(got, right, rtol=1e-14)


@pytest.mark.parametrize("loss", ALL, **by_repr)
def test_only_ratios_of_weights_matter(loss):
    y, p = batch(loss, rng(10))
    w = rng(11).random(len(p))
    for scale in (3.0, 1e200, 1e-200):
        assert loss(y, p, w * scale) == pytest.approx(loss(y, p, w), rel=1e-13)
        for got, right in zip(results(loss, y, p, w * scale), results(loss, y, p, w)):
            np.testing.assert_allclose(got, right, rtol=1e-11)


@pytest.mark.parametrize("loss", CATALOGUE, **by_repr)
def test_a_small_weight_nearly_removes_a_sample(loss):
    y, p = batch(loss, rng(12))
    w, others = np.ones(len(p)), np.arange(len(p)) != 2
    w[2] = 1e-13
    assert loss(y, p, w) == pytest.approx(loss(y[others], p[others]), rel=1e-10)
    gradient = loss.gradient(y, p, w)[others]
    np.testing.assert_allclose(gradient, loss.gradient(y[others], p[others]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", OWN, **by_repr)
def test_weights_are_those_of_a_mean(loss):
    for y, p in forms(loss, rng(13)):
        w = rng(14).integers(0, 4, len(p)) / 2
        repeated = np.repeat(np.arange(len(p)), (2 * w).astype(int))
        others = y[repeated], p[repeated]
        assert loss(y, p, w) == pytest.approx(loss(*others), rel=1e-14)
        for got, each in zip(results(loss, y, p, w), results(loss, *others)):
            summed = np.zeros_like(p)
            np.add.at(summed, repeated, each)
            np.testing.assert_allclose(got, summed, rtol=1e-13, atol=0)
        w = rng(15).random(len(p))
        want = np.average(loss.per_sample(y, p), weights=w)
        assert loss(y, p, w) == pytest.approx(want, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", ALL, **by_repr)
def test_the_loss_is_the_mean_of_its_numbers(loss, dtype):
    for y, p in forms(loss, rng(16), 12, dtype=dtype):
        value, gradient = loss.value_and_gradient(y, p)
        want = loss.per_sample(y, p).astype(np.float64).mean()
        assert value == pytest.approx(want, rel=1e-14 if dtype == np.float64 else 1e-6)
        assert value == loss(y, p) and type(value) is float
        np.testing.assert_array_equal(gradient, loss.gradient(y, p))


@pytest.mark.parametrize("loss", ALL, **by_repr)
def test_the_order_of_samples_does_not_matter(loss):
    y, p = batch(loss, rng(17), 12)
    w, order = rng(18).random(12), rng(19).permutation(12)
    again = y[order], p[order], w[order]
    assert loss(*again) == pytest.approx(loss(y, p, w), rel=1e-13)
    for got, right in zip(results(loss, *again), results(loss, y, p, w)):
        np.testing.assert_allclose(got, right[order], rtol=1e-9, atol=1e-15)


# -- dtypes and layouts ------------------------------------------------------------------


def dtypes(loss, *arguments):
    arrays = loss.per_sample(*arguments), *results(loss, *arguments)
    (dtype,) = {array.dtype for array in arrays}
    return dtype


@pytest.mark.parametrize("loss", CATALOGUE, **by_repr)
def test_floating_arguments_decide_the_dtype(loss):
    for y, p in forms(loss, rng(20), dtype=np.float32):
        if loss not in SUMMED:
            p = np.round(p * 64) / 64  # exact in float16 too
        for kind in (np.float32, np.float64, np.longdouble, np.float16, ">f4", ">f8"):
            other = p.astype(kind)
            result = np.result_type(np.float32, other.dtype.newbyteorder("="))
            assert dtypes(loss, y, other) == result
            if kind != np.float16 or loss not in SUMMED:
                narrow = result == np.float32
                same = y.astype(np.float64), other.astype(np.float64)
                rel = 1e-6 if narrow and not loss.widened else 1e-14
                assert loss(y, other) == pytest.approx(loss(*same), rel=rel)
                pairs = zip(results(loss, y, other), results(loss, *same))
                for got, right in pairs:
                    rtol = 1e-6 if narrow else 1e-14
                    np.testing.assert_allclose(got, right, rtol=rtol, atol=1e-12)
        assert dtypes(loss, y, p.tolist()) == np.float64
        # Numbers of classes have no precision.
        classes = isinstance(loss, Embedding | CTC) or (isinstance(loss, Rowwise) and y.ndim == 1)
        assert dtypes(loss, y.astype(np.float64), p) == (np.float32 if classes else np.float64)


@pytest.mark.parametrize("loss", CATALOGUE, **by_repr)
def test_whole_numbers_may_be_of_any_kind(loss):
    for y, p in forms(loss, rng(21)):
        one_hot = np.eye(4)[np.argmax(p, axis=1)] if loss in ROWWISE else None
        y = one_hot if loss in ROWWISE and y.ndim == 2 else np.trunc(y)
        if loss.target.nonzero or loss == CosineDistance():
            y = np.where(y == 0, 1, y)
        whole = one_hot if loss in SUMMED else np.round(p if loss.prediction.bounded else 8 * p)
        for kind in (np.int64, np.int8, np.uint8, np.uint64, ">i2", bool):
            # -1 has no unsigned form, and 2 is no bool.
            for right in ((y, p), (y, whole)):
                k = 1 if right[1] is whole else 0
                array = right[k].astype(kind)
                if not np.array_equal(array, right[k]):
                    continue
                arguments = (y, array) if k else (array, p)
                assert dtypes(loss, *arguments) == np.float64
                assert loss(*arguments) == loss(*right), kind
                for got, want in zip(results(loss, *arguments), results(loss, *right)):
                    np.testing.assert_array_equal(got, want, str(kind))
                if not k:
                    assert dtypes(loss, array, p.astype(np.float32)) == np.float32


def test_integers_never_reach_the_arithmetic():
    loss = SquaredError()
    assert loss(np.uint8([0]), np.uint8([255])) == 65025
    assert loss(np.int8([-100]), np.int8([100])) == 40000
    assert loss([0.5], [0]) == 0.25
    assert loss(np.array([0.5]), np.array([0], np.uint64)) == 0.25
    assert loss(np.float16([0]), np.float16([300])) == 90000
    assert SoftmaxCrossEntropy()(np.uint8([2]), np.int8([[127, -128, 0]])) == 127


@pytest.mark.parametrize("loss", CATALOGUE, **by_repr)
def test_layouts_of_memory(loss):
    for y, p in forms(loss, rng(22), 16):
        want = [loss(y, p), *results(loss, y, p)]
        for name, y_true, y_pred in layouts(y, p):
            before = np.array(y_true), np.array(y_pred)
            got = [loss(y_true, y_pred), *results(loss, y_true, y_pred)]
            for one, other in zip(got, want):
                rtol = 0 if loss in OWN else 1e-13
                np.testing.assert_allclose(one, other, rtol, err_msg=name)
            for array, after in zip(before, (y_true, y_pred)):
                np.testing.assert_array_equal(array, after, f"{name}: the input was changed")


def layouts(y, p):
    yield "list", y.tolist(), p.tolist()
    yield "tuple", tuple(y.tolist()), tuple(map(tuple, p)) if p.ndim > 1 else tuple(p)
    spread = np.zeros((2 * len(p), *p.shape[1:]))
    spread[::2] = p
    yield "strided", np.repeat(y, 2, axis=0)[::2], spread[::2]
    yield "Fortran order", np.asfortranarray(y), np.asfortranarray(p)
    frozen = y.copy(), p.copy()
    for array in frozen:
        array.flags.writeable = False
    yield "read-only", *frozen
    yield "reversed", y[::-1].copy()[::-1], p[::-1].copy()[::-1]
    yield "big-endian", y.astype(y.dtype.newbyteorder(">")), p.astype(">f8")
    yield "floats", y.astype(float), p


@pytest.mark.parametrize("loss", ELEMENTWISE, **by_repr)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (3, 1), (2, 3, 4)])
def test_elementwise_losses_take_any_shape(loss, shape):
    y, p = np.ones(shape), np.full(shape, 0.25)
    value, gradient = loss.value_and_gradient(y, p)
    assert type(value) is float and loss.per_sample(y, p).shape == shape
    assert {slope.shape for slope in (gradient, *results(loss, y, p))} == {shape}
    assert value == pytest.approx(loss(1.0, 0.25), rel=1e-15)
    weighted = loss.value_and_gradient(y, p, np.full(shape, 3.0))
    assert weighted[0] == pytest.approx(value, rel=1e-15) and weighted[1].shape == shape


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", SAMPLEWISE, **by_repr)
def test_blocks_do_not_show(loss, dtype):
    n, narrow = 2 * BLOCK + 17, dtype == np.float32
    y, p = batch(loss, rng(23), n, dtype)
    value, gradient = loss.value_and_gradient(y, p)
    each = loss.per_sample(y, p)
    mean = each.mean(dtype=np.float64)
    assert value == pytest.approx(mean, rel=1e-6 if narrow else 1e-13)
    assert value == loss(y, p)
    np.testing.assert_array_equal(gradient, loss.gradient(y, p))
    for rows in (slice(0, 5), slice(BLOCK - 3, BLOCK + 3), slice(n - 4, n)):
        alone = loss.per_sample(y[rows], p[rows])
        np.testing.assert_allclose(each[rows], alone, rtol=3e-7 if narrow else 0)
        part = loss.gradient(y[rows], p[rows])
        tolerance = 6e-7 if narrow else 1e-14
        np.testing.assert_allclose(gradient[rows] * n, part * len(part), rtol=tolerance, atol=0)
    w = rng(24).random(n)
    w[: BLOCK + 5] = 0
    want = np.average(each.astype(np.float64), weights=w)
    assert loss(y, p, w) == pytest.approx(want, rel=1e-6 if narrow else 1e-13)


def test_one_row_may_be_longer_than_a_block():
    z = np.zeros((3, BLOCK + 1))
    assert SoftmaxCrossEntropy()([0, 1, BLOCK], z) == pytest.approx(np.log(BLOCK + 1), rel=1e-15)


@pytest.mark.parametrize("loss", CATALOGUE, **by_repr)
def test_a_loss_is_a_value(loss):
    assert loss == type(loss)() and hash(loss) == hash(type(loss)())
    assert dataclasses.replace(loss) == loss and eval(repr(loss), vars(lossbook)) == loss
    with pytest.raises(dataclasses.FrozenInstanceError):
        loss.anything = 1


# -- second derivatives ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", CURVED, **by_repr)
def test_the_hessian_is_the_diagonal_of_the_weighted_mean(loss, dtype):
    for y, p in forms(loss, rng(25), dtype=dtype):
        for w in (None, rng(26).random(len(p))):
            curve = loss.hessian(y, p, w)
            assert curve.dtype == dtype and curve.shape == p.shape
            slope = differenced(loss, y, p.astype(np.float64), w)
            np.testing.assert_allclose(curve, slope, rtol=1e-5, atol=1e-6)


def differenced(loss, y, p, w):
    """Return the derivative of each entry of the gradient by its own prediction."""
    result, h = np.empty_like(p), 2.0**-18  # a row of probabilities still sums to 1
    columns = [(slice(None), j) for j in range(p.shape[1])] if p.ndim > 1 else [slice(None)]
    for column in columns:
        step = np.zeros_like(p)
        step[column] = h
        difference = loss.gradient(y, p + step, w) - loss.gradient(y, p - step, w)
        result[column] = difference[column] / (2 * h)
    return result


@pytest.mark.parametrize("loss", [loss for loss in ALL if loss not in CURVED], **by_repr)
def test_a_loss_without_second_derivatives_says_so(loss):
    with pytest.raises(NotImplementedError, match=f"^{type(loss).__name__} .* Difference its grad"):
        loss.hessian(*batch(loss, rng(27)))


# -- the edges of the domain -------------------------------------------------------------

ENDLESS = [loss for loss in (*ELEMENTWISE, *VARIANTS) if isinstance(loss, Residual)]


@pytest.mark.parametrize("loss", ENDLESS, **by_repr)
def test_an_infinite_residual_is_the_limit_of_a_large_one(loss):
    y, p = np.ones(5), np.array([np.inf, -np.inf, 1e150, -1e150, 2.0])
    values, slopes = loss.per_sample(y, p), 5 * loss.gradient(y, p)
    flat = isinstance(loss, GeneralRobust) and loss.alpha < 0
    np.testing.assert_allclose(values[:2], values[2:4] if flat else np.inf)
    steep = np.abs(slopes[2:4]) > 1e100
    limit = np.where(steep, np.sign(p[2:4]) * np.inf, slopes[2:4])
    np.testing.assert_allclose(slopes[:2], limit, atol=1e-100)
    assert values[4] == loss.per_sample([1.0], [2.0])[0]
    assert slopes[4] == pytest.approx(loss.gradient([1.0], [2.0])[0], rel=1e-15)


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), CategoricalCrossEntropy()], **by_repr)
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


def test_smooth_labels():
    smooth = lossbook.smooth_labels(np.eye(4)[[0, 2]], 0.1)
    np.testing.assert_allclose(smooth.sum(axis=1), 1, rtol=1e-15)
    assert smooth[1, 2] == pytest.approx(0.925) and smooth[1, 0] == pytest.approx(0.025)
    assert lossbook.smooth_labels(np.eye(2, dtype=np.float32), 0.5).dtype == np.float32
    assert lossbook.smooth_labels(np.eye(2, dtype=int), 1.0).tolist() == [[0.5, 0.5]] * 2
    assert lossbook.smooth_labels(np.eye(2), 0.0).tolist() == [[1, 0], [0, 1]]
