"""The libraries that losses are compared with, and how their calls are run."""

import ast
import importlib
import importlib.metadata
import importlib.util
import linecache
import re
import warnings
import zlib
from typing import NamedTuple

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
    """Return (library, versions) of a key of ``Claims.elsewhere``, as in ``keras==3.15.1``."""
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


class Quote(NamedTuple):
    """A statement of a listing, and what the comment behind it says comes out."""

    library: str  #: a key of LIBRARIES
    code: str  #: the statement
    name: str  #: the name that it assigns to, after that of the library; else the statement
    said: object  #: a number, a list of numbers, or the name of an exception
    digits: int  #: of these numbers, behind the point

    def difference(self, found):
        """Return in words how ``found`` differs from what is said, or an empty string."""
        if isinstance(self.said, str) or isinstance(found, str):
            same = found == self.said
        else:
            found = np.asarray(found, float)
            near = 0.6 * 10.0**-self.digits
            same = found.shape == np.shape(self.said)
            same = same and np.allclose(found, self.said, rtol=1e-7, atol=near, equal_nan=True)
        if same:
            return ""
        name, version = LIBRARIES[self.library][0], version_of(self.library)
        return f"{name} {version} gives {found}, not {self.said}: {self.name}: `{self.code}`"


def version_of(library):
    """Return the version of a library, None where it is not installed."""
    if not importlib.util.find_spec(library):
        return None
    return importlib.metadata.version({"sklearn": "scikit-learn"}.get(library, library))


def quotes(library, code):
    """Yield (statement as a tree, Quote or None) for the statements of a listing.

    A listing is a program for ``library``.  Where a comment behind a statement is a number, a list
    of numbers or the name of an exception, it says what comes out.

    >>> (_, quote), = quotes("torch", "half = 1 / 2  # 0.5")
    >>> quote.name, quote.said
    ('torch_half', 0.5)
    """
    for statement in ast.parse(code).body:
        line = code.splitlines()[statement.end_lineno - 1]
        comment = re.fullmatch(r"(.*)  # (-?(?:\d|\[|nan|inf).*|\w+Error)", line)
        if not comment:
            yield statement, None
            continue
        text = comment[2]
        said = text if text.endswith("Error") else eval(text, {"nan": np.nan, "inf": np.inf})
        digits = max(map(len, re.findall(r"\.(\d+)", text)), default=9)
        source = ast.unparse(statement)
        target = _assigned(statement)
        name = f"{library}_{target}" if target else source
        yield statement, Quote(library, source, name, said, digits)


def run_listing(library, code, space):
    """Yield (Quote, what came out) for the quotes of a listing, run in the namespace ``space``.

    Instead of a value, an exception comes out by its name.
    """
    space.setdefault("__name__", "__main__")
    file = f"<listing {zlib.crc32(code.encode()):08x}>"
    # TensorFlow reads the source of the functions that it compiles.
    linecache.cache[file] = len(code), None, code.splitlines(keepends=True), file
    for statement, quote in quotes(library, code):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                found = _run(statement, space, file)
            except Exception as error:
                if quote is None:
                    raise
                found = type(error).__name__
        if quote:
            yield quote, found


def _run(statement, space, file):
    if isinstance(statement, ast.Expr):
        return eval(compile(ast.Expression(statement.value), file, "eval"), space)
    exec(compile(ast.Module([statement], []), file, "exec"), space)
    return space.get(_assigned(statement))


def _assigned(statement):
    """Return the one name that a statement assigns to, or None."""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else None
