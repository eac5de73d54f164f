"""Where readers run a chapter: JupyterLab in a browser, and Binder."""

import importlib.metadata
import importlib.util
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import time

import nbformat
import pytest
from contents import ASSIGNMENTS, NOTEBOOKS, ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from needs import need
from packaging.utils import canonicalize_name
from pages import visit

import make

# Quick ones: plain, with an explorer, with figures and data.
CHAPTERS = ["reference/errata/document-2", "foundations/what-a-loss-is", "formulas/variances"]
OPTIONS = [
    "--no-browser",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    "--allow-root",
    "--LabApp.expose_app_in_browser=True",
]
PLACES = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A running JupyterLab as (folder of its notebooks, address of a notebook, to be filled in)."""
    found = {name: importlib.util.find_spec(name) for name in ("jupyterlab", "jupyterlab_myst")}
    need("BROWSER", **found)
    folder, own = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("lab")
    environment = os.environ | dict.fromkeys(PLACES, str(own)) | {"PYTHONPATH": str(ROOT)}
    shutil.copy(ROOT / "chapters" / f"{CHAPTERS[-1]}.ipynb", folder / "stored.ipynb")
    trust = [sys.executable, "-m", "jupyter", "trust", folder / "stored.ipynb"]
    subprocess.run(trust, env=environment, check=True)
    token = secrets.token_hex()
    command = [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--IdentityProvider.token={token}"]
    with (own / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        end = time.monotonic() + 120
        while not (told := list(own.glob("jpserver-*.json"))):
            waits = server.poll() is None and time.monotonic() < end
            assert waits, (own / "log").read_text("utf-8")
            time.sleep(0.1)
        url = json.loads(told[0].read_text("utf-8"))["url"]
        yield folder, f"{url}lab/tree/{{}}.ipynb?token={token}&reset"
    finally:
        try:
            server.terminate()  # it ends its kernels
            server.wait(60)
        finally:
            server.kill()


RUN = """
() => jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model)
  .filter((model) => model.type === "code")
"""
ERRORS = f"""
() => ({RUN})().flatMap((model) => model.sharedModel.outputs)
  .filter((output) => output.output_type === "error").map((o) => `${{o.ename}}: ${{o.evalue}}`)
