"""What other libraries return where it is not the loss: measured, and measured again by the tests.

Each row says what is wrong, in which call, and for which input.  :func:`table` shows the rows in
a chapter, :func:`measure` computes one again with the library that is installed.

>>> print(DEFECTS[0].what)
a probability of 0 for what happened
"""

import math
from typing import NamedTuple

import numpy as np

from .base import Loss
from .classification import (
    BinaryCrossEntropy,
)

LIBRARIES = {
    "keras": "Keras",
    "torch": "PyTorch",
    "optax": "optax",
    "sklearn": "scikit-learn",
    "scipy": "SciPy",
}
#: the versions that the column ``returns`` was measured with
MEASURED_WITH = {
    "keras": "3.15.1",
    "torch": "2.13.0",
    "optax": "0.2.8",
    "sklearn": "1.9.1",
    "scipy": "1.17.1",
}
INF, NAN = math.inf, math.nan


class Defect(NamedTuple):
    """A call of a library that does not return the loss.

    ``call`` is an expression in the library, ``y_true``, ``y_pred`` and ``sample_weight``.
    Numbers of ``y_pred``, and those of ``y_true`` that are of the same kind, get ``dtype``.
    """

    what: str
    library: str
    loss: Loss  #: the loss of this module that the call stands for
    call: str
    y_true: list
    y_pred: list
    exact: float | None  #: None where there is no loss, and an error would be right
    returns: float
    gradient: bool = False  #: the derivative by the first number of y_pred instead
    dtype: str = "float32"
    sample_weight: list | None = None

    def arrays(self):
        """Return ``y_true`` and ``y_pred`` as arrays."""
        p = np.array(self.y_pred, self.dtype)
        y = np.array(self.y_true)
        integer = "iu"
        same = (y.dtype.kind in integer) == (p.dtype.kind in integer)
        return y.astype(self.dtype) if same else y, p


_KERAS = (
    (
        "a probability of 0 for what happened",
        BinaryCrossEntropy(),
        "BinaryCrossentropy()(y_true, y_pred)",
        [1.0],
        [0.0],
        INF,
        16.11809,
    ),
    (
        "a probability of 1 for what did not happen",
        BinaryCrossEntropy(),
        "BinaryCrossentropy()(y_true, y_pred)",
        [0.0],
        [1.0],
        INF,
        15.94238,
    ),
    (
        "a perfect prediction",
        BinaryCrossEntropy(),
        "BinaryCrossentropy()(y_true, y_pred)",
        [1.0],
        [1.0],
        0.0,
        1.192093e-7,
    ),
    (
        "a small probability",
        BinaryCrossEntropy(),
        "BinaryCrossentropy()(y_true, y_pred)",
        [1.0],
        [1e-8],
        18.42068,
        16.11809,
    ),
)
