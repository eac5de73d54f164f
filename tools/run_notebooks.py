"""Execute notebooks in place and store their outputs.

    python tools/run_notebooks.py                        every chapter
    python tools/run_notebooks.py chapters/code/x.ipynb  the named ones
    python tools/run_notebooks.py --addresses            run none, write where the book is kept

A second run gives the same bytes where the cells show the same.  Cell ids are the cell's number,
metadata that changes from run to run is dropped, pictures are stored in 256 colours, and the first
code cell is set to the one that finds lossbook.

Committed notebooks hold no address, so that a copy of the repository can be published as it is.
``--addresses`` is for the branch that a published site opens in Colab: with the address of the
repository (see ``_ext/bookenv.py``) the first code cell installs lossbook, and with that of the
site, in BOOK_BASEURL, a line below the title leads to the full page.  Without them it takes both
out again.
"""

import io
import os
import sys
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_markdown_cell
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "_ext"))
from bookenv import repository_url  # noqa: E402

KEPT_METADATA = {"tags", "mystnb"}
HEAVY = 120_000  # bytes of a picture; a page may send 350,000 before anyone scrolls
READ_ID = "full-page"
SETUP = """\
# Find lossbook: installed, or in the clone of the book that this notebook lies in.
import importlib.util, pathlib, sys

if not importlib.util.find_spec("lossbook"):
    folders = [pathlib.Path.cwd(), *pathlib.Path.cwd().parents]
    sys.path += [str(f) for f in folders if (f / "lossbook" / "base.py").exists()]"""
DOWNLOAD = """
if not importlib.util.find_spec("lossbook"):
    %pip install -q "lossbook[book] @ git+{url}"
    importlib.invalidate_caches()"""
MISSING = """
if not importlib.util.find_spec("lossbook"):
    raise ModuleNotFoundError(
        "This notebook needs lossbook, a part of the book: get the whole book, run "
        "`python3 make.py lab` in its folder, and open it there."{where}
    )"""
WHERE = """
        " The book: {url}\""""
READ = """\
[The full page]({page}), on the site of the book, numbers the formulas, links the references, and
lays out boxes, figures and solutions. Not every program that opens notebooks does."""


def setup_source(url=""):
    """Return the source of the first code cell; it installs lossbook where the address is known."""
    download, where = (text.format(url=url) if url else "" for text in (DOWNLOAD, WHERE))
    return SETUP + download + MISSING.format(where=where)


def is_setup(cell):
    """Return whether a code cell is the one that finds lossbook."""
    return cell.source.startswith(SETUP.splitlines()[0])


def address(notebook, page, repository="", site=""):
    """Write into a notebook where the book is kept and where its page is read, or take both out.

    The line for readers is of no use on the site, which leaves it out by its tag.
    """
    for cell in notebook.cells:
        if is_setup(cell):
            cell.source = setup_source(repository)
    notebook.cells = [cell for cell in notebook.cells if cell.id != READ_ID]
    if site:
        text = READ.format(page=f"{site.rstrip('/')}/{page}.html")
        line = new_markdown_cell(text, id=READ_ID, metadata={"tags": ["remove-cell"]})
        notebook.cells.insert(1, line)


def write_addresses():
    """Address each notebook that readers open, from the environment, without running it."""
    repository, site = repository_url(ROOT), os.environ.get("BOOK_BASEURL", "")
    for path in [*notebooks(), *sorted((ROOT / "assignments").glob("*.ipynb"))]:
        notebook = nbformat.read(path, as_version=4)
        address(notebook, path.relative_to(ROOT).with_suffix("").as_posix(), repository, site)
        nbformat.write(notebook, path)
    print(f"repository: {repository or 'unknown'}, site: {site or 'unknown'}")


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
    address(notebook, path.stem)
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
    if arguments == ["--addresses"]:
        return write_addresses()
    paths = [Path(a).resolve() for a in arguments] or notebooks()
    with ThreadPoolExecutor(2) as pool:
        failures = [failure for failure in pool.map(run, paths) if failure]
    print(*failures, sep="\n", end="\n" if failures else "")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
