"""What other libraries give where it is not the loss or its derivative; the tests measure it again.

Each row of ``DEFECTS`` says what is wrong, in which call, and for which input.  :func:`table`
shows rows in a chapter; :func:`measure` computes one again with the library that is installed.

>>> row = DEFECTS[0]
>>> row.what, row.exact, row.returns
('probability 0 for what happened', inf, 16.118095)
>>> row.loss(*row.arrays())
inf
"""

import math
from typing import NamedTuple

import numpy as np

from ..base import Loss
from ..classification import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Hinge,
    SigmoidCrossEntropy,
    SigmoidFocal,
    SoftmaxCrossEntropy,
)
from ..likelihood import GaussianNLL, KLDivergence, Poisson
from ..residual import CosineDistance, Huber, LogCosh, PseudoHuber, SquaredError
from .libraries import LIBRARIES, evaluate


class Defect(NamedTuple):
    """A call of a library that gives something other than the loss or its derivative.

    ``call`` is an expression in the library's name, ``y_true``, ``y_pred`` and, where there
    are weights, ``sample_weight``.  Where ``exact`` is None there is no loss to return: an
    error would be right, and ``loss`` raises one.
    """

    what: str
    library: str  #: a key of LIBRARIES
    loss: Loss  #: the loss of this module that the call stands for
    call: str
    y_true: list
    y_pred: list
    exact: float | None
    returns: float
    gradient: bool = False  #: the derivative by the first number of y_pred instead
    dtype: str = "float32"
    sample_weight: list | None = None

    def arrays(self):
        """Return ``y_true`` and ``y_pred`` as arrays.

        ``dtype`` is that of ``y_pred``, and of ``y_true`` unless one of them holds integers.
        """
        y, p = np.array(self.y_true), np.array(self.y_pred, self.dtype)
        same_kind = (y.dtype.kind == "f") == (p.dtype.kind == "f")
        return y.astype(self.dtype) if same_kind else y, p


BCE = "keras.losses.BinaryCrossentropy()(y_true, y_pred)"
BCE_LOGITS = "keras.losses.BinaryCrossentropy(from_logits=True)(y_true, y_pred)"
SPARSE = "keras.losses.SparseCategoricalCrossentropy()(y_true, y_pred)"
SPARSE_LOGITS = "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y_true, y_pred)"
CCE = "keras.losses.CategoricalCrossentropy()(y_true, y_pred)"
CCE_LOGITS = "keras.losses.CategoricalCrossentropy(from_logits=True)(y_true, y_pred)"
KERAS_MSE = "keras.losses.MeanSquaredError()(y_true, y_pred)"
TORCH_BCE = "torch.nn.functional.binary_cross_entropy(y_pred, y_true)"
TORCH_LOGITS = "torch.nn.functional.binary_cross_entropy_with_logits(y_pred, y_true)"
OPTAX_SOFTMAX = "optax.losses.softmax_cross_entropy_with_integer_labels(y_pred, y_true).mean()"
MASKED = [[0.0, -math.inf, 0.0]]
INF, NAN = math.inf, math.nan

