"""Building a book as continuous integration does, and small books to build."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
import yaml
from contents import ROOT
from nbformat.v4 import new_markdown_cell, new_notebook

import make

# What tells the build where the book is kept and read.
ADDRESSES = ["BOOK_REPOSITORY_URL", "BOOK_BASEURL", "BOOK_BRANCH", "CI_PROJECT_URL"]
ADDRESSES += ["GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "GITHUB_REF_NAME"]


class Built(NamedTuple):
    code: int
    text: str
    html: Path


def surroundings(**addresses):
    """Return the environment of a build that knows the given addresses only."""
    environment = {k: v for k, v in os.environ.items() if k not in ADDRESSES}
    nowhere = str(ROOT / "none")  # no git remote either
    return environment | {"GIT_DIR": nowhere, "PYTHONPATH": str(ROOT), **addresses}


def build(source, target, **addresses):
    """Build a book as CI does, where a warning is an error; it knows the given addresses only."""
    options = ["--path-output", target, *make.STRICT]
    command = [sys.executable, "-c", make.BUILD, "build", source, *options]
    done = subprocess.run(command, env=surroundings(**addresses), capture_output=True, text=True)
    html = target / "_build" / "html"
    return Built(done.returncode, done.stdout + done.stderr, html)


def scratch_book(folder, **pages):
    """Write a book configured as this one: a notebook ``chapters/one`` and the given pages."""
    for name in ("_ext", "assets"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "references.bib").touch()
    (folder / "chapters").mkdir()
    one = new_notebook(cells=[new_markdown_cell("# One\n\nText.")])
    nbformat.write(one, folder / "chapters" / "one.ipynb")
    for name, text in {"index": "# Scratch\n\nText with $x$.", **pages}.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    chapters = [{"file": name} for name in ("chapters/one", *pages)]
    part = {"caption": "Part", "numbered": True, "chapters": chapters}
    toc = {"format": "jb-book", "root": "index", "parts": [part]}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), "utf-8")
    return folder
