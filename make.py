#!/usr/bin/env python3
"""Build the book or run its tests in an environment of its own.

    python3 make.py book     build the book and say where to open it
    python3 make.py watch    build the book, and again each time one of its files changes
    python3 make.py pdf      build the book and the cheat sheet for paper, with xelatex
    python3 make.py test     run all tests, those of a loss or a chapter, or what pytest is told
    python3 make.py lab      open the chapters in JupyterLab
    python3 make.py binder   do what Binder does and run a chapter in what it makes, on Linux
    python3 make.py teach    release, collect and grade assignments, on Linux
    python3 make.py lock     pin in requirements*.txt what requirements*.in choose
    python3 make.py newest   choose and pin the newest releases, to test the book with them
    python3 make.py links    ask whether each address in the book still answers
    python3 make.py clean    delete the environment and the built book

Needs Python 3.11, 3.12 or 3.13 on Linux, macOS or Windows; the tests need git too.
"""

import ast
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = ENVIRONMENT / "installed.json"
PURPOSES = "", "-browser", "-lab", "-benchmark", "-teach", "-lint"
REQUIREMENTS = [f"requirements{purpose}.txt" for purpose in PURPOSES]
BOOK, BROWSER, LAB, BENCHMARK, TEACH, LINT = REQUIREMENTS
VERSIONS = ("3.13", "3.12", "3.11")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LATEX = {
    "linux": "xargs -a .ci/latex.txt sudo apt install --no-install-recommends",
    "darwin": "brew install librsvg && brew install --cask mactex-no-gui",
    "win32": "TeX Live, from https://tug.org/texlive, and librsvg, from https://www.msys2.org",
}
# A book's trees live to its end; looking for garbage among them took a third of the time.  Where
# JupyterLab is installed, jsonschema compiles a grammar of addresses, which no page needs.
PREPARE = "import gc, sys; gc.disable(); sys.modules['rfc3987_syntax'] = None"
BUILD = PREPARE + "; from jupyter_book.cli.main import main; main()"
STRICT = ["-W", "-n", "--keep-going", "-q"]


def say(text):
    print(f"make.py: {text}", flush=True)


def run(*command, **options):
    """Run a command in the folder of the book; end with its exit code if it fails."""
    options = {"cwd": ROOT} | options
    if code := subprocess.run([str(part) for part in command], **options).returncode:
        sys.exit(code)


def with_a_supported_python(arguments):
    """Go on under a Python that the pinned packages support, or say which one to install."""
    if "{}.{}".format(*sys.version_info) in VERSIONS:
        return
    go_on_under(VERSIONS, arguments)
    sys.exit(f"This is Python {sys.version.split()[0]}; the book needs 3.11 to 3.13. Install one.")


def go_on_under(versions, arguments):
    """End with the code that these arguments give under the first Python that is found and runs."""
    for found in filter(None, (shutil.which(f"python{version}") for version in versions)):
        if subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            sys.exit(subprocess.run([found, __file__, *arguments]).returncode)


def environment(*files):
    """Make .venv hold what the files require; do nothing when it already does."""
    wanted = {file: (ROOT / file).read_text("utf-8") for file in ("pyproject.toml", *files)}
    wanted["place"] = [str(ROOT), sys.version]  # the programs of a moved environment do not run
    held = json.loads(STAMP.read_text("utf-8")) if STAMP.exists() else {}
    if held.get("place") != wanted["place"] or not PYTHON.exists():
        create()
        held = {}
    if not wanted.items() <= held.items():
        STAMP.unlink(missing_ok=True)  # an interrupted installation begins anew
        install(files)
        STAMP.write_text(json.dumps(held | wanted), "utf-8")


