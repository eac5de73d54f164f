"""Execute notebooks in place and store their outputs.

    python tools/run_notebooks.py                        every chapter
    python tools/run_notebooks.py chapters/code/x.ipynb  the named ones

A second run gives the same bytes where the cells show the same.  Cell ids are the cell's number,
metadata that changes from run to run is dropped, and the first code cell is set to the one that
finds lossbook.

Notebooks here hold no address; the build writes them into the copies that readers download
(``_ext/plain.py``).
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "_ext"))
from plain import is_setup, setup_source  # noqa: E402

KEPT_METADATA = {"tags", "mystnb"}


def run(path):
    """Execute one notebook and write it back; return what went wrong, or None."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if is_setup(cell.source):
            cell.source = setup_source()
    client = NotebookClient(
        notebook,
        timeout=600,
        coalesce_streams=True,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except Exception as error:  # the notebook stays as it was
        return f"{path}: {error}"
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"{path.stem}-{number:03d}"[-64:]
        cell.metadata = {key: value for key, value in cell.metadata.items() if key in KEPT_METADATA}
        if cell.cell_type == "code":  # libraries log to stderr, with times and addresses
            cell.outputs = [
                o for o in cell.outputs if not (o.output_type == "stream" and o.name == "stderr")
            ]
    nbformat.write(notebook, path)
    print("stored", path, flush=True)


def notebooks():
    """Return the paths of all notebooks of the book."""
    paths = [*ROOT.glob("index.ipynb"), *sorted((ROOT / "chapters").rglob("*.ipynb"))]
    return [path for path in paths if ".ipynb_checkpoints" not in path.parts]


def main(arguments):
    paths = [Path(a).resolve() for a in arguments] or notebooks()
    with ThreadPoolExecutor(2) as pool:
        failures = [failure for failure in pool.map(run, paths) if failure]
    print(*failures, sep="\n", end="\n" if failures else "")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
