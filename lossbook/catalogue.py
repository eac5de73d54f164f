"""The list that tests, cards, atlas and benchmark run over: one default instance of each loss."""

from .base import Loss
from .classification import (
    BinaryCrossEntropy,
    Brier,
    CategoricalCrossEntropy,
    Exponential,
    GeneralizedCrossEntropy,
    Hinge,
    MulticlassHinge,
    SigmoidCrossEntropy,
    SigmoidFocal,
    SoftmaxCrossEntropy,
    SoftmaxFocal,
    SquaredHinge,
)
from .embedding import Contrastive, InfoNCE, Triplet
from .likelihood import GaussianNLL, KLDivergence, Poisson
from .overlap import Dice, Tversky
from .residual import (
    AbsoluteError,
    AbsolutePercentageError,
    CosineDistance,
    EpsilonInsensitive,
    Expectile,
    GeneralRobust,
    Huber,
    LogCosh,
    PseudoHuber,
    Quantile,
    SquaredError,
    SquaredLogarithmicError,
)
from .sequence import CTC

#: One default instance of each loss.
CATALOGUE: tuple[Loss, ...] = (
    SquaredError(),
    AbsoluteError(),
    Huber(),
    PseudoHuber(),
    LogCosh(),
    Quantile(),
    Expectile(),
    EpsilonInsensitive(),
    GeneralRobust(),
    SquaredLogarithmicError(),
    AbsolutePercentageError(),
    CosineDistance(),
    Poisson(),
    GaussianNLL(),
    KLDivergence(),
    BinaryCrossEntropy(),
    CategoricalCrossEntropy(),
    SigmoidCrossEntropy(),
    SoftmaxCrossEntropy(),
    SigmoidFocal(),
    SoftmaxFocal(),
    GeneralizedCrossEntropy(),
    Brier(),
    Hinge(),
    SquaredHinge(),
    MulticlassHinge(),
    Exponential(),
    Dice(),
    Tversky(),
    Contrastive(),
    Triplet(),
    InfoNCE(),
    CTC(),
)
