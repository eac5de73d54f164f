"""What lossbook is timed beside: how each library is called, and with which numbers.

The calls are those that a loss names in ``claims.elsewhere``, so a loss added to the catalogue is
compared with no further line.
"""

import functools
import importlib.metadata
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from lossbook import CATALOGUE, CTC, GaussianNLL, softmax
from lossbook.base import Rowwise
from lossbook.book.libraries import LIBRARIES, call_of

# Value and slope of each number as one writes them in NumPy: no checks, no care for extremes.
BARE = {
    "SquaredError": "r = p - y; value = r * r; slope = 2 * r",
    "AbsoluteError": "r = p - y; value = np.abs(r); slope = np.sign(r)",
    "Huber": "r = p - y; slope = np.clip(r, -delta, delta); value = slope * (r - slope / 2)",
    "PseudoHuber": "r = p - y; h = np.sqrt(1 + (r / delta) ** 2);"
    " value = delta**2 * (h - 1); slope = r / h",
    "LogCosh": "r = p - y; value = np.log(np.cosh(r)); slope = np.tanh(r)",
    "Quantile": "r = p - y; slope = np.where(r < 0, -q, 1 - q).astype(r.dtype); value = slope * r",
    "Expectile": "r = p - y; w = np.where(r < 0, q, 1 - q).astype(r.dtype);"
    " value = w * r * r; slope = 2 * w * r",
    "EpsilonInsensitive": "r = p - y; value = np.maximum(np.abs(r) - epsilon, 0);"
    " slope = np.sign(r) * (value > 0)",
    "GeneralRobust": "x = (p - y) / scale; b = abs(alpha - 2); t = x * x / b + 1;"
    " h = t ** (alpha / 2); value = b / alpha * (h - 1); slope = x / scale * h / t",
    "SquaredLogarithmicError": "d = np.log1p(p) - np.log1p(y); value = d * d;"
    " slope = 2 * d / (1 + p)",
    "AbsolutePercentageError": "r = p - y; size = np.abs(y); value = np.abs(r) / size;"
    " slope = np.sign(r) / size",
    "Poisson": "e = np.exp(p); value = e - y * p; slope = e - y",
    "BinaryCrossEntropy": "value = -y * np.log(p) - (1 - y) * np.log1p(-p);"
    " slope = (p - y) / (p * (1 - p))",
    "SigmoidCrossEntropy": "e = np.exp(-np.abs(p)); value = np.maximum(p, 0) - y * p + np.log1p(e);"
    " slope = np.where(p >= 0, 1, e) / (1 + e) - y",
    "SigmoidFocal": "s = 2 * y - 1; t = 1 / (1 + np.exp(-s * p)); ease = (1 - t) ** gamma;"
    " log = np.log(t); value = -ease * log; slope = -s * ease * (1 - t - gamma * t * log)",
    "Hinge": "a = y * p; value = np.maximum(1 - a, 0); slope = np.where(a < 1, -y, 0)",
    "SquaredHinge": "h = np.maximum(1 - y * p, 0); value = h * h; slope = -2 * y * h",
    "Exponential": "value = np.exp(-y * p); slope = -y * value",
}
# scikit-learn's compiled losses of raw predictions, which have gradients; they are private.
COMPILED = {
    "SquaredError": (2, "HalfSquaredError()"),
    "AbsoluteError": (1, "AbsoluteError()"),
    "Quantile": (1, "PinballLoss(quantile=0.5)"),
    "Huber": (1, "HuberLoss(delta=1.0)"),
    "Poisson": (1, "HalfPoissonLoss()"),
    "SigmoidCrossEntropy": (1, "HalfBinomialLoss()"),
    "SoftmaxCrossEntropy": (1, "HalfMultinomialLoss(n_classes=k)"),
}


class Made:
    """A module whose classes are instantiated once for each set of arguments, as a user would."""

    def __init__(self, module):
        self.module = module

    def __getattr__(self, name):
        setattr(self, name, functools.cache(getattr(self.module, name)))
        return self.__dict__[name]


def function(call, **names):
    """Return the call of another library as a function of its arrays."""
    call = call.replace("distribution", "y_true")
    return eval(f"lambda y_true, y_pred, one_hot: {call}", names)


# Each takes (loss, call, dtype) and returns (convert, run): NumPy arrays become arrays of the
# library before the clock starts, and run(y, p, one_hot) returns (mean, gradient or None).


def bare(loss, call, dtype):
    names = {"np": np, **vars(loss)}
    exec(f"def run(y, p, one_hot): {call}; return np.mean(value), slope / p.size", names)
    return np.asarray, names["run"]


def keras_eager(loss, call, dtype):
    import keras
    import tensorflow as tf

    keras.config.set_floatx(dtype)  # a loss of Keras computes in floatx
    mean = function(call, keras=SimpleNamespace(losses=Made(keras.losses), ops=keras.ops))

    def run(y, p, one_hot):
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = mean(y, p, one_hot)
        return value, tape.gradient(value, p)

    return tf.constant, run


