#!/usr/bin/env python3
"""Build the book or run its tests in an environment of its own.

    python3 make.py book     build the book and say where to open it
    python3 make.py test     run all tests; arguments after it go to pytest
    python3 make.py lab      open the chapters in JupyterLab
    python3 make.py clean    delete the environment and what was built

Needs Python 3.11, 3.12 or 3.13 and nothing else, on Linux, macOS or Windows.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = ENVIRONMENT / "installed.txt"
REQUIREMENTS = {
    "book": "requirements.txt",
    "browser": "requirements-browser.txt",
    "lab": "requirements-lab.txt",
}
VERSIONS = ("3.13", "3.12", "3.11")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def say(text):
    print(f"make.py: {text}", flush=True)


def run(*command, **options):
    """Run a command in the folder of the book; end with its exit code if it fails."""
    code = subprocess.run([str(part) for part in command], cwd=ROOT, **options).returncode
    if code:
        sys.exit(code)


def with_a_supported_python(arguments):
    """Go on under a Python that the pinned packages support, or say which one to install."""
    if "{}.{}".format(*sys.version_info) in VERSIONS:
        return
    for version in VERSIONS:
        found = shutil.which(f"python{version}")
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            sys.exit(subprocess.run([found, __file__, *arguments]).returncode)
    sys.exit(
        f"This is Python {sys.version.split()[0]}; the book needs 3.11, 3.12 or 3.13. Install one of them."
    )


def fingerprint(wanted):
    """Return what the environment depends on: its Python and the requirements."""
    parts = [sys.version, *sorted(wanted)]
    parts += [
        (ROOT / name).read_text("utf-8")
        for name in ("pyproject.toml", *sorted(REQUIREMENTS[w] for w in wanted))
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def environment(*wanted):
    """Make .venv hold what is wanted; do nothing when it already does."""
    place, *stamps = STAMP.read_text("utf-8").splitlines() if STAMP.exists() else [""]
    if place != str(ROOT) or not works(PYTHON):  # the programs of a moved environment do not run
        create()
    elif fingerprint(wanted) in stamps:
        return
    for name in wanted:
        say(f"installing {REQUIREMENTS[name]} (the first time this downloads several hundred MB)")
        run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-r", REQUIREMENTS[name])
    # Written last, so that an interrupted installation is taken up again.  What holds for two
    # purposes holds for the book alone.
    STAMP.write_text("\n".join([str(ROOT), fingerprint(("book",)), fingerprint(wanted)]), "utf-8")


def works(python):
    """Return whether this is a Python of the version that is running, with pip."""
    code = f"import sys, pip; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    return (
        python.exists()
        and subprocess.run([str(python), "-c", code], capture_output=True).returncode == 0
    )


def create():
    """Make the virtual environment, with pip in it."""
    say(f"making the environment {ENVIRONMENT} with Python {sys.version.split()[0]}")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(ENVIRONMENT)], capture_output=True, text=True
    )
    if made.returncode == 0 and works(PYTHON):
        return
    if shutil.which("apt-get") is None:
        sys.exit(made.stdout + made.stderr)
    # Debian and Ubuntu keep pip in a package of its own; unpacking it here needs no root.
    say("this Python has no pip; fetching the one of the distribution, without installing anything")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    run(sys.executable, "-m", "venv", "--without-pip", ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder:
        wheel = pip_from_distribution(pathlib.Path(folder))
        run(
            PYTHON,
            "-m",
            "pip",
            "install",
            "--no-index",
            wheel,
            env={**os.environ, "PYTHONPATH": str(wheel)},
        )


def pip_from_distribution(folder):
    """Download the package that holds pip's wheel and unpack it into ``folder``; return the wheel."""
    options = ["-o", "Acquire::Languages=none"]
    for key, place in (
        ("Dir::State", "state"),
        ("Dir::State::Lists", "state/lists"),
        ("Dir::Cache", "cache"),
    ):
        (folder / place).mkdir(parents=True, exist_ok=True)
        options += ["-o", f"{key}={folder / place}"]
    try:
        subprocess.run(["apt-get", "-q", *options, "update"], cwd=folder, check=True)
        subprocess.run(
            ["apt-get", "-q", *options, "download", "python3-pip-whl"], cwd=folder, check=True
        )
        (package,) = folder.glob("python3-pip-whl*.deb")
        subprocess.run(["dpkg", "-x", package.name, "."], cwd=folder, check=True)
    except (subprocess.CalledProcessError, OSError, ValueError) as error:
        sys.exit(f"pip could not be fetched ({error}). Install it: sudo apt install python3-venv")
    return next(folder.glob("usr/share/python-wheels/pip-*.whl"))


def browser():
    """Return the path of a Chromium or Chrome, or None."""
    return os.environ.get("CHROME_PATH") or next(filter(None, map(shutil.which, BROWSERS)), None)


def book(arguments):
    environment("book")
    say("building the book")
    run(
        PYTHON.with_name("jupyter-book"), "build", ".", "-W", "-n", "--keep-going", "-q", *arguments
    )
    page = ROOT / "_build" / "html" / "index.html"
    say(f"done. Open {page.as_uri()}")


def test(arguments):
    found = browser()
    environment(*(("book", "browser") if found else ("book",)))
    say(
        f"testing; the pages are opened in {found}"
        if found
        else "testing; no Chromium or Chrome found, so no page is opened"
    )
    run(PYTHON, "-m", "pytest", *arguments)


def lab(arguments):
    environment("book", "lab")
    run(PYTHON, "-m", "jupyterlab", *(arguments or ["chapters"]))


def clean(arguments):
    for folder in (ENVIRONMENT, ROOT / "_build"):
        shutil.rmtree(folder, ignore_errors=True)
        say(f"deleted {folder}")


COMMANDS = {"book": book, "test": test, "lab": lab, "clean": clean}


def main(arguments):
    if not arguments or arguments[0] not in COMMANDS:
        sys.exit(__doc__)
    with_a_supported_python(arguments)
    COMMANDS[arguments[0]](arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
