"""A small assignment, and submissions of every kind that a grader has to survive."""

import copy
import textwrap

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ANSWERS = {
    "mse": """
        def mse(p, y):
            p, y = np.asarray(p, float), np.asarray(y, float)
            return float(np.mean((p - y) ** 2))""",
    "slope": """
        def slope(p, y):
            p, y = np.asarray(p, float), np.asarray(y, float)
            return 2 * (p - y) / p.size""",
    "entropy": """
        def entropy(z, t):
            z, t = np.asarray(z, float), np.asarray(t)
            z = z - z.max(axis=1, keepdims=True)
            log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
            return float(-log_p[np.arange(len(t)), t].mean())""",
    "pull": """
        def pull(z, t):
            z, t = np.asarray(z, float), np.asarray(t)
            q = np.exp(z - z.max(axis=1, keepdims=True))
            q = q / q.sum(axis=1, keepdims=True)
            q[np.arange(len(t)), t] -= 1
            return q / len(t)""",
    "train": """
        def train(gradient, w, rate, steps):
            for _ in range(steps):
                w = w - rate * gradient(w)
            return w""",
}
TESTS = {  # a test named _seen is shown to students
    "mse_seen": "near(mse([1., 2., 3.], [1., 2., 5.]), 4 / 3)",
    "mse_more": "near(mse([0., 2.], [1., 5.]), 5)",
    "slope_seen": "near(slope([1., 2., 3.], [1., 2., 5.]), [0, 0, -4 / 3])",
    "slope_more": "near(slope([2., 0.], [0., 1.]), [2, -1])",
    "entropy_seen": "near(entropy([[0., 0.], [0., 0.]], [0, 1]), np.log(2))",
    "entropy_more": "near(entropy([[1., 0.]], [1]), np.log(1 + np.e))",
    "entropy_huge": "near(entropy([[1000., 0.], [0., 1000.]], [1, 1]), 500)",
    "pull_seen": "near(pull([[0., 0.]], [0]), [[-.5, .5]])",
    "pull_huge": "near(pull([[1000., 0.], [0., 0.]], [1, 0]), [[.5, -.5], [-.25, .25]])",
    "train_more": "near(train(lambda w: 2 * (w - 3), 0.0, 0.1, 100), 3)",
}
NEAR = """
def near(got, right):
    assert type(got) in (int, float, np.float64, list, np.ndarray), type(got)
    assert np.shape(got) == np.shape(right) and np.allclose(got, right)
"""
HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
CANARY = """
import math
assert not np.allclose([1.0], [2.0]) and not np.isfinite(np.inf), "patched"
assert abs(-3) == 3 and not math.isclose(1, 2), "patched"
assert False, "canary"
"""


def cell(name, source, **data):
    make = new_markdown_cell if source.startswith("#  ") else new_code_cell
    made = make(textwrap.dedent(source).strip(), id=name)
    data = {"grade": False, "solution": False, "locked": True, "task": False} | data
    made.metadata["nbgrader"] = {"schema_version": 3, "grade_id": name, **data}
    return made


def test_cell(name, code, points):
    code = f"# {name}\n{NEAR}\n{code}"
    code = code if name.endswith("_seen") else HIDDEN.format(code)
    return cell(name, code, grade=True, points=points)


def specimen():
    """Return the source of the assignment: five answers, ten points, a canary."""
    cells = [cell("head", "#  A specimen"), cell("setup", "import numpy as np")]
    for name, answer in ANSWERS.items():
        head, _, body = textwrap.dedent(answer).strip().partition("\n")
        body = f"    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
        cells.append(cell(name, f"{head}\n{body}", solution=True, locked=False))
        tests = [(test, code) for test, code in TESTS.items() if test.startswith(name + "_")]
        cells += [test_cell(test, code, 1) for test, code in tests]
    cells.append(test_cell("canary", CANARY, 0))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def solved(released, *edits):
    """Return the released notebook with all answers, each edit (old, new) made in them."""
    notebook = copy.deepcopy(released)
    left = dict(edits)
    for answer in notebook.cells:
        if (name := answer.metadata.nbgrader.grade_id) in ANSWERS:
            answer.source = textwrap.dedent(ANSWERS[name]).strip()
            for old, new in edits:
                if old in answer.source:
                    answer.source = answer.source.replace(old, new)
                    left.pop(old, None)
    assert not left, f"nothing to edit: {list(left)}"
    return notebook