"""
SETTLED = f"() => ({RUN})().every((model) => model.executionCount) || ({ERRORS})().length"
# A cell is drawn once it comes into view.
SCROLL = """
async () => {
  const view = document.querySelector(".jp-WindowedPanel-outer");
  while (view.scrollTop + view.clientHeight < view.scrollHeight - 1) {
    view.scrollBy(0, view.clientHeight / 2);
    await new Promise((done) => setTimeout(done, 50));
  }
}
"""
NOT_LOADED = "images => images.filter((image) => !image.naturalWidth).length"
CURVES = "explorer => [...explorer.querySelectorAll('path.curve')].map((c) => c.getAttribute('d'))"
STILL = "an explorer stands still"
RAW = re.compile(r":::.*|\{\w+(?::\w+)?\}`.*")  # directives and roles of MyST as they are written


def problems_in_lab(tab, lab, name, notebook):
    """Open a notebook without its outputs in JupyterLab, run all cells, and return what is wrong.

    As many pictures and explorers must appear as there were in the outputs.
    """
    folder, address = lab
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [output.get("data", {}) for cell in cells for output in cell.outputs]
    moving = ['class="explorer"' in data.get("text/html", "") for data in shown]
    still = ["image/" in " ".join(data) for data, moves in zip(shown, moving) if not moves]
    expected = {"pictures": sum(still), "explorers": sum(moving)}
    for cell in cells:
        cell.update(outputs=[], execution_count=None)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    with visit(tab, address.format(name)) as noted:
        tab.get_by_text("| Idle").wait_for()
        for entry in ("Run", "Run All Cells"):
            tab.get_by_role("menuitem", name=entry, exact=True).click()
        tab.wait_for_function(SETTLED, timeout=300_000)
        tab.evaluate(SCROLL)
        # JupyterLab has script errors of its own, and warns of terms that lie in other files.
        problems = [problem for problem in noted if problem.startswith("requests")]
        found = {"pictures": tab.locator(".jp-OutputArea-output img")}
        found["explorers"] = tab.locator(".explorer")
        for what, there in found.items():
            if there.count() != expected[what]:
                problems.append(f"{there.count()} of {expected[what]} {what}")
        if count := found["pictures"].evaluate_all(NOT_LOADED):
            problems.append(f"{count} pictures are not loaded")
        problems += [STILL for there in found["explorers"].all() if stands_still(there)]
        problems += tab.evaluate(ERRORS)
        texts = tab.locator(".jp-MarkdownCell").locator(".myst, .jp-MarkdownOutput")
        problems += RAW.findall("\n".join(texts.all_inner_texts()))
        tab.evaluate("() => jupyterapp.serviceManager.sessions.shutdownAll()")
        tab.once("dialog", lambda dialog: dialog.accept())  # leave the page without saving
    return problems


def stands_still(explorer):
    """Return whether the slider of an explorer does not move its curves."""
    places = []
    for key in ("Home", "End"):
        explorer.locator("input").press(key)
        places.append((explorer.locator("output").inner_text(), explorer.evaluate(CURVES)))
    return any(start == end for start, end in zip(*places))


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_runs_in_jupyterlab(tab, lab, name):
    notebook = nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4)
    assert problems_in_lab(tab, lab, name.rpartition("/")[2], notebook) == []


def test_what_is_stored_in_a_trusted_chapter_is_seen_before_it_is_run(tab, lab):
    with visit(tab, lab[1].format("stored")):
        tab.get_by_text("| Idle").wait_for()
        tab.evaluate(SCROLL)
        found = tab.locator(".jp-OutputArea-output img")
        assert found.count() == 2 and not found.evaluate_all(NOT_LOADED)
        tab.evaluate("() => jupyterapp.serviceManager.sessions.shutdownAll()")


STUCK = '<div class="explorer"><input type="range"><output>1</output></div>'
BROKEN = f"""
from IPython.display import HTML, display
display(HTML({STUCK!r}))
1 / 0
"""


def test_what_fails_in_jupyterlab_is_reported(tab, lab):
    outputs = [new_output("display_data", {"image/png": "iVBORw0KGgo="})]
    outputs += [new_output("display_data", {"text/html": STUCK})] * 2
    cells = [new_markdown_cell("\\:::{note}"), new_code_cell(BROKEN, outputs=outputs)]
    cells.append(new_code_cell("'not run after an error'"))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = new_notebook(cells=cells, metadata=kernel)
    said = "\n".join(problems_in_lab(tab, lab, "broken", notebook))
    for what in ("0 of 1 pictures", "1 of 2 explorers", "ZeroDivisionError", ":::{note}", STILL):
        assert what in said


# --- what is installed, here and in Binder -----------------------------------------------

IMPORT = re.compile(r"(?m)^ *(?:import|from) (\w+)")
PROJECTS = importlib.metadata.packages_distributions()


def text(name):
    return (ROOT / name).read_text("utf-8")


def imports():
    """Yield (where, package) for what notebooks and lossbook import, but for cells of others."""
    for name in [*NOTEBOOKS, *ASSIGNMENTS]:
        cells = nbformat.read(ROOT / f"{name}.ipynb", as_version=4).cells
        codes = [cell.source for cell in cells if cell.cell_type == "code"]
        codes = [code for code in codes if not code.startswith("%%elsewhere")]
        yield from ((name, package) for package in IMPORT.findall("\n".join(codes)))
    for path in (ROOT / "lossbook").rglob("*.py"):
        yield from ((path.stem, package) for package in IMPORT.findall(path.read_text("utf-8")))


def missing(found):
    """Yield each import of a package that the whole book pins and the list for running does not."""
    pins = [re.findall(r"(?m)^([\w.-]+)==", text(name)) for name in (make.BOOK, make.LAB)]
    for where, package in sorted(set(found)):
        for name in map(canonicalize_name, PROJECTS.get(package, [])):
            if name in pins[0] and name not in pins[1]:
                yield f"{where}: {package}"


def test_what_runs_the_notebooks_is_a_list_of_its_own(commands, monkeypatch):
    wanted = []
    monkeypatch.setattr(make, "environment", lambda *files: wanted.extend(files))
    make.main("lab")
    assert wanted == [make.LAB] and commands[-1][0].endswith("-m jupyterlab chapters")
    trusted = commands[-2][0].split("-m jupyter trust ")[1].split()
    assert {str(ROOT / f"{name}.ipynb") for name in NOTEBOOKS} <= set(trusted)
    found = list(imports())
    assert {"numpy", "keras", "sympy", "packaging"} <= {package for _, package in found}
    assert list(missing(found)) == []
    assert list(missing([("one", "hypothesis"), ("one", "numpy")])) == ["one: hypothesis"]


def test_binder_gets_what_runs_the_notebooks_on_the_newest_python():
    assert "\npython3 make.py binder" in text(".ci/run")
    assert text(".binder/runtime.txt").strip() == f"python-{make.VERSIONS[0]}"
    mode = (ROOT / ".binder/postBuild").stat().st_mode
    assert os.name == "nt" or mode & 0o111, "Binder runs postBuild"
    assert "jupyter trust" in text(".binder/postBuild")
    line = re.search(r"pip install ((?:.*\\\n)*.*)", text(".binder/postBuild"))[1]
    *options, module, ipykernel, myst, keras, tensorflow = shlex.split(line.replace("\\\n", ""))
    assert options[-3:] == ["-c", make.LAB, "-e"] and module == ".[book]"
    pinned = text(make.LAB)
    for name in (ipykernel, myst, keras, tensorflow):
        assert f"\n{name.replace('_', '-')}==" in pinned, name


DOCKERFILE = """Building conda environment for python=3.13
RUN apt-get -qq update && \\
    apt-get -qq install --yes --no-install-recommends locales > /dev/null
