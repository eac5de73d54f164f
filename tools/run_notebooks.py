"""Execute notebooks in place and store their outputs.

    python tools/run_notebooks.py                        every chapter
    python tools/run_notebooks.py chapters/code/x.ipynb  the named ones

A second run gives the same bytes where the cells show the same.  Cell ids are the cell's number,
metadata that changes from run to run is dropped, pictures that are no drawings are stored in 256
colours, and the first code cell is set to the one that finds lossbook.

Notebooks here hold no address; the build writes them into the copies that readers download
(``_ext/plain.py``).
"""

import io
import sys
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "_ext"))
from plain import is_setup, setup_source  # noqa: E402

KEPT_METADATA = {"tags", "mystnb"}
HEAVY = 120_000  # bytes of a picture; a page may send 350,000 before anyone scrolls


def few_colours(picture):
    """Return a picture, PNG as base64 text, in 256 colours, or in 128 if it is heavy."""
    with Image.open(io.BytesIO(b64decode(picture))) as image:
        if image.mode == "P":
            return picture
        # The most different colours, then their means: no light fill or thin line loses its own.
        method, dither = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
        for colours in (256, 128):
            few = image.convert("RGB").quantize(colours, method, 1, dither=dither)
            stored = io.BytesIO()
            few.save(stored, "PNG", optimize=True, dpi=image.info.get("dpi"))  # its size on paper
            if stored.tell() < HEAVY:
                break
    return b64encode(stored.getvalue()).decode()


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
            for output in cell.outputs:
                if picture := output.get("data", {}).get("image/png"):
                    output.data["image/png"] = few_colours(picture)
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
