"""Loss functions in NumPy: exact values, exact gradients, and every claim about them tested."""

from .catalogue import CATALOGUE
from .classification import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from .elementary import log_softmax, sigmoid, softmax, softplus, xlog1py, xlogy
from .gradcheck import check_gradient
from .residual import AbsoluteError, SquaredError

__version__ = "0.1.0"

__all__ = [
    "CATALOGUE",
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CategoricalCrossEntropy",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "check_gradient",
    "log_softmax",
    "sigmoid",
    "softmax",
    "softplus",
    "xlog1py",
    "xlogy",
]