COPY --chown=0:0 src/ ${REPO_DIR}/
RUN ${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir .
RUN chmod +x .binder/postBuild
RUN ./.binder/postBuild
"""
STEPS = ["${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir ."]
STEPS += ["chmod +x .binder/postBuild", "./.binder/postBuild"]
LOCK = "https://host/jupyterlab-4.4.9-pyhd_0.conda\nhttps://host/jupyterlab_myst-2.0-0\n"


@pytest.fixture
def commands(monkeypatch):
    """The commands that make.py would run, with their options."""
    noted = []

    def note(*command, **options):
        noted.append((" ".join(map(str, command)), options))

    monkeypatch.setattr(make, "run", note)
    monkeypatch.setattr(make, "create", lambda place: note("create", place.name))
    return noted


@pytest.mark.parametrize("told, code", [(DOCKERFILE, 0), (DOCKERFILE, 1), ("FROM base\n", 0)])
def test_the_steps_are_those_of_repo2docker(commands, monkeypatch, tmp_path, told, code):
    (tmp_path / "environment.py-3.13-linux-64.lock").write_text(LOCK, "utf-8")
    done = subprocess.CompletedProcess([], code, stdout="", stderr=told)
    monkeypatch.setattr(make.subprocess, "run", lambda *_, **__: done)
    if told != DOCKERFILE or code:
        with pytest.raises(SystemExit, match="repo2docker installs nothing"):
            make.repo2docker(tmp_path, tmp_path, "3.13")
    else:
        assert make.repo2docker(tmp_path, tmp_path, "3.13") == (["jupyterlab==4.4.9"], STEPS)


@pytest.mark.skipif(sys.platform != "linux", reason="Binder is Linux")
def test_the_replay_takes_the_steps_outside_of_the_clone(commands, monkeypatch, capsys):
    monkeypatch.setattr(make, "repo2docker", lambda *_: (["jupyterlab==4.4.9"], STEPS))
    monkeypatch.setattr(make, "go_on_under", lambda *_: None)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    make.main("binder", "chapters/a.ipynb")
    (clone, _), (made, _), *rest = commands
    assert clone.startswith("git clone") and made == "create image"
    lines = [line for line, _ in rest]
    assert lines[0].endswith("jupyterlab==4.4.9")
    assert lines[1:] == [*(f"bash -c {step}" for step in STEPS), "jupyter execute chapters/a.ipynb"]
    for _, options in rest:
        assert str(options["cwd"]) == clone.split()[-1] and not options["cwd"].is_relative_to(ROOT)
        assert "PYTHONPATH" not in options["env"] and "/image/bin:" in options["env"]["PATH"]
    assert "MB to the" in (said := capsys.readouterr().out) and "ran chapters/a.ipynb in" in said
