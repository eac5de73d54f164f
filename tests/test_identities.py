"""Losses that are special cases, multiples or limits of one another."""

import numpy as np
import pytest

from lossbook import (
    AbsoluteError,
    BinaryCrossEntropy,
    Brier,
    CategoricalCrossEntropy,
    Dice,
    Expectile,
    GeneralizedCrossEntropy,
    GeneralRobust,
    Huber,
    KLDivergence,
    LogCosh,
    MulticlassHinge,
    PseudoHuber,
    Quantile,
    SigmoidCrossEntropy,
    SigmoidFocal,
    SoftmaxCrossEntropy,
    SoftmaxFocal,
    SquaredError,
    Tversky,
    log_softmax,
    softmax,
)

RNG = np.random.default_rng(0)
Y, R = RNG.normal(0, 3, 200), RNG.normal(0, 3, 200)
LABELS, LOGITS = RNG.integers(0, 4, 200), RNG.normal(0, 3, (200, 4))
SOFT = softmax(RNG.normal(0, 2, (200, 4)))
BITS = RNG.integers(0, 2, 200).astype(float)


def close(a, b, rtol=1e-12):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=0)


def both(loss, *arrays):
    """Return the losses and the gradients of the samples as one array."""
    gradient = len(arrays[1]) * loss.gradient(*arrays)
    return np.concatenate([loss.per_sample(*arrays).ravel(), gradient.ravel()])


@pytest.mark.parametrize("delta", [0.3, 1.0, 2.5])
def test_huber_is_delta_times_smooth_l1(delta):
    r = np.abs(R)
    smooth_l1 = np.where(r < delta, r**2 / (2 * delta), r - delta / 2)
    close(Huber(delta).per_sample(Y, Y + R), delta * smooth_l1, 1e-9)


@pytest.mark.parametrize("delta", [0.3, 1.0, 2.5])
def test_pseudo_huber_is_the_general_robust_loss_for_alpha_1(delta):
    close(
        both(PseudoHuber(delta), Y, Y + R),
        delta**2 * both(GeneralRobust(1.0, scale=delta), Y, Y + R),
    )


@pytest.mark.parametrize(
    "alpha, known",
    [
        (2.0, lambda x: x**2 / 2),
        (0.0, lambda x: np.log1p(x**2 / 2)),  # Cauchy
        (-2.0, lambda x: 2 * x**2 / (x**2 + 4)),  # Geman-McClure
        (-np.inf, lambda x: -np.expm1(-(x**2) / 2)),  # Welsch
    ],
)
def test_named_losses_of_the_general_robust_family(alpha, known):
    close(GeneralRobust(alpha, scale=0.7).per_sample(0 * R, R), known(R / 0.7), 1e-12)


@pytest.mark.parametrize("alpha", [2.0, 0.0, -np.inf])
def test_the_general_robust_loss_is_continuous_at_its_special_cases(alpha):
    near = GeneralRobust(-1e12 if alpha == -np.inf else alpha + 1e-12)
    close(both(near, 0 * R, R), both(GeneralRobust(alpha), 0 * R, R), 1e-7)


def test_halves():
    close(2 * both(Quantile(0.5), Y, Y + R), both(AbsoluteError(), Y, Y + R))
    close(2 * both(Expectile(0.5), Y, Y + R), both(SquaredError(), Y, Y + R))
    close(2 * both(GeneralRobust(2.0), Y, Y + R), both(SquaredError(), Y, Y + R))


def test_log_cosh_is_half_the_square_near_and_linear_far():
    close(LogCosh()([0.0], [1e-6]), 0.5e-12, 1e-9)
    close(LogCosh()([0.0], [1e6]), 1e6 - np.log(2))


def test_without_focus_the_focal_losses_are_cross_entropies():
    close(both(SigmoidFocal(0.0), BITS, R), both(SigmoidCrossEntropy(), BITS, R))
    close(both(SoftmaxFocal(0.0), LABELS, LOGITS), both(SoftmaxCrossEntropy(), LABELS, LOGITS))


