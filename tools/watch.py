"""Build the book, and again each time one of its files changes, until Ctrl-C.

    python tools/watch.py [options of jupyter-book build]

In the folder of the book, on Linux or macOS.  Loading Sphinx and all that the book adds to it takes
as long as building a page: it is loaded once, and each build is a fork of this process.
"""

import contextlib
import importlib
import multiprocessing
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
import make  # noqa: E402

FOLDERS = "_ext", "assets", "assignments", "chapters", "lossbook"
MADE = {"__pycache__", ".ipynb_checkpoints"}
PAUSE = 0.2  # seconds; a file is still being written if it differs after that
fork = multiprocessing.get_context("fork")


def files():
    """Return the time of the last change of each file of the book."""
    paths = [*Path().glob("*.*"), *(path for name in FOLDERS for path in Path(name).rglob("*.*"))]
    with contextlib.suppress(FileNotFoundError):  # an editor's, which lives for a moment
        return {path: path.stat().st_mtime_ns for path in paths if not MADE & {*path.parts}}


def settled(before):
    """Return the files when they differ from those before and no longer change."""
    last, now = None, files()
    while now == before or now != last:
        time.sleep(PAUSE)
        last, now = now, files()
    return now


def build(options, told):
    """Build the book; tell the names of the modules that it took, but for the book's own."""
    sys.argv = ["jupyter-book", "build", ".", *make.STRICT, *options]
    try:
        exec(make.BUILD, {"__name__": "__main__"})
    finally:
        own = tuple(f"{Path(name).resolve()}{os.sep}" for name in FOLDERS)
        held = {name: getattr(module, "__file__", "") for name, module in sys.modules.items()}
        told.send([name for name, file in held.items() if not (file or "").startswith(own)])


def build_in_fork(options):
    """Build in a fork of this process, and load what it has loaded."""
    start = time.monotonic()
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=build, args=(options, there))
    process.start()
    there.close()
    names = []
    with contextlib.suppress(EOFError):  # it was killed
        names = here.recv()
    process.join()
    state = "failed, see above" if process.exitcode else "done"
    make.say(f"{state}, {time.monotonic() - start:.1f} s; waiting for a change")
    for name in names:
        with contextlib.suppress(Exception):  # it can be loaded in some order only, or by a fork
            importlib.import_module(name)


def main(options):
    exec(make.PREPARE)
    seen = None
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            seen = settled(seen)
            build_in_fork(options)


if __name__ == "__main__":
    main(sys.argv[1:])
