"""Keras beside lossbook: where it agrees, and where it is wrong, so that an upgrade is noticed."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before the import, which logs

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from samples import batch  # noqa: E402

from lossbook import (  # noqa: E402
    AbsoluteError,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    SquaredError,
)

PAIRS = [
    (SquaredError(), keras.losses.MeanSquaredError()),
    (AbsoluteError(), keras.losses.MeanAbsoluteError()),
    (BinaryCrossEntropy(), keras.losses.BinaryCrossentropy()),
    (CategoricalCrossEntropy(), keras.losses.SparseCategoricalCrossentropy()),
    (SigmoidCrossEntropy(), keras.losses.BinaryCrossentropy(from_logits=True)),
    (
        SoftmaxCrossEntropy(),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ),
]


def value_and_gradient(loss, y_true, y_pred):
    """Return the value and the gradient that TensorFlow computes in float32."""
    with tf.GradientTape() as tape:
        p = tf.Variable(y_pred, dtype=tf.float32)
        value = loss(np.asarray(y_true), p)
    return float(value), tape.gradient(value, p).numpy()


@pytest.mark.parametrize(
    "ours, theirs", PAIRS, ids=[repr(ours) for ours, _ in PAIRS]
)
def test_agrees_where_keras_is_right(ours, theirs):
    y, p = batch(ours, np.random.default_rng(0), 32, np.float32)
    value, gradient = value_and_gradient(theirs, y, p)
    mine, my_gradient = ours.value_and_gradient(y, p)
    assert mine == pytest.approx(value, rel=2e-6)
    # Keras divides each row by its sum, which takes the gradient into the plane of the rows.
    if isinstance(ours, CategoricalCrossEntropy):
        my_gradient = my_gradient - (my_gradient * p).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(my_gradient, gradient, rtol=2e-5, atol=1e-7)


# what, our loss, Keras's loss, y_true, y_pred, the true value, the value Keras returns
WRONG = [
    (
        "a probability of 0 for the truth",
        BinaryCrossEntropy(),
        PAIRS[2][1],
        [1.0],
        [0.0],
        np.inf,
        16.1181,
    ),
    (
        "a probability of 1 against the truth",
        BinaryCrossEntropy(),
        PAIRS[2][1],
        [0.0],
        [1.0],
        np.inf,
        15.9424,
    ),
    (
        "a perfect prediction",
        BinaryCrossEntropy(),
        PAIRS[2][1],
        [1.0],
        [1.0],
        0.0,
        1.1921e-7,
    ),
    (
        "a small probability",
        BinaryCrossEntropy(),
        PAIRS[2][1],
        [1.0],
        [1e-8],
        18.4207,
        16.1181,
    ),
    (
        "classes: a probability of 0",
        CategoricalCrossEntropy(),
        PAIRS[3][1],
        [0],
        [[0.0, 1.0]],
        np.inf,
        16.1181,
    ),
    (
        "a small loss of logits",
        SoftmaxCrossEntropy(),
        PAIRS[5][1],
        [0],
        [[20.0, 0.0, 0.0]],
        4.1223e-9,
        0.0,
    ),
    (
        "an infinite logit",
        SigmoidCrossEntropy(),
        PAIRS[4][1],
        [1.0],
        [np.inf],
        0.0,
        np.nan,
    ),
]


@pytest.mark.parametrize(
    "what, ours, theirs, y, p, true, wrong", WRONG, ids=[row[0] for row in WRONG]
)
def test_differs_where_keras_is_wrong(what, ours, theirs, y, p, true, wrong):
    p = np.float32(p)
    assert ours(y, p) == pytest.approx(true, rel=1e-4)
    value, _ = value_and_gradient(theirs, y, p)
    assert value == pytest.approx(wrong, rel=1e-4, nan_ok=True), (
        f"Keras {keras.__version__} has changed: {what}"
    )


def test_keras_gives_no_gradient_where_it_clips():
    _, gradient = value_and_gradient(PAIRS[2][1], [1.0], [1e-8])
    assert gradient[0] == 0.0, f"Keras {keras.__version__} has changed"
    assert BinaryCrossEntropy().gradient([1.0], [1e-8])[0] == pytest.approx(-1e8)


def test_keras_renormalises_rows_that_do_not_sum_to_one():
    one_hot = keras.losses.CategoricalCrossentropy()
    assert float(one_hot([[1.0, 0.0, 0.0]], [[0.2, 0.2, 0.2]])) == pytest.approx(
        np.log(3), rel=1e-6
    )
    with pytest.raises(ValueError, match="row sum"):
        CategoricalCrossEntropy()([[1.0, 0.0, 0.0]], [[0.2, 0.2, 0.2]])