def create(place=None):
    """Make a virtual environment, with the pip that comes with Python or the distribution."""
    place = place or ENVIRONMENT
    shutil.rmtree(place, ignore_errors=True)
    # Where the environment is active, its own Python has just been deleted.
    python = getattr(sys, "_base_executable", sys.executable)
    run(python, "-m", "venv", "--without-pip", place)
    # Unpacking pip takes a twentieth of the time of ensurepip, which Debian leaves out besides.
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(pip_wheel(Path(folder))) as wheel:
        wheel.extractall(sysconfig.get_path("purelib", "venv", {"base": str(place)}))


def pip_wheel(folder):
    """Return pip's wheel: Python's own, or that of Debian or Ubuntu, unpacked into the folder."""
    for place in (sysconfig.get_path("stdlib") + "/ensurepip/_bundled", "/usr/share/python-wheels"):
        for wheel in Path(place).glob("pip-*.whl"):
            return wheel
    say("this Python has no pip; fetching the one of the distribution, without installing anything")
    apt = ["apt-get", "-q", "-oAcquire::Languages=none"]
    apt += [f"-oDir::State::Lists={folder}", f"-oDir::Cache={folder}"]
    try:
        for command in ([*apt, "update"], [*apt, "download", "python3-pip-whl"]):
            subprocess.run(command, cwd=folder, check=True)
        subprocess.run(["dpkg", "-x", next(folder.glob("*.deb")), folder], check=True)
        return next(folder.rglob("pip-*.whl"))
    except (subprocess.CalledProcessError, OSError, StopIteration) as error:
        sys.exit(f"pip could not be fetched ({error}). Install it: sudo apt install python3-venv")


def install(files):
    """Install with uv, in seconds, or with pip where uv cannot be had or fails."""
    say(f"installing {', '.join(files)} (several hundred MB the first time) into {ENVIRONMENT}")
    pip = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check"]
    lists = ["-e", ".", *(part for file in files for part in ("-r", file))]
    try:
        run(*pip, "--only-binary=:all:", "uv==0.13.9", capture_output=True)
        run(PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON, *lists, env=for_uv())
    except SystemExit:
        say("uv cannot be had or failed; pip installs instead, in minutes")
        run(*pip, *lists)


