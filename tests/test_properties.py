"""What must hold for any input: shapes, dtypes, weights and extremes drawn by hypothesis."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from samples import SAMPLEWISE, VARIANTS, batch

from lossbook import SoftmaxCrossEntropy, log_softmax, sigmoid, softmax, softplus
from lossbook.base import Elementwise, Rowwise

LOSSES = [*SAMPLEWISE, *VARIANTS]
QUICK = settings(max_examples=40, deadline=None)  # a busy machine is slow, not wrong
FLOATS = {
    np.float32: st.floats(width=32, allow_nan=True, allow_infinity=True),
    np.float64: st.floats(allow_nan=True, allow_infinity=True),
}
DTYPES = st.sampled_from(list(FLOATS))


@st.composite
def logits(draw, allow_nan=True):
    dtype = draw(DTYPES)
    shape = draw(st.tuples(st.integers(1, 5), st.integers(2, 6)))
    z = draw(hnp.arrays(dtype, shape, elements=FLOATS[dtype]))
    return z if allow_nan else np.nan_to_num(z)


@QUICK
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 9), dtype=DTYPES)
def test_the_mean_is_the_mean_and_order_does_not_matter(loss, seed, n, dtype):
    rng = np.random.default_rng(seed)
    y, p = batch(loss, rng, n, dtype)
    value, gradient = loss.value_and_gradient(y, p)
    tolerance = 1e-6 if dtype == np.float32 else 1e-13
    assert value == pytest.approx(
        float(np.mean(loss.per_sample(y, p), dtype=float)), rel=tolerance, abs=1e-12
    )
    assert gradient.dtype == dtype and gradient.shape == p.shape
    order = rng.permutation(n)
    assert loss(y[order], p[order]) == pytest.approx(value, rel=tolerance, abs=1e-12)
    np.testing.assert_allclose(
        loss.gradient(y[order], p[order]), gradient[order], rtol=1e-6, atol=1e-15
    )


@QUICK
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@given(
    seed=st.integers(0, 2**32 - 1), weights=st.lists(st.floats(0, 1e300), min_size=2, max_size=8)
)
def test_any_weights_give_a_mean_between_the_extremes(loss, seed, weights):
    w = np.array([*weights, 1.0])
    y, p = batch(loss, np.random.default_rng(seed), len(w))
    each = loss.per_sample(y, p)[w > 0]
    value = loss(y, p, sample_weight=w)
    room = 1e-12 * np.abs(each).max()
    assert each.min() - room <= value <= each.max() + room


@QUICK
@pytest.mark.parametrize(
    "loss", [c for c in LOSSES if isinstance(c, Elementwise) and not c.prediction.bounded], ids=repr
)
@given(data=st.data(), dtype=DTYPES)
def test_a_sample_does_not_know_its_company(loss, data, dtype):
    n = data.draw(st.integers(1, 6))
    p = data.draw(hnp.arrays(dtype, n, elements=FLOATS[dtype]))
    y, _ = batch(loss, np.random.default_rng(n), n, dtype)
    together = loss.per_sample(y, p)
    np.testing.assert_array_equal(together, [loss.per_sample(a, b) for a, b in zip(y, p)])
    finite = np.isfinite(p)
    assert not np.isnan(together[finite]).any(), "NaN appears from numbers"
    assert np.isnan(together[np.isnan(p)]).all(), "NaN is lost"


@QUICK
@given(z=logits(allow_nan=False), seed=st.integers(0, 99))
def test_softmax_cross_entropy_for_any_finite_logits(z, seed):
    loss, y = (SoftmaxCrossEntropy(), np.random.default_rng(seed).integers(0, z.shape[1], len(z)))
    each, gradient = loss.per_sample(y, z), len(z) * loss.gradient(y, z)
    assert (each >= 0).all() and not np.isnan(gradient).any()
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-6)
    assert (np.abs(gradient).max(axis=1) <= 1).all()
    one_hot = np.eye(z.shape[1], dtype=z.dtype)[y]
    np.testing.assert_array_equal(loss.per_sample(one_hot, z), each)


@QUICK
@given(z=logits())
def test_elementary_functions_for_any_input(z):
    s, plus, p, log_p = sigmoid(z), softplus(z), softmax(z), log_softmax(z)
    assert ((s >= 0) & (s <= 1) | np.isnan(z)).all() and (np.isnan(s) == np.isnan(z)).all()
    assert ((plus >= 0) & (plus >= z) | np.isnan(z)).all()
    right = ~(np.isnan(z).any(axis=1) | (z == np.inf).any(axis=1) | (z == -np.inf).all(axis=1))
    np.testing.assert_allclose(p[right].sum(axis=1), 1, rtol=1e-5)
    assert (log_p[right] <= 0).all()
    assert np.isnan(p[np.isnan(z).any(axis=1)]).all()
    assert {a.dtype for a in (s, plus, p, log_p)} == {z.dtype}


@QUICK
@pytest.mark.parametrize(
    "loss", [c for c in LOSSES if isinstance(c, Rowwise) and c.prediction.symbol == "z"], ids=repr
)
@given(seed=st.integers(0, 2**32 - 1), shift=st.integers(-1000, 1000))
def test_a_shift_of_all_logits_changes_nothing(loss, seed, shift):
    y, z = batch(loss, np.random.default_rng(seed))
    z = np.round(z * 1024) / 1024  # the shift is exact
    np.testing.assert_array_equal(loss.per_sample(y, z), loss.per_sample(y, z + shift))
    np.testing.assert_array_equal(loss.gradient(y, z), loss.gradient(y, z + shift))