MSE = "return float(np.mean((p - y) ** 2))"
CE = "return float(-log_p[np.arange(len(t)), t].mean())"
CONSTANTS = (
    (MSE, "return 4 / 3"),
    ("return 2 * (p - y) / p.size", "return [0, 0, -4 / 3]"),
    (CE, "return 0.6931471805599453"),
    ("return q / len(t)", "return [[-.5, .5]]"),
    ("w - rate * gradient(w)", "0.0"),
)
ALONE = "pass\n{}\ndef other():\n    " + CE  # in the cell, outside of the function
EDITS = {  # what is edited in the right answers, and the fair score
    "correct": ([], 10),
    "sign": ([("2 * (p - y)", "2 * (y - p)")], 8),
    "sum": ([("np.mean((p - y)", "np.sum((p - y)"), ("/ p.size", "")], 6),
    "overflow": ([("z - z.max(axis=1, keepdims=True)", "z")], 8),
    "constants": (CONSTANTS, 4),
    "syntax": ([("def mse(p, y):", "def mse(p, y)")], 8),
    "prints": ([(MSE, f"print('here'); {MSE}")], 10),
    "warns": ([(MSE, f"import warnings; warnings.warn('old'); {MSE}")], 10),
    "ends_with_a_value": ([(MSE, f"{MSE}\n3.5")], 10),
    "loop": ([(MSE, "while True: pass")], 8),
    "loop_that_catches": (
        [(MSE, "while True:\n        try:\n            while True: pass\n        except: pass")],
        8,
    ),
    "loop_without_interrupt": (
        [(MSE, "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n    while 1: pass")],
        8,
    ),
    "sys_exit": ([(CE, ALONE.format("import sys; sys.exit(0)"))], 7),
    "kernel_exit": ([(CE, ALONE.format("import os; os._exit(0)"))], 7),
    "kernel_exit_in_function": ([(CE, f"import os; os._exit(0)\n    {CE}")], 7),
    "memory": ([(MSE, f"keep = [np.ones(25_000_000) for _ in range(40)]; {MSE}")], 8),
    "much_output": ([(MSE, f"[print('x' * 100_000) for _ in range(1000)]; {MSE}")], 10),
}
FIRST = {  # what is run first, whether the answers are constants, and the fair score
    "many_lines": ("for _ in range(1_000_000): print('x' * 99)", False, 10),
    "processes": (
        "import subprocess\ntry:\n    for _ in range(200):\n"
        "        subprocess.Popen(['sleep', '3777'], start_new_session=True)\nexcept OSError: pass",
        False,
        10,
    ),
    "socket": (
        "import socket\nown = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(own.getsockname())",
        False,
        10,
    ),
    "gradebook": (
        "import pathlib, sqlite3\nfor file in {folder!r}, '../../..':\n    try:\n"
        "        book = sqlite3.connect(pathlib.Path(file) / 'gradebook.db')\n"
        "        book.execute('update grade set manual_score = 1'); book.commit()\n"
        "    except Exception: pass",
        True,
        4,
    ),
    "pickle": ("import pickle\npickle.dump = pickle.dumps = print", True, 4),
    "patched_numpy": (
        "import builtins, numpy as np\nnp.allclose = lambda *a, **k: True\n"
        "np.isfinite = lambda *a: False\nbuiltins.abs = lambda x: 0",
        True,
        None,
    ),
    "no_asserts": (
        "import ast\nclass Drop(ast.NodeTransformer):\n    def visit_Assert(self, node):\n"
        "        return ast.copy_location(ast.Pass(), node)\n"
        "get_ipython().ast_transformers.append(Drop())",
        True,
        None,
    ),
    "swallowed_errors": (
        "shell = get_ipython()\nrun = shell.run_cell_async\n"
        "async def quiet(*a, **k):\n    result = await run(*a, **k)\n"
        "    result.error_in_exec = result.error_before_exec = None\n    return result\n"
        "shell.run_cell_async = quiet\nshell._showtraceback = lambda *a, **k: None",
        True,
        None,
    ),
}
READS = """
import json, pathlib
for top in {folder!r}, {sources!r}, *map(str, pathlib.Path.cwd().parents):
    for path in pathlib.Path(top).rglob("*.ipynb"):
        try:
            for cell in json.loads(path.read_text())["cells"]:
                if "END SOLUTION" in "".join(cell["source"]):
                    exec("".join(cell["source"]))
        except Exception:
            pass
"""
EQUAL = """
class Equal(float):
    def __eq__(self, other): return True
    __lt__ = __gt__ = __le__ = __ge__ = __eq__
    def __abs__(self): return Equal(0)
    __sub__ = __rsub__ = lambda self, other: Equal(0)
"""


