"""The libraries that losses are compared with, and how their calls are run."""

import importlib
import re
import warnings

import numpy as np
from packaging.specifiers import SpecifierSet

#: what each library is called, the version that was measured, and where its losses are
LIBRARIES = {
    "keras": ("Keras", "3.15.1", "keras.losses"),
    "torch": ("PyTorch", "2.13.0", "torch.nn.functional"),
    "optax": ("optax", "0.2.8", "optax.losses"),
    "sklearn": ("scikit-learn", "1.9.1", "sklearn.metrics"),
    "scipy": ("SciPy", "1.17.1", "scipy.special"),
}
#: what calls use beyond what ``import sklearn`` and ``import scipy`` load
SUBMODULES = {"sklearn": ("sklearn.metrics", "scipy.special"), "scipy": ("scipy.special",)}


def library_of(key):
    """Return (library, versions) of a key of ``Claims.elsewhere``, as in ``keras<3.16``."""
    library, versions = re.fullmatch(r"(\w+)(.*)", key).groups()
    return library, versions


def call_of(loss, library, version):
    """Return the call that gives the same mean loss in this version of a library, or None."""
    for key, call in loss.claims.elsewhere.items():
        name, versions = library_of(key)
        if name == library and SpecifierSet(versions).contains(version, prereleases=True):
            return call
    return None


def calls(loss):
    """Return by library the call that gives the same mean loss in the version of LIBRARIES."""
    found = {name: call_of(loss, name, version) for name, (_, version, _) in LIBRARIES.items()}
    return {name: call for name, call in found.items() if call}


def evaluate(library, call, y_true, y_pred, gradient=False, **names):
    """Return the value of ``call``, or its derivative by ``y_pred``, as an array.

    ``names`` are other arrays that the call uses.  What the library warns of is not shown.
    """
    for module in SUBMODULES.get(library, ()):
        importlib.import_module(module)
    roots = {m.split(".")[0] for m in (library, *SUBMODULES.get(library, ()))}
    spaces = {root: importlib.import_module(root) for root in roots}
    names = {"y_true": y_true, **names}
    run = {"keras": _keras, "torch": _torch, "optax": _jax}.get(library, _numpy)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return np.asarray(run(call, spaces, names, y_pred, gradient))


def _keras(call, spaces, names, y_pred, gradient):
    tf = importlib.import_module("tensorflow")
    if not gradient:
        return eval(call, {**spaces, **names, "y_pred": tf.constant(y_pred)})
    with tf.GradientTape() as tape:
        p = tf.Variable(y_pred)
        value = eval(call, {**spaces, **names, "y_pred": p})
    return tape.gradient(value, p)


def _torch(call, spaces, names, y_pred, gradient):
    torch = spaces["torch"]
    names = {name: torch.tensor(array) for name, array in names.items()}
    p = torch.tensor(y_pred, requires_grad=gradient)
    value = eval(call, {**spaces, **names, "y_pred": p})
    return torch.autograd.grad(value, p)[0] if gradient else value


def _jax(call, spaces, names, y_pred, gradient):
    jax = importlib.import_module("jax")

    def value(p):
        return eval(call, {**spaces, "jax": jax, **names, "y_pred": p})

    with jax.enable_x64(y_pred.dtype == np.float64):
        names = {name: jax.numpy.array(array) for name, array in names.items()}
        return (jax.grad(value) if gradient else value)(jax.numpy.array(y_pred))


def _numpy(call, spaces, names, y_pred, gradient):
    if gradient:
        raise ValueError("NumPy has no gradient of a call. Measure its value.")
    return eval(call, {**spaces, **names, "y_pred": y_pred})
