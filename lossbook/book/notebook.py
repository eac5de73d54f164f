"""Helpers for notebooks: values, claims, source, formulas, exercises, code of others."""

import ast
import copy
import inspect
import linecache
import textwrap
import warnings
import zlib
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
from IPython.display import Markdown, Math, display

from .libraries import quotes, run_listing, version_of

#: what the comments of the listings in a notebook say, as in ``said.torch_half``; see listing
said = SimpleNamespace()


def glue(**values):
    """Record each value under its name, invisibly, in the outputs of the running cell.

    A number in the prose names the value it quotes, ``0.850<!--best_mse:.3f-->``, and
    tools/check_numbers.py compares the two.  Values are numbers or strings; a float is recorded
    with 8 significant digits, because the last ones differ between machines.  The record is
    the one of ``myst_nb.glue``.  In a cell: ``glue(best_mse=loss(y, model.forward(x)))``.
    """
    for name, value in values.items():
        plain = value.item() if hasattr(value, "item") else value
        plain = float(f"{plain:.8g}") if isinstance(plain, float) else plain
        prefix = "application/papermill.record/"
        metadata = {"scrapbook": {"name": name, "mime_prefix": prefix}}
        display({prefix + "text/plain": repr(plain)}, raw=True, metadata=metadata)


def claim(**conditions):
    """Record that each condition holds, under its name, invisibly, in the outputs of the cell.

    What a sentence says of a run, of a summary or of another library is a condition in a cell, and
    the sentence names it: ``It never settles.<!--claim never_settles-->``.
    tools/check_numbers.py reports names without a condition and conditions without a sentence.
    Raises AssertionError for the first condition that does not hold, and TypeError for what is
    neither true nor false.  In a cell: ``claim(never_settles=losses[-100:].max() > 1)``.
    """
    for name, holds in conditions.items():
        if not isinstance(holds, bool | np.bool_):
            raise TypeError(f"{name} is {holds!r}: a claim is true or false. Use a comparison.")
        assert holds, f"{name} does not hold. Correct the sentence that rests on it."
    glue(**dict.fromkeys(conditions, True))


def show_source(*objects):
    """Return the source of functions, methods or classes without docstrings, highlighted."""
    code = "\n".join(_without_docstrings(textwrap.dedent(inspect.getsource(o))) for o in objects)
    return Markdown(f"```python\n{code.rstrip()}\n```")


def _without_docstrings(code):
    lines = code.splitlines(keepends=True)
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, ast.FunctionDef | ast.ClassDef)
            and ast.get_docstring(node)
            and len(node.body) > 1
        ):
            text = node.body[0]
            lines[text.lineno - 1 : text.end_lineno] = [""] * (text.end_lineno - text.lineno + 1)
    return "".join(lines)


def formula(loss, value=None, gradient=None):
    r"""Typeset a formula of ``loss``, after checking it against the definition of the loss.

    ``value`` or ``gradient`` is a SymPy expression in the ``symbols(loss)`` and ``PARAMETERS`` of
    ``lossbook.book.symbolic``, in the form in which it is to be read; classes count from 1 to
    ``k``, and a gradient by a row is its entry ``j``.  Without one, the definition itself is
    shown.  Raises AssertionError where the expression is not the loss, or not its derivative: it
    is compared at random points with SymPy's own.

    >>> from lossbook import SquaredError
    >>> from lossbook.book.symbolic import symbols
    >>> y, p = symbols(SquaredError())
    >>> print(formula(SquaredError(), gradient=2 * p - 2 * y).data)
    \frac{\partial \ell}{\partial \hat{y}} = 2 \hat{y} - 2 y
    """
    from . import card, symbolic

    if value is not None:
        symbolic.require_same(loss, value)
    if gradient is not None:
        symbolic.require_same(loss, gradient, derivative=True)
    both = value is None and gradient is None
    shown = card.formula(loss) if both else card.equations(loss, value, gradient)
    lines = [line for line in shown if line]
    if len(lines) == 1:
        return Math(lines[0])
    lines = [line.replace("=", "&=", 1) for line in lines]
    return Math(r"\begin{aligned}" + r" \\[4pt] ".join(lines) + r"\end{aligned}")