# fmt: off
DEFECTS = (
    Defect("probability 0 for what happened", "keras", BinaryCrossEntropy(),
           BCE, [1.0], [0.0], INF, 16.118095),
    Defect("probability 1 for what did not happen: not even the same cap", "keras",
           BinaryCrossEntropy(),
           BCE, [0.0], [1.0], INF, 15.942385),
    Defect("a perfect prediction is not free", "keras", BinaryCrossEntropy(),
           BCE, [1.0], [1.0], 0.0, 1.1920929e-7),
    Defect("the worst predictions are not corrected", "keras", BinaryCrossEntropy(),
           BCE, [1.0], [1e-8], -1e8, 0.0, gradient=True),
    Defect("a sigmoid that was multiplied by 1: Keras no longer finds its logit", "keras",
           SigmoidCrossEntropy(),
           "keras.losses.BinaryCrossentropy()(y_true, 1 * keras.ops.sigmoid(y_pred))",
           [1.0], [-50.0], 50.0, 16.118095),
    Defect("label −1: a loss below 0", "keras", BinaryCrossEntropy(),
           BCE, [-1.0], [0.3], None, -0.49062288),
    Defect("an infinite logit that is right", "keras", SigmoidCrossEntropy(),
           BCE_LOGITS, [1.0], [INF], 0.0, NAN),
    Defect("a row that does not sum to 1 is changed", "keras", CategoricalCrossEntropy(),
           CCE, [[1.0, 0.0, 0.0]], [[0.2, 0.2, 0.2]], None, 1.0986123),
    Defect("class 0.9 is taken for class 0", "keras", CategoricalCrossEntropy(),
           SPARSE, [0.9], [[0.25, 0.75]], None, 1.3862944),
    Defect("a small loss", "keras", SoftmaxCrossEntropy(),
           SPARSE_LOGITS, [0], [[20.0, 0.0, 0.0]], 4.1223072364e-9, 0.0),
    Defect("a small gradient", "keras", SoftmaxCrossEntropy(),
           SPARSE_LOGITS,
           [0], [[20.0, 0.0, 0.0]], -4.1223072279e-9, 0.0, gradient=True),
    Defect("a class masked by −∞, one-hot labels", "keras", SoftmaxCrossEntropy(),
           CCE_LOGITS, [[1.0, 0.0, 0.0]], MASKED, math.log(2), NAN),
    Defect("a tiny residual: a loss below 0", "keras", LogCosh(),
           "keras.losses.log_cosh(y_true, y_pred)",
           [0.0], [1e-9], 5e-19, -1.9046543e-9, dtype="float64"),
    Defect("a small residual: 38 % lost in float64", "keras", LogCosh(),
           "keras.losses.log_cosh(y_true, y_pred)",
           [0.0], [1e-4], 4.9999999917e-9, 3.0953456e-9, dtype="float64"),
    Defect("integers: delta/2 becomes 0", "keras", Huber(),
           "keras.losses.huber(y_true, y_pred)", [0], [5], 4.5, 5.0, dtype="int32"),
    Defect("probability 0 for what is certain", "keras", KLDivergence(),
           "keras.losses.KLDivergence()(y_true, y_pred)",
           [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], INF, 16.118093),
    Defect("three events at rate 0", "keras", Poisson(),
           "keras.losses.Poisson()(y_true, keras.ops.exp(y_pred))",
           [3.0], [-INF], INF, 48.354286),
    Defect("a long vector of the right direction", "keras", CosineDistance(),
           "1 + keras.losses.CosineSimilarity()(y_true, y_pred)",
           [[1.0, 0.0]], [[1e20, 0.0]], 0.0, 1.0),
    Defect("an easy sample", "keras", SigmoidFocal(),
           "keras.losses.BinaryFocalCrossentropy(from_logits=True)(y_true, y_pred)",
           [1.0], [20.0], 8.756510717575e-27, 0.0),
    Defect("pixels: 0 − 255 is 1 in uint8", "keras", SquaredError(),
           "keras.losses.mean_squared_error(y_true, y_pred)",
           [0], [255], 65025.0, 1.0, dtype="uint8"),
    Defect("a target is cut to the integer type of the prediction", "keras", SquaredError(),
           "keras.losses.mean_squared_error(y_true, y_pred)",
           [0.5], [0], 0.25, 0.0, dtype="int32"),
    Defect("a class computes float64 in float32", "keras", SquaredError(),
           KERAS_MSE, [16777216.0], [16777217.0], 1.0, 0.0, dtype="float64"),
    Defect("a sample of weight 0 spoils the rest", "keras", SquaredError(),
           "keras.losses.MeanSquaredError()(y_true, y_pred, sample_weight=sample_weight)",
           [0.0, 0.0], [1.0, NAN], 1.0, NAN, sample_weight=[1.0, 0.0]),
    Defect("labels 0 and 1 are converted, but not beside a −1", "keras", Hinge(),
           "keras.losses.Hinge()(y_true, y_pred)",
           [0.0, 1.0, -1.0], [0.5, 0.5, 0.5], None, 1.0),
    Defect("probability 0 for what happened", "torch", BinaryCrossEntropy(),
           TORCH_BCE, [1.0], [0.0], INF, 100.0),
    Defect("the gradient of a bad prediction", "torch", BinaryCrossEntropy(),
           TORCH_BCE, [1.0], [1e-20], -1e20, -1e12, gradient=True),
    Defect("a small gradient", "torch", SigmoidCrossEntropy(),
           TORCH_LOGITS, [1.0], [20.0], -2.0611536e-9, 0.0, gradient=True),
    Defect("a small loss, two classes", "torch", SigmoidCrossEntropy(),
           TORCH_LOGITS, [0.0], [-20.0], 2.0611536203e-9, 0.0),
    Defect("a confident mistake", "torch", SigmoidCrossEntropy(),
           "torch.nn.functional.soft_margin_loss(y_pred, 2 * y_true - 1)",
           [1.0], [-1000.0], 1000.0, INF),
    Defect("a small loss, three classes", "torch", SoftmaxCrossEntropy(),
           "torch.nn.functional.cross_entropy(y_pred, y_true)",
           [0], [[20.0, 0.0, 0.0]], 4.1223072364e-9, 0.0),
    Defect("a perfect prediction with a class of probability 0", "torch", KLDivergence(),
           "torch.nn.functional.kl_div(y_pred.log(), y_true, reduction='batchmean')",
           [[0.5, 0.5, 0.0]], [[0.5, 0.5, 0.0]], 0.0, NAN),
    Defect("a small variance, e⁻¹⁸: taken for 10⁻⁶", "torch", GaussianNLL(),
           "torch.nn.functional.gaussian_nll_loss(y_pred[:, 0], y_true, y_pred[:, 1].exp(), "
           "full=True)",
           [0.0], [[1.0, -18.0]], 32829976.487604, 499994.0),
    Defect("targets against a column of equal predictions: nine pairs", "torch", SquaredError(),
           "torch.nn.functional.mse_loss(y_pred, y_true)",
           [1.0, 2.0, 3.0], [[1.0], [2.0], [3.0]], None, 4 / 3),
    Defect("large equal logits", "optax", SoftmaxCrossEntropy(),
           OPTAX_SOFTMAX, [0], [[1e5, 1e5, 1e5]], math.log(3), 1.1015625),
    Defect("class −1 is taken for the last", "optax", SoftmaxCrossEntropy(),
           OPTAX_SOFTMAX, [-1], [[2.0, 1.0, 0.0]], None, 2.407606),
    Defect("the gradient of a small residual", "optax", Huber(),
           "optax.losses.huber_loss(y_pred, y_true).mean()",
           [0.0], [1e-9], 1e-9, 0.0, gradient=True),
    Defect("a short vector of the right direction", "optax", CosineDistance(),
           "optax.losses.cosine_distance(y_pred, y_true).mean()",
           [[1.0, 0.0]], [[1e-25, 0.0]], 0.0, NAN),
    Defect("label 0: the loss is 1 whatever the score", "optax", Hinge(),
           "optax.losses.hinge_loss(y_pred, y_true).mean()",
           [0.0], [5.0], None, 1.0),
    Defect("probability 0 for what happened", "sklearn", BinaryCrossEntropy(),
           "sklearn.metrics.log_loss(y_true, y_pred, labels=[0, 1])",
           [1.0], [0.0], INF, 36.043653, dtype="float64"),
    Defect("a large residual", "scipy", PseudoHuber(),
           "scipy.special.pseudo_huber(1.0, y_pred - y_true).mean()",
           [0.0], [1e200], 1e200, INF, dtype="float64"),
)
# fmt: on