def keras_graph(loss, call, dtype):
    import tensorflow as tf

    convert, run = keras_eager(loss, call, dtype)
    return convert, tf.function(run)


def torch_backward(loss, call, dtype):
    import torch

    mean = function(call, torch=torch)

    def run(y, p, one_hot):
        value = mean(y, p.requires_grad_(True), one_hot)
        value.backward()
        gradient, p.grad = p.grad, None
        return value.detach(), gradient

    return torch.tensor, run


def jax_jit(loss, call, dtype):
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)  # float32 arrays stay float32
    both = jax.jit(jax.value_and_grad(function(call, optax=optax, jax=jax), argnums=1))
    return jax.numpy.asarray, lambda *a: jax.block_until_ready(both(*a))


def value_alone(loss, call, dtype):
    import scipy.special
    import sklearn.metrics

    mean = function(call, sklearn=sklearn, scipy=scipy)
    return np.asarray, lambda *a: (mean(*a), None)


def sklearn_compiled(loss, call, dtype):
    import sklearn._loss.loss as compiled

    factor, make = call
    made = functools.cache(lambda k: eval(make, vars(compiled), {"k": k}))

    def run(y, p, one_hot):
        values, gradient = made(p.shape[-1]).loss_gradient(y, p)
        return factor * values.mean(), gradient * (factor / len(p))

    return lambda a: a.astype(dtype), run


class Peer(NamedTuple):
    title: str
    calls: Any  # a library of claims.elsewhere, or a call by the name of the loss
    prepare: Any
    packages: tuple = ()


KERAS, SKLEARN = ("keras", "tensorflow"), ("sklearn", "scipy")
PEERS = {
    "numpy": Peer("bare NumPy", BARE, bare),
    "keras": Peer("Keras, eager", "keras", keras_eager, KERAS),
    "tf-function": Peer("Keras in tf.function", "keras", keras_graph, KERAS),
    "torch": Peer("PyTorch, eager", "torch", torch_backward, ("torch",)),
    "jax": Peer("JAX with Optax, jit", "optax", jax_jit, ("jax", "optax")),
    "sklearn": Peer("scikit-learn, value only", "sklearn", value_alone, SKLEARN),
    "scipy": Peer("SciPy, value only", "scipy", value_alone, SKLEARN),
    "sklearn-loss": Peer("scikit-learn, sklearn._loss", COMPILED, sklearn_compiled, SKLEARN),
}


def installed(package):
    """Return the version of an imported package, or None."""
    for name in (package.replace("sklearn", "scikit-learn"), f"{package}-cpu"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass


def comparable(peer, losses=CATALOGUE):
    """Return (loss, call) for each loss with a known call of the peer.

    Of a library that is not installed, the call is that of the version that was measured last.
    """
    calls, pairs = PEERS[peer].calls, []
    for loss in losses:
        if isinstance(calls, str):
            call = call_of(loss, calls, installed(calls) or LIBRARIES[calls][1])
        else:
            call = calls.get(type(loss).__name__)
        pairs += [(loss, call)] * bool(call)
    return pairs


def kind(loss):
    return "sequences" if isinstance(loss, CTC) else "rows" if loss.indexed else "numbers"


def points(loss, soft, shape, dtype):
    """Return random (y_true, y_pred) from what the loss says of itself; each class occurs.

    The targets of a loss of rows are class numbers, or with ``soft`` rows.
    """
    rng, target, prediction = np.random.default_rng(0), loss.target, loss.prediction
    p = rng.normal(0, 3, (*shape, 2) if isinstance(loss, GaussianNLL) else shape)
    if isinstance(loss, CTC):
        place = np.arange(shape[1] // 4)
        y = rng.integers(1, shape[2], (len(p), len(place)))
        return np.where(place <= rng.choice(place, (len(p), 1)), y, 0), p.astype(dtype)
    if isinstance(loss, Rowwise):
        p = softmax(p) if prediction.high == 1 else p
        y = rng.permutation(np.arange(shape[0]) % shape[1])
        return softmax(rng.normal(0, 3, shape)).astype(dtype) if soft else y, p.astype(dtype)
    if prediction.bounded:
        p = prediction.sample(rng, shape)
    y = target.sample(rng, shape, 3.0)
    if target.high == 1:
        y = rng.choice((target.low, 1.0), shape)
        y[..., 0] = 1.0  # no mask is empty
    if prediction.open:  # above -1, where other libraries begin at 0
        y, p = np.abs(y), np.abs(p)
    return y.astype(dtype), p.astype(dtype)


def arguments(call, convert, y, p):
    """Return (y, p, one_hot) as arrays of the library; one_hot only where the call names it."""
    rows = np.eye(p.shape[1], dtype=p.dtype)[y] if "one_hot" in str(call) else p[:1]
    return convert(y), convert(p), convert(rows)