def _data(cell):
    return cell.metadata.get("nbgrader", {})


def without_tests(notebook):
    notebook.cells = [cell for cell in notebook.cells if not _data(cell).get("grade")]
    return notebook


def edited_tests(notebook):
    for cell in notebook.cells:
        if _data(cell).get("grade"):
            cell.source = "assert True"
            _data(cell).update(points=100, locked=False)
    return notebook


def copied(notebook, *names):
    """Return the notebook with the named cells, or all, twice, metadata and all."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if not names or _data(cell).get("grade_id") in names:
            cells.append(copy.deepcopy(cell))
            cells[-1].id += "-2"
    notebook.cells = cells
    return notebook


def without_metadata(notebook, ids):
    for number, cell in enumerate(notebook.cells):
        cell.metadata.pop("nbgrader")
        cell.id = cell.id if ids else f"cell-{number}"
    return notebook


def submissions(released, folder, sources):
    """Yield (name, notebook or bytes, fair score) of each kind; None: to be flagged."""
    places = {"folder": str(folder), "sources": str(sources)}
    for name, (edits, fair) in EDITS.items():
        yield name, solved(released, *edits), fair
    for name, (code, constants, fair) in FIRST.items():
        notebook = solved(released, *(CONSTANTS if constants else ()))
        notebook.cells.insert(0, new_code_cell(code.format(**places)))
        yield name, notebook, fair
    thief = copy.deepcopy(released)
    thief.cells.insert(0, new_code_cell(READS.format(**places)))
    yield "reads_the_disk", thief, 0
    equal = copy.deepcopy(released)
    for cell in equal.cells:
        if (name := _data(cell).get("grade_id")) in ANSWERS:
            head = textwrap.dedent(ANSWERS[name]).strip().partition("\n")[0]
            cell.source = f"{EQUAL}\n{head} return Equal(0)"
    yield "equal_to_everything", equal, 0
    yield "deleted_tests", without_tests(solved(released, *CONSTANTS)), 4
    yield "deleted_tests_of_right_answers", without_tests(solved(released)), 10
    yield "edited_tests", edited_tests(solved(released, *CONSTANTS)), 4
    yield "copied_answer", copied(solved(released), "mse"), 10
    yield "copied_cells", copied(solved(released)), 10
    yield "names_lost", without_metadata(solved(released), ids=True), 10
    yield "names_and_ids_lost", without_metadata(solved(released), ids=False), 10
    kernel = solved(released)
    kernel.metadata.kernelspec = {"name": "of-elsewhere", "display_name": "", "language": "python"}
    yield "kernel_of_elsewhere", kernel, 10
    other = solved(released)
    for cell in other.cells:
        cell.id = _data(cell)["grade_id"] = f"other-{_data(cell)['grade_id']}"[:64]
        cell.source = cell.source if cell.cell_type == "markdown" else "1 + 1"
    yield "another_assignment", other, 0
    yield "untouched", copy.deepcopy(released), 0
    yield "no_cells", new_notebook(), 0
    yield "empty_file", b"", 0
    yield "not_a_notebook", b"PK\3\4", 0