def test_two_classes_of_softmax_are_one_sigmoid():
    two = np.column_stack([0 * R, R])
    labels = BITS.astype(int)
    close(SoftmaxCrossEntropy().per_sample(labels, two), SigmoidCrossEntropy().per_sample(BITS, R))
    close(
        SoftmaxCrossEntropy().gradient(labels, two)[:, 1], SigmoidCrossEntropy().gradient(BITS, R)
    )
    close(SoftmaxFocal().per_sample(labels, two), SigmoidFocal().per_sample(BITS, R), 1e-11)
    half = 1 / (1 + np.exp(-R))
    rows = np.column_stack([1 - half, half])
    close(
        CategoricalCrossEntropy().per_sample(labels, rows),
        BinaryCrossEntropy().per_sample(BITS, half),
        1e-9,
    )
    close(Brier().per_sample(labels, rows), 2 * Brier().per_sample(BITS, half), 1e-9)


def test_cross_entropies_of_logits_and_of_probabilities_agree():
    p = softmax(LOGITS)
    close(
        SoftmaxCrossEntropy().per_sample(SOFT, LOGITS),
        CategoricalCrossEntropy().per_sample(SOFT, p),
        1e-11,
    )
    close(
        SoftmaxCrossEntropy().per_sample(LABELS, LOGITS),
        -log_softmax(LOGITS)[np.arange(200), LABELS],
    )


def test_the_divergence_is_cross_entropy_minus_entropy():
    p = softmax(LOGITS)
    entropy = -(SOFT * np.log(SOFT)).sum(axis=1)
    close(
        KLDivergence().per_sample(SOFT, p),
        CategoricalCrossEntropy().per_sample(SOFT, p) - entropy,
        1e-9,
    )
    close(KLDivergence().gradient(SOFT, p), CategoricalCrossEntropy().gradient(SOFT, p))
    assert KLDivergence()([[0.5, 0.5, 0.0]], [[0.5, 0.5, 0.0]]) == 0.0
    assert KLDivergence()([[1.0, 0.0]], [[0.0, 1.0]]) == np.inf
    near = np.float32([[0.5, 0.5]]), np.float32([[0.50001, 0.49999]])
    exact = [float(np.float64(a)) for a in near[1][0]]
    close(
        KLDivergence()(*near),
        -0.5 * (np.log1p(2 * exact[0] - 1) + np.log1p(2 * exact[1] - 1)),
        1e-6,
    )


def test_generalized_cross_entropy_joins_cross_entropy_and_absolute_error():
    p = softmax(LOGITS)
    close(
        GeneralizedCrossEntropy(1e-9).per_sample(LABELS, p),
        CategoricalCrossEntropy().per_sample(LABELS, p),
        1e-7,
    )
    close(GeneralizedCrossEntropy(1.0).per_sample(LABELS, p), 1 - p[np.arange(200), LABELS], 1e-9)


def test_generalized_cross_entropy_without_a_power_is_cross_entropy_to_the_last_bit():
    p, tiny = softmax(LOGITS), GeneralizedCrossEntropy(1e-300)
    np.testing.assert_array_equal(both(tiny, LABELS, p), both(CategoricalCrossEntropy(), LABELS, p))
    assert tiny([0], [[0.0, 1.0]]) == pytest.approx(1e300, rel=1e-15)


def test_dice_is_tversky_with_equal_prices():
    masks = RNG.integers(0, 2, (50, 6)).astype(float), RNG.random((50, 6))
    close(both(Dice(), *masks), both(Tversky(alpha=0.5, beta=0.5), *masks))
    empty = np.zeros((1, 4))
    assert Dice()(empty, empty) == Tversky()(empty, empty) == 0.0
    assert not Dice().gradient(empty, empty).any()
    assert Dice()(empty, empty + 1e-9) == 1.0


def test_many_labels_are_not_many_classes():
    rows = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    one_of_three = CategoricalCrossEntropy()([0, 1, 2], rows)
    each_of_three = 3 * BinaryCrossEntropy()(np.eye(3), rows)
    assert (round(one_of_three, 6), round(each_of_three, 6)) == (0.363548, 0.692052)


def test_multiclass_hinge_is_the_shortfall_against_the_best_rival():
    scores = RNG.integers(-64, 64, (200, 4)) / 16  # sums and differences are exact
    for row, label in zip(scores, LABELS):
        rivals = np.arange(4)[np.arange(4) != label]
        rival = rivals[np.argmax(row[rivals])]
        shortfall = max(0.0, 1.0 + row[rival] - row[label])
        slope = np.zeros(4)
        slope[[rival, label]] = (1.0, -1.0) if shortfall > 0 else (0.0, 0.0)
        value, gradient = MulticlassHinge().value_and_gradient([label], row[np.newaxis])
        assert value == shortfall
        np.testing.assert_array_equal(gradient[0], slope)
