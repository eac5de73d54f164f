"""What all tests share: settings, modules outside of packages, their order, a browser."""

import atexit
import importlib.util
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from contents import ROOT
from needs import need

# Kernels inherit it.  The workers share the cores, and on small matrices further threads only wait.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Where no bytecode may be written, each kernel compiles thousands of files of TensorFlow again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A shell has what it starts in the background ignore Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Kernels run this first: a chapter needs no network, so none is there.
OFFLINE = """
def refuse(name, *rest, known=__import__("socket").getaddrinfo, **options):
    if name not in ("127.0.0.1", "localhost", None):
        raise OSError(f"a chapter that asks {name} does not run without a network")
    return known(name, *rest, **options)
__import__("socket").getaddrinfo = refuse
del refuse
"""
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="ipython-")
    atexit.register(shutil.rmtree, os.environ["IPYTHONDIR"], ignore_errors=True)
    startup = Path(os.environ["IPYTHONDIR"], "profile_default", "startup")
    startup.mkdir(parents=True)
    (startup / "offline.py").write_text(OFFLINE, "utf-8")
# make, bookenv, check_numbers and run_notebooks belong to no package.
sys.path[:0] = [str(ROOT / folder) for folder in ("", "_ext", "tools")]

# Root has no sandbox, and no page needs a host other than this machine.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
OPTIONS += ["--disable-background-networking", "--disable-component-update"]
OPTIONS += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


LONGEST = ["test_site.py", "test_lab.py", "test_assignments.py", "test_grader.py"]


def pytest_collection_modifyitems(items):
    """Start the longest files first, so that no worker is left alone with one."""
    sizes = Counter(item.path for item in items)
    ranks = {path: [*LONGEST, path.name].index(path.name) for path in sizes}
    items.sort(key=lambda item: (ranks[item.path], -sizes[item.path], item.path))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The built book; the worker that asks first builds it, the others wait."""
    from building import Built, build

    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder, done = shared / "site", shared / "site-is-built.json"
    try:
        folder.mkdir()
    except FileExistsError:
        end = time.monotonic() + 1800  # a worker that died finishes nothing
        while not done.exists() and time.monotonic() < end:
            time.sleep(1)
    else:
        code, text, _ = build(ROOT, folder)
        part = done.with_suffix(".part")
        part.write_text(json.dumps([code, text]), "utf-8")
        part.rename(done)
    built = Built(*json.loads(done.read_text("utf-8")), folder / "_build" / "html")
    assert (built.html / "index.html").exists(), built.text
    return built


@pytest.fixture(scope="module")
def tab():
    """The one tab of a browser; skip without a browser, or fail where one is promised."""
    from make import browser

    packages = "playwright", "axe_playwright_python"
    found = {name: importlib.util.find_spec(name) for name in packages}
    need("BROWSER", **found, **{"a Chromium or Chrome, on the path or in CHROME_PATH": browser()})
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser(), args=OPTIONS)
        tab = running.new_page()
        tab.set_default_timeout(120_000)  # a busy machine is slow, not wrong
        yield tab
        running.close()
