"""The repository itself: style, pins, versions, licences, the front pages' code, and make.py."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import lossbook
from lossbook import CATALOGUE

ROOT = Path(__file__).parents[1]


def text(name):
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=str)
def test_style(arguments):
    result = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "--quiet", ROOT], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "requirements-benchmark.txt",
        "requirements-browser.txt",
        "requirements-lab.txt",
    ],
)
def test_requirements_are_pinned(name):
    lines = [
        line.split(";")[0].strip()
        for line in text(name).splitlines()
        if line and not line.startswith("#")
    ]
    loose = [
        line for line in lines if line != "-e ." and not re.fullmatch(r"[\w.-]+==[\w.]+", line)
    ]
    names = [line.split("==")[0].lower().replace("_", "-") for line in lines]
    assert not loose and len(names) == len(set(names))


def test_the_version_is_the_same_everywhere():
    version = lossbook.__version__
    assert f'version = "{version}"' in text("pyproject.toml")
    assert yaml.safe_load(text("CITATION.cff"))["version"] == version
    assert yaml.safe_load(text("_config.yml"))["sphinx"]["config"]["release"] == version
    assert f"Version {version}" in text("chapters/front/how-to-use.md")


def test_licences_name_every_data_file():
    page = text("chapters/reference/licences.md")
    for name in ("MIT", "CC BY 4.0", "digits.npz", "ShareAlike 3.0", "BSD 3-Clause", "MathJax"):
        assert name in page
    assert text("LICENSE").startswith("MIT License") and "CC BY 4.0" in text("LICENSE-PROSE.md")
    assert "Redistribution and use" in text("lossbook/book/datasets/LICENSE-scikit-learn.txt")


def test_every_citation_has_what_a_reader_needs():
    entries = re.findall(r"@\w+\{(\w+),(.*?)\n\}", text("references.bib"), re.S)
    assert len(entries) > 10
    for key, fields in entries:
        names = set(re.findall(r"^\s*(\w+) =", fields, re.M))
        assert {"author", "title", "year"} <= names and names & {
            "journal",
            "booktitle",
            "publisher",
            "institution",
            "eprint",
        }, key


def test_binder_gets_what_it_needs():
    assert re.fullmatch(r"python-3\.1[123]", text("runtime.txt").strip())
    assert (ROOT / "postBuild").stat().st_mode & 0o111, (
        "Binder runs postBuild, so it must be executable"
    )
    assert "tensorflow-cpu==" in text("requirements.txt") and "-e ." in text("requirements.txt")


@pytest.mark.parametrize("page", ["index.md", "chapters/reference/api.md"])
def test_code_on_a_page_gives_what_its_comments_say(page):
    blocks = [
        block for block in re.findall(r"```python\n(.*?)```", text(page), re.S) if "#" in block
    ]
    assert blocks
    compared = 0
    for block in blocks:
        names = {}
        for line in block.splitlines():
            expression, _, said = line.partition("  # ") if "  # " in line else (line, "", "")
            if not said:
                exec(line, names)
                continue
            value = np.ravel(eval(expression, names)) if "value_and" not in expression else None
            numbers = [float(n) for n in re.findall(r"-?\d[\d.]*(?:e-?\d+)?", said)]
            if value is not None:
                assert np.allclose(value, numbers[: len(value)], rtol=1e-7), (
                    f"{expression}: {value}, said {said}"
                )
                compared += 1
    assert compared >= 2


def test_a_new_loss_is_documented_and_defined():
    from lossbook.book import symbolic

    page = text("chapters/reference/api.md")
    for loss in CATALOGUE:
        assert symbolic.is_defined(loss) or loss.formula, loss
        assert type(loss).__name__ in lossbook.__all__
        assert type(loss).__module__ in page


@pytest.fixture
def make(tmp_path, monkeypatch):
    """The commands of make.py, in a folder of their own and with pip only pretended."""
    specification = importlib.util.spec_from_file_location("make", ROOT / "make.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    for name in ("pyproject.toml", *module.REQUIREMENTS.values()):
        (tmp_path / name).write_text(text(name), "utf-8")
    commands = []
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "installed.txt")
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(
        module, "run", lambda *command, **options: commands.append([str(c) for c in command])
    )
    monkeypatch.setattr(module, "create", lambda: (tmp_path / ".venv").mkdir(exist_ok=True))
    module.commands = commands
    return module


def installed(make):
    found = [command[-1] for command in make.commands if "install" in command]
    make.commands.clear()
    return found


def test_make_installs_once_and_again_after_a_change(make, tmp_path):
    make.environment("book")
    assert installed(make) == ["requirements.txt"]
    make.environment("book")
    assert installed(make) == []
    make.environment("book", "browser")
    assert installed(make) == ["requirements.txt", "requirements-browser.txt"]
    make.environment("book")
    assert installed(make) == []
    (tmp_path / "requirements.txt").write_text("numpy==2.4.7", "utf-8")
    make.environment("book")
    assert installed(make) == ["requirements.txt"]


def test_make_takes_up_an_interrupted_installation(make, monkeypatch):
    def interrupted(*command, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(make, "run", interrupted)
        make.environment("book")
    make.environment("book")
    assert installed(make) == ["requirements.txt"]


def test_make_starts_anew_in_another_place(make, tmp_path):
    make.environment("book")
    installed(make)
    make.STAMP.write_text(
        make.STAMP.read_text("utf-8").replace(str(tmp_path), "/elsewhere"), "utf-8"
    )
    make.environment("book")
    assert installed(make) == ["requirements.txt"]


def test_make_says_what_it_can_do():
    result = subprocess.run(
        [sys.executable, ROOT / "make.py", "nonsense"], capture_output=True, text=True
    )
    assert result.returncode == 1 and "python3 make.py book" in result.stderr
    for command in ("book", "test", "lab", "clean"):
        assert f"make.py {command}" in text("README.md") and f"make.py {command}" in result.stderr