def measure(defect):
    """Return what the installed library returns for the call of ``defect``, as a float."""
    extra = {}
    if defect.sample_weight is not None:
        extra["sample_weight"] = np.array(defect.sample_weight, defect.dtype)
    result = evaluate(defect.library, defect.call, *defect.arrays(), defect.gradient, **extra)
    return float(result.flat[0] if defect.gradient else result.item())


def table(library=None, rows=None):
    """Return the defects of ``library``, a key of LIBRARIES, or of all as a Markdown table.

    ``rows`` is a choice of ``DEFECTS``, or None for all of them.

    "undefined" says that the input has no loss, and that an error would be right.  The table
    of one library names its module once, above the calls.
    """
    from IPython.display import Markdown  # only where a table is shown

    if library is not None and library not in LIBRARIES:
        raise ValueError(f"library is {library!r}: it must be one of {[*LIBRARIES]}.")
    rows = DEFECTS if rows is None else rows
    rows = [d for d in rows if library in (None, d.library)]
    return Markdown("\n".join([*_head(library), *(_row(d, library) for d in rows)]))


def _head(library):
    first, call, by = ["library"], "call", ""
    if library:
        name, version, module = LIBRARIES[library]
        first, call, by = [], f"call in `{module}`", f" by {name} {version}"
    names = ["what is wrong", call, "`y_true`", "`y_pred`", "true value", "returned"]
    rule = "|:--" * (len(first) + 4) + "|--:|--:|"
    return "| " + " | ".join([*first, *names]) + by + " |", rule


def _row(defect, library):
    name, version, module = LIBRARIES[defect.library]
    call = defect.call.replace("=sample_weight", f"={defect.sample_weight}")
    call = call.replace(f"{module}.", "") if library else call
    cells = [
        defect.what,
        ("derivative of " if defect.gradient else "") + f"`{call}`",
        f"`{defect.y_true}`",
        f"`{defect.y_pred}`" + ("" if defect.dtype == "float32" else f" {defect.dtype}"),
        *_numbers(defect.exact, defect.returns),
    ]
    first = [] if library else [f"{name} {version}"]
    return "| " + " | ".join(first + cells) + " |"


def _numbers(exact, returns):
    """Return both as LaTeX, with as many digits as show that they differ, at least four."""
    if exact is None:
        return "undefined", _latex(returns, 4)
    texts = ((_latex(exact, n), _latex(returns, n)) for n in range(4, 18))
    return next(pair for pair in texts if pair[0] != pair[1])


def _latex(x, digits):
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return r"$\infty$" if x > 0 else r"$-\infty$"
    if x == int(x) and abs(x) < 1e6:
        return f"${x:.0f}$"
    mantissa, e, exponent = f"{x:.{digits}g}".partition("e")
    power = rf"10^{{{int(exponent)}}}" if e else ""
    if power and abs(float(mantissa)) == 1:
        return f"${mantissa[:-1]}{power}$"
    return rf"${mantissa} \times {power}$" if power else f"${mantissa}$"
