"""Loss functions in NumPy: exact values, exact gradients, and every claim about them tested."""

from .catalogue import CATALOGUE
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
    smooth_labels,
)
from .elementary import log_softmax, sigmoid, softmax, softplus, xlog1py, xlogy
from .embedding import Contrastive, InfoNCE, Triplet
from .gradcheck import check_gradient
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

__version__ = "0.1.0"

__all__ = [
    "CATALOGUE",
    "CTC",
    "AbsoluteError",
    "AbsolutePercentageError",
    "BinaryCrossEntropy",
    "Brier",
    "CategoricalCrossEntropy",
    "Contrastive",
    "CosineDistance",
    "Dice",
    "EpsilonInsensitive",
    "Expectile",
    "Exponential",
    "GaussianNLL",
    "GeneralRobust",
    "GeneralizedCrossEntropy",
    "Hinge",
    "Huber",
    "InfoNCE",
    "KLDivergence",
    "LogCosh",
    "MulticlassHinge",
    "Poisson",
    "PseudoHuber",
    "Quantile",
    "SigmoidCrossEntropy",
    "SigmoidFocal",
    "SoftmaxCrossEntropy",
    "SoftmaxFocal",
    "SquaredError",
    "SquaredHinge",
    "SquaredLogarithmicError",
    "Triplet",
    "Tversky",
    "check_gradient",
    "log_softmax",
    "sigmoid",
    "smooth_labels",
    "softmax",
    "softplus",
    "xlog1py",
    "xlogy",
]
