"""Bring what a student hands in into the form of what was handed out."""

import copy

import nbformat
from nbformat.v4 import new_code_cell

CANARY = "canary"  # the name of a test that must fail: if it does not, the kernel was tampered with
LARGEST = 20 << 20  # bytes of a notebook without its outputs are far fewer


class Unreadable(Exception):
    """What was handed in is no notebook, or none with code; says why."""


def read(path):
    """Return the notebook at ``path`` without outputs; raise Unreadable."""
    if path.stat().st_size > LARGEST:
        raise Unreadable(f"larger than {LARGEST >> 20} MB")
    try:
        notebook = nbformat.read(path, as_version=4)
        cells = [cell for cell in notebook.cells if isinstance(cell.source, str)]
    except Exception as error:
        raise Unreadable(f"no notebook: {type(error).__name__}") from None
    if not any(cell.cell_type == "code" and cell.source.strip() for cell in cells):
        raise Unreadable("a notebook without code")
    notebook.cells = cells
    return notebook


def name_of(cell):
    """Return the nbgrader name of a cell, or None."""
    data = cell.metadata.get("nbgrader")
    return data.get("grade_id") if isinstance(data, dict) else None


def is_answer(cell):
    return bool(cell.metadata.nbgrader.get("solution"))


def restored(submitted, released):
    """Return the released notebook with the answers, and all other code, of the submitted one.

    Each released cell stands in its place, whatever became of it: deleted, edited or copied tests
    come back as they were.  An answer is known by its name, else by its cell's id, where a program
    has dropped the metadata.  A cell of code that is neither stands behind the released cell
    that it follows, so what a student adds is run where it was added.
    """
    result = copy.deepcopy(released)
    places = {name_of(cell): n for n, cell in enumerate(result.cells) if name_of(cell)}
    ids = {cell.id: name_of(cell) for cell in result.cells if name_of(cell)}
    answered, extra, last = set(), {}, min(places.values()) - 1
    nameless = not any(name_of(cell) in places or cell.get("id") in ids for cell in submitted.cells)
    if nameless:  # their order is all that is left: first all that is theirs, then the tests
        last = -1
    for cell in submitted.cells:
        name = name_of(cell) or ids.get(cell.get("id"))
        place = places.get(name)
        if place is not None and not nameless:
            last = place
            known = result.cells[place]
            if not is_answer(known):
                continue
            if name not in answered and cell.cell_type == known.cell_type:
                known.source = cell.source
                answered.add(name)
                continue
        if cell.cell_type == "code" and cell.source.strip():
            extra.setdefault(last, []).append(new_code_cell(cell.source))
    for name, place in places.items():  # a stub would undo an answer that stands elsewhere
        if is_answer(result.cells[place]) and name not in answered:
            result.cells[place].source = ""
    cells = list(extra.get(-1, []))
    for n, cell in enumerate(result.cells):
        cells += [cell, *extra.get(n, [])]
    result.cells = cells
    return result, nameless