def for_uv():
    """Return the environment in which uv has the mirrors and certificates that pip was told."""
    told, command = dict(os.environ), [PYTHON, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    known = r"(?m)^(:env:|install|global)\.((?:extra-)?index-url|find-links|cert)=(.*)"
    for _, name, value in sorted(re.findall(known, listed), key=lambda line: line[0] == "global"):
        variable = "SSL_CERT_FILE" if name == "cert" else f"UV_{name.upper().replace('-', '_')}"
        values, between = ast.literal_eval(value).split(), " "
        if name == "find-links":  # pip goes on without a folder that is not there, uv does not
            values, between = [v for v in values if ":" in v or Path(v).exists()], ","
        # The first counts: uv's own setting, pip's variable, pip's file, there "install" first.
        told.setdefault(variable, between.join(values))
        if name == "extra-index-url":  # pip takes the best version of all indexes, uv of the first
            told.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return told


def browser():
    """Return the path of a Chromium or Chrome, or None."""
    return os.environ.get("CHROME_PATH") or next(filter(None, map(shutil.which, BROWSERS)), None)


def book(arguments):
    environment(BOOK)
    run(PYTHON, "-c", BUILD, "build", ".", *STRICT, *arguments)
    say(f"done. Open {(ROOT / '_build' / 'html' / 'index.html').as_uri()}")


def watch(arguments):
    if os.name == "nt":
        sys.exit("On Windows nothing watches. After each change: py make.py book")
    environment(BOOK)
    with contextlib.suppress(KeyboardInterrupt):
        run(PYTHON, "tools/watch.py", *arguments)


def pdf(arguments):
    """Build the book for paper: LaTeX by Sphinx, then PDF by xelatex, run until all is settled."""
    programs = "xelatex", "latexmk", "rsvg-convert"
    if not all(map(shutil.which, programs)):
        sys.exit(f"The PDF needs {', '.join(programs)}. To have them: {LATEX[sys.platform]}")
    environment(BOOK)
    latex, target = ROOT / "_build" / "latex", ROOT / "_build" / "pdf"
    run(PYTHON, "-c", BUILD, "build", ".", "--builder", "latex", *STRICT, *arguments)
    target.mkdir(exist_ok=True)
    # Sphinx's settings of latexmk ask for LATEXOPTS; what each pass prints is in the log.
    quietly = {"cwd": latex, "stdout": subprocess.DEVNULL, "env": {"LATEXOPTS": "", **os.environ}}
    for name in "cheat-sheet", "lossbook":  # the book holds the sheet
        try:
            run("latexmk", "-pdfxe", "-quiet", f"{name}.tex", **quietly)
        except BaseException:  # what is half written would stop all later runs
            run("latexmk", "-C", "-quiet", f"{name}.tex", **quietly)
            raise
        shutil.copy(latex / f"{name}.pdf", target)
        say(f"wrote {target / name}.pdf")
    say("to have them on the site: python3 make.py book")


def test(arguments):
    wanted = {BOOK: True, LINT: True, BROWSER: browser(), LAB: browser()}
    wanted |= {BENCHMARK: os.environ.get("REQUIRE_PEERS"), TEACH: os.environ.get("REQUIRE_TEACH")}
    environment(*filter(wanted.get, wanted))
    say(f"testing; pages are opened in {browser() or 'no browser: there is no Chromium or Chrome'}")
    run(PYTHON, "-m", "pytest", *chosen(arguments))


def chosen(arguments):
    """Return pytest's arguments; a loss or a chapter stands for all tests that name it."""
    what, *rest = arguments or [""]
    if what.isidentifier() and not (ROOT / what).exists():
        return ["tests", "lossbook", "-k", what, *rest]
    if what.endswith((".ipynb", ".md")):
        rules = [f"tests/test_{part}.py" for part in ("book", "repository", "spelling")]
        return [*[what] * what.endswith(".ipynb"), *rules, "-k", Path(what).stem, *rest]
    return arguments


def lab(arguments):
    environment(LAB)
    # JupyterLab hides drawings and sliders that a stranger may have stored until their cell is run.
    own = *ROOT.glob("*.ipynb"), *sorted(ROOT.glob("chapters/**/*.ipynb"))
    run(PYTHON, "-m", "jupyter", "trust", *own, stdout=subprocess.DEVNULL)
    run(PYTHON, "-m", "jupyterlab", *(arguments or ["chapters"]))


def binder(arguments):
    """Do what Binder does with the last commit, without a container, and run chapters there."""
    if sys.platform != "linux":
        sys.exit("Binder is Linux. On Windows, run this in the Windows Subsystem for Linux.")
    version = (ROOT / ".binder" / "runtime.txt").read_text("utf-8").strip().removeprefix("python-")
    if version != "{}.{}".format(*sys.version_info):
        go_on_under([version], ["binder", *arguments])
        say(f"Binder takes Python {version}, which is not found; this is {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder:
        tools, image, clone = (Path(folder, name) for name in ("tools", "image", "clone"))
        run("git", "clone", "-q", "--depth=1", ROOT.as_uri(), clone)
        base, steps = repo2docker(tools, clone, version)
        create(image)
        foreign = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
        own = {name: value for name, value in os.environ.items() if name not in foreign}
        own |= {"PATH": f"{image / 'bin'}:{own['PATH']}", "KERNEL_PYTHON_PREFIX": str(image)}
        own["PYTHONNOUSERSITE"] = "1"
        told = {"cwd": clone, "env": own}
        run("python", "-m", "pip", "install", "-q", "--force-reinstall", *base, **told)
        held, start = megabytes(image), time.monotonic()
        for step in steps:
            run("bash", "-c", step, **told)
        added, took = megabytes(image) - held, time.monotonic() - start
        say(f"added {added:.0f} MB to the {held:.0f} MB of {', '.join(base)} in {took:.0f} s")
        for chapter in arguments or ["chapters/formulas/variances.ipynb"]:
            start = time.monotonic()
            run("jupyter", "execute", chapter, **told)
            say(f"ran {chapter} in {time.monotonic() - start:.0f} s")


def repo2docker(tools, clone, version):
    """Return what the images of repo2docker hold, and the commands that it adds for the clone."""
    create(tools)
    run(tools / "bin/python", "-m", "pip", "install", "-q", "jupyter-repo2docker==2026.4.0")
    command = [tools / "bin/repo2docker", "--no-build", "--debug", clone]
    done = subprocess.run(command, capture_output=True, text=True)
    steps = re.findall(r"(?m)^RUN (.*(?:pip install|postBuild).*)", done.stdout + done.stderr)
    if done.returncode or not steps:
        sys.exit(f"repo2docker installs nothing:\n{done.stdout}{done.stderr}")
    lock = next(tools.rglob(f"environment.py-{version}-linux-64.lock")).read_text("utf-8")
    base = re.findall(r"/(pip|jupyterlab|notebook)-(\d[\d.]*)-", lock)  # the rest is small
    return [f"{name}=={number}" for name, number in base], steps


def megabytes(folder):
    """Return what the files below a folder take on the disk."""
    return sum(path.lstat().st_blocks for path in folder.rglob("*")) * 512 / 1e6


def teach(arguments):
    if sys.platform != "linux":
        sys.exit("Grading needs Linux. On Windows, run it in the Windows Subsystem for Linux.")
    environment(BOOK, TEACH)
    # The grader hears Ctrl-C too, and ends in order; paths are those of the teacher's folder.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        here = {"cwd": Path.cwd(), "env": os.environ | {"PYTHONPATH": str(ROOT)}}
        run(PYTHON, "-m", "teach", *arguments, **here)
    finally:
        signal.signal(signal.SIGINT, before)


def lock(arguments):
    """Pin what the .in files choose, for all platforms and Pythons."""
    environment(BOOK)
    resolve = [PYTHON, "-m", "uv", "pip", "compile", "-q", "--no-annotate", "--universal"]
    resolve += ["--python-version", "3.11", "--fork-strategy", "fewest", *arguments]
    # Wheels that lie on this machine are nobody else's.
    settings = for_uv() | {"UV_FIND_LINKS": "", "UV_CUSTOM_COMPILE_COMMAND": "python3 make.py lock"}
    settings.pop("UV_TORCH_BACKEND", None)  # nor is a build of torch that it asks for
    for file in REQUIREMENTS:
        run(*resolve, file.replace(".txt", ".in"), "-o", file, env=settings)
        # The CUDA build of torch pins these itself, and its CPU build needs none of them.
        text = re.sub(r"(?m)^(cuda-|nvidia-|triton).*\n", "", (ROOT / file).read_text("utf-8"))
        (ROOT / file).write_text(text, "utf-8", newline="\n")


def newest(arguments):
    """Forget each version that a .in file names by ==; limits that have a reason stay."""
    for file in REQUIREMENTS:
        chosen = ROOT / file.replace(".txt", ".in")
        text = re.sub(r"==[\w.]+", "", chosen.read_text("utf-8"))
        chosen.write_text(text, "utf-8", newline="\n")
    lock(["--upgrade", *arguments])
    say("test the book with them: python3 make.py test. Back: git restore 'requirements*'")


def links(arguments):
    environment(BOOK)
    builder = "--builder", "custom", "--custom-builder", "linkcheck"
    run(PYTHON, "-c", BUILD, "build", ".", *builder, "-q", *arguments)


def clean(arguments):
    for folder in (ENVIRONMENT, ROOT / "_build"):
        shutil.rmtree(folder, ignore_errors=True)
        say(f"deleted {folder}")


def main(name="", *arguments):
    commands = {
        command.__name__: command
        for command in (book, watch, pdf, test, lab, binder, teach, lock, newest, links, clean)
    }
    if name not in commands:
        sys.exit(__doc__)
    with_a_supported_python([name, *arguments])
    commands[name](arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