def check_attempt(attempt, solution, *cases, tolerance=1e-9):
    """Say whether a reader's function gives what ``solution`` gives, for each tuple of arguments.

    A function that is still empty returns None, and gets a hint instead of an error.  Raises
    AssertionError that shows the first case in which the two differ by more than ``tolerance``,
    relative to what is right.
    """
    for case in cases:
        # A step in place writes into its arguments.
        own = (copy.deepcopy(a) if isinstance(a, (np.ndarray, list)) else a for a in case)
        got, expected = attempt(*own), np.asarray(solution(*case), float)
        if got is None or got is Ellipsis:
            print(f"{attempt.__name__} returns nothing yet: fill it in and run this cell again.")
            return
        got = np.asarray(got, float)
        arguments = ", ".join(np.array2string(np.asarray(a), threshold=6) for a in case)
        call = f"{attempt.__name__}({arguments})"
        hint = f"{call} should have shape {expected.shape}; yours has {got.shape}."
        assert got.shape == expected.shape, hint
        # Below the digits of the largest entry, what is left of a sum to 0 may differ.
        noise = 1e-15 * np.abs(expected).max(initial=0, where=np.isfinite(expected))
        close = np.isclose(got, expected, rtol=tolerance, atol=noise, equal_nan=True)
        hint = f"{call} should be {expected}; yours is {got}. Look at where they differ."
        assert close.all(), hint
    tried = f"all {len(cases)} cases" if len(cases) > 1 else "the one case"
    print(f"Right: {attempt.__name__} agrees in {tried}.")


def expect(got, right, asked, where, tolerance=1e-9):
    """Raise AssertionError unless an answer to an assignment is the number or array ``right``.

    The message says what was ``asked`` for and ``where`` the book explains it, not what is right: a
    hidden test stays hidden.  ``tolerance`` is relative to the largest entry.
    """
    try:  # what an object of the student's says of itself, such as being equal to all, is not asked
        found = np.asarray(got)
        found = found.astype(float) if found.dtype.kind in "biuf" else None
    except ValueError:  # rows of different lengths
        found = None
    right = np.asarray(right, float)
    if found is not None and found.shape == right.shape:
        if np.allclose(
            found, right, rtol=0, atol=tolerance * max(abs(right).max(initial=0), 1e-300)
        ):
            return
        yours = " ".join(np.array2string(found, threshold=12).split())
    elif found is not None:
        kinds = [
            f"an array of shape {x.shape}" if x.shape else "one number" for x in (found, right)
        ]
        yours = " instead of ".join(kinds)
    else:
        yours = f"no numbers but {textwrap.shorten(repr(got), 60)}"
    raise AssertionError(f"Asked for: {asked}.\nYours: {yours}\nThe book: {where}")


def run_as_printed(code):
    """Run code of others exactly as it is printed, and return its names.

    It starts from an empty namespace.  The exception that ends it is shown as one line, and a
    UserWarning too; other warnings are left out.  In a notebook,
    ``%load_ext lossbook.book.notebook`` makes a cell of it: ``%%as_printed``, or
    ``%%as_printed name`` to keep the names as a dictionary ``name`` for the cells below.

    >>> names = run_as_printed("x = 2\\nprint(x)\\nprint(y)")
    2
    NameError: name 'y' is not defined
    >>> names["x"]
    2
    """
    namespace = {"__name__": "__main__"}
    file = f"<as printed {zlib.crc32(code.encode()):08x}>"
    # TensorFlow reads the source of the functions that it compiles.
    linecache.cache[file] = len(code), None, code.splitlines(keepends=True), file
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = lambda message, category, *_: _print_line(category, message)
        try:
            exec(compile(code, file, "exec"), namespace)
        except Exception as error:
            _print_line(type(error), error)
    return namespace


def _print_line(kind, message):
    print(f"{kind.__name__}: {message}".splitlines()[0].rstrip(": "))


def listing(library, code, space):
    """Return by name what the comments of a listing say, after comparing it with what comes out.

    Where the library is not installed, nothing is run, and what the comments say is quoted.  The
    tests run each listing of a chapter.  ``%load_ext lossbook.book.notebook`` makes a cell of it:
    ``%%elsewhere torch``; the listings of a library share their names, and ``said.torch_half`` is
    what the comment behind ``half = ...`` says.  Raises AssertionError where another value comes
    out.

    >>> listing("keras", "half = 1 / 2  # 0.5", {})
    {'keras_half': 0.5}
    """
    if version_of(library):
        for quote, found in run_listing(library, code, space):
            assert not quote.difference(found), quote.difference(found)
    return {quote.name: quote.said for _, quote in quotes(library, code) if quote}


def load_ipython_extension(shell):
    """Register ``%%as_printed`` and ``%%elsewhere``: see run_as_printed and listing."""
    spaces = defaultdict(dict)

    def elsewhere(line, cell):
        library = line.strip()
        vars(said).update(listing(library, cell, spaces[library]))

    def as_printed(line, cell):
        namespace = run_as_printed(cell)
        if line.strip():
            shell.user_ns[line.strip()] = namespace

    shell.register_magic_function(as_printed, "cell")
    shell.register_magic_function(elsewhere, "cell")
