"""The list that tests, cards, atlas and benchmark run over: one default instance of each loss."""

from .classification import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from .residual import AbsoluteError, SquaredError

CATALOGUE = (
    SquaredError(),
    AbsoluteError(),
    BinaryCrossEntropy(),
    CategoricalCrossEntropy(),
    SigmoidCrossEntropy(),
    SoftmaxCrossEntropy(),
)
