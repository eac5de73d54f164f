"""Helpers for notebooks: values that the prose quotes, and source code shown from the module."""

import ast
import inspect
import textwrap

from IPython.display import Markdown, display


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


def show_source(*objects):
    """Return the source code of functions, methods or classes as a highlighted block, without docstrings."""
    code = "\n".join(
        _without_docstrings(textwrap.dedent(inspect.getsource(o))) for o in objects
    )
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
            lines[text.lineno - 1 : text.end_lineno] = [""] * (
                text.end_lineno - text.lineno + 1
            )
    return "".join(lines)
