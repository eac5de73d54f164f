"""The repository itself: style, versions, licences, front pages, pins, make.py, first cells."""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lossbook
from lossbook import CATALOGUE
from lossbook.base import Loss

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import run_notebooks  # noqa: E402


def text(name):
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=str)
def test_style(arguments):
    result = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "--quiet", ROOT], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


def test_the_version_is_the_same_everywhere():
    version = lossbook.__version__
    assert f'version = "{version}"' in text("pyproject.toml")
    assert yaml.safe_load(text("CITATION.cff"))["version"] == version
    assert yaml.safe_load(text("_config.yml"))["sphinx"]["config"]["release"] == version
    assert text("chapters/front/how-to-use.md").count(f"Version {version}") == 2


def test_licences_name_every_data_file():
    page = text("chapters/reference/licences.md")
    for name in ("MIT", "CC BY 4.0", "ShareAlike 3.0", "BSD 3-Clause", "KaTeX"):
        assert name in page
    assert text("LICENSE").startswith("MIT License") and "CC BY 4.0" in text("LICENSE-PROSE.md")
    for name in ("digits.npz", "diabetes", "breast-cancer", "english.npz", "Python Software"):
        assert name in page
    python = text("lossbook/book/datasets/LICENSE-python.txt")
    assert "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2" in python
    for name in ("scikit-learn", "pocketsphinx"):
        assert "Redistribution and use" in text(f"lossbook/book/datasets/LICENSE-{name}.txt")


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


def test_code_of_the_api_page_gives_what_its_comments_say():
    blocks = re.findall(r"```python\n(.*?)```", text("chapters/reference/api.md"), re.S)
    compared = sum(map(compare_with_comments, blocks))
    assert compared >= 2
    with pytest.raises(AssertionError, match="said"):
        compare_with_comments("1 + 1  # 3, a wrong number")


def compare_with_comments(block):
    """Run a block; compare each expression with the numbers in the comment behind it."""
    names, compared, lines = {}, 0, block.splitlines()
    for statement in ast.parse(block).body:
        code = ast.get_source_segment(block, statement)
        said = lines[statement.end_lineno - 1].partition("  # ")[2]
        if not isinstance(statement, ast.Expr) or not said:
            exec(code, names)
            continue
        result = eval(code, names)
        if "value_and" not in code:
            value = np.concatenate(
                [np.ravel(part) for part in (result if isinstance(result, tuple) else [result])]
            )
            numbers = [float(n) for n in re.findall(r"-?\d[\d.]*(?:e-?\d+)?", said)][: len(value)]
            assert np.allclose(value, numbers, rtol=1e-7), f"{code}: {value}, said {said}"
            compared += 1
    return compared


def test_a_new_loss_is_documented_and_defined():
    from lossbook.book import symbolic

    page = text("chapters/reference/api.md")
    for loss in CATALOGUE:
        name, module = type(loss).__name__, type(loss).__module__
        assert symbolic.is_defined(loss) or loss.formula, (
            f"Define {name} in lossbook/book/symbolic.py"
        )
        assert name in lossbook.__all__, f"Name {name} in lossbook/__init__.py, twice"
        assert module in page, f"Add {module} to chapters/reference/api.md"


# Bases have no example in their docstring.
LOSSES = sorted(
    name
    for module in {type(loss).__module__ for loss in CATALOGUE}
    for name, made in vars(sys.modules[module]).items()
    if isinstance(made, type) and issubclass(made, Loss) and ">>> " in (made.__doc__ or "")
)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_in_the_catalogue(name):
    assert name in {type(loss).__name__ for loss in CATALOGUE}, (
        f"Add the default instance of {name} to lossbook/catalogue.py"
    )


# --- requirements ------------------------------------------------------------------------

LOCKS = [f"requirements{p}" for p in ("", "-browser", "-lab", "-benchmark", "-teach", "-lint")]
PIN = re.compile(r"([\w.-]+)==([\w.]+)( ; .+)?")
PLATFORMS = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")]
PLACES = [
    {"python_full_version": f"{version}.0", "sys_platform": system, "platform_machine": machine}
    for version in ("3.11", "3.12", "3.13")
    for system, machine in PLATFORMS
]


def requirements(text):
    """Return the requirements in a file, without comments and names of other files."""
    lines = [line.partition(" #")[0] for line in text.splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-c "))]


def lock_problems(chosen, locked):
    """A lock holds nothing but pins, and in each place one for each package that was chosen."""
    lines = [line for line in locked.splitlines() if not line.startswith("#")]
    loose = [line for line in lines if not PIN.fullmatch(line)]
    yield from (f"{line} is not a pin" for line in loose)
    pins = [Requirement(line) for line in lines if line not in loose]
    for place in PLACES:
        applies = [pin for pin in pins if not pin.marker or pin.marker.evaluate(place)]
        held = {}
        for pin in applies:
            name = canonicalize_name(pin.name)
            if name in held:
                yield f"{name} is pinned twice for {place}"
            held[name] = str(pin.specifier).removeprefix("==")
        for want in requirements(chosen):
            name = canonicalize_name(want.name)
            if want.marker and not want.marker.evaluate(place):
                continue
            if name not in held:
                yield f"{name} is not pinned for {place}"
            elif not want.specifier.contains(held[name]):
                yield f"{name} {held[name]} is not {want.specifier}"


def disagreements(locks):
    """Yield the packages of which two files pin different versions."""
    seen = {}
    for line in "\n".join(locks).splitlines():
        if match := PIN.fullmatch(line):
            seen.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    yield from (f"{name}: {sorted(found)}" for name, found in seen.items() if len(found) > 1)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_what_was_chosen(name):
    assert list(lock_problems(text(f"{name}.in"), text(f"{name}.txt"))) == []


def test_the_files_agree_on_every_version():
    assert list(disagreements(text(f"{name}.txt") for name in LOCKS)) == []


def test_the_book_pins_what_the_module_needs():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["book"]
    assert list(lock_problems("\n".join(needed), text("requirements.txt"))) == []


@pytest.mark.parametrize(
    "chosen, locked, message",
    [
        ("numpy", "numpy>=2", "numpy>=2 is not a pin"),
        ("numpy", "numpy @ https://example.org/numpy.whl", "is not a pin"),
        ("numpy", "--index-url https://example.org\nnumpy==2.0", "--index-url"),
        ("torch", "torch==2.13.0+cpu", "torch==2.13.0+cpu is not a pin"),
        ("numpy>=2 # a reason", "numpy==1.26.4", "numpy 1.26.4 is not >=2"),
        ("numpy", "scipy==1.0", "numpy is not pinned for"),
        ("a_b", "a-b==1.0 ; sys_platform == 'linux'", "a-b is not pinned for {'python_full"),
        ("a", "a==1 ; python_full_version < '3.13'\na==2", "a is pinned twice for"),
    ],
)
def test_a_broken_lock_is_reported(chosen, locked, message):
    assert message in "\n".join(lock_problems(chosen, locked))


def test_a_sound_lock_passes_and_files_that_disagree_are_reported():
    chosen = '# a reason\n-c requirements.txt\na<2 # one\nb; sys_platform == "win32"'
    locked = "# by uv\na==1.5\nb==1 ; sys_platform == 'win32'"
    assert list(lock_problems(chosen, locked)) == []
    assert list(disagreements(["a-b==1\nc==2", "c==2\na_b==1.5"])) == ["a-b: ['1', '1.5']"]


# --- make.py -----------------------------------------------------------------------------


def load():
    """Return make.py as a module of its own."""
    specification = importlib.util.spec_from_file_location("make", ROOT / "make.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def make(tmp_path, monkeypatch):
    """The commands of make.py, in a folder of their own; what it would run is only noted."""
    module = load()
    for name in ("pyproject.toml", *module.REQUIREMENTS):
        (tmp_path / name).write_text(text(name), "utf-8")
    module.commands, module.fails = [], ()

    def run(*command, **options):
        line = " ".join(map(str, command[1:]))
        module.commands.append((line, options))
        if any(word in line for word in module.fails):
            sys.exit(2)

    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "installed.json")
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(module, "run", run)
    told = {"UV_FIND_LINKS": "/wheels", "UV_TORCH_BACKEND": "cpu"}
    monkeypatch.setattr(module, "for_uv", lambda: dict(told))
    monkeypatch.setattr(module, "create", lambda: (tmp_path / ".venv").mkdir(exist_ok=True))
    return module


def installed(make):
    """Return the files that uv, or else pip, was told to install since the last call."""
    lines = [line for line, _ in make.commands if " install " in line and "-r" in line]
    make.commands.clear()
    return re.findall(r"-r (\S+)", " ".join(lines))


def test_make_installs_once_and_again_after_a_change(make, tmp_path):
    make.environment(make.BOOK)
    assert installed(make) == [make.BOOK]
    make.environment(make.BOOK)
    assert installed(make) == []
    make.environment(make.BOOK, make.BROWSER)
    assert installed(make) == [make.BOOK, make.BROWSER]
    make.environment(make.BOOK)
    make.environment(make.BROWSER)
    assert installed(make) == []
    first = (tmp_path / make.BOOK).read_text("utf-8")
    for content in ("numpy==2.4.7", first):  # what was once installed may have been replaced
        (tmp_path / make.BOOK).write_text(content, "utf-8")
        make.environment(make.BOOK)
        assert installed(make) == [make.BOOK]


def test_make_takes_up_an_interrupted_installation(make, monkeypatch):
    def interrupted(files):
        raise KeyboardInterrupt

    make.environment(make.BOOK)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(make, "install", interrupted)
        make.environment(make.BOOK, make.LAB)
    installed(make)
    make.environment(make.BOOK)
    assert installed(make) == [make.BOOK]


@pytest.mark.parametrize("key", ["ROOT", "sys.version"])
def test_make_starts_anew_in_another_place_and_for_another_python(make, key, monkeypatch):
    make.environment(make.BOOK)
    installed(make)
    made = []
    monkeypatch.setattr(make, "create", lambda: made.append(True))
    make.environment(make.BOOK)
    assert not made
    stamp = json.loads(make.STAMP.read_text("utf-8"))
    stamp["place"][key == "sys.version"] = "another"
    make.STAMP.write_text(json.dumps(stamp), "utf-8")
    make.environment(make.BOOK)
    assert made and installed(make) == [make.BOOK]


@pytest.mark.parametrize(
    "fails, tools", [((), "uv"), (("uv==",), "pip"), (("-m uv",), "pip"), (("-r",), None)]
)
def test_make_installs_with_uv_or_else_with_pip_and_says_so(make, fails, tools, capsys):
    make.fails = fails
    if tools is None:
        with pytest.raises(SystemExit, match="2"):
            make.environment(make.BOOK)
        assert not make.STAMP.exists()
        return
    make.environment(make.BOOK)
    assert make.commands[0][0].split()[-1].startswith("uv==")
    last = make.commands[-1][0]
    assert last.startswith(f"-m {tools} ") and last.endswith("-e . -r requirements.txt")
    assert ("pip installs instead" in capsys.readouterr().out) == (tools == "pip")


def test_uv_is_told_of_the_mirrors_and_certificates_that_pip_knows(monkeypatch, tmp_path):
    make = load()
    monkeypatch.setattr(make, "PYTHON", sys.executable)
    wheels = [tmp_path / "one", tmp_path / "two"]
    wheels[0].mkdir()
    mirrors = "[global]\nindex-url = https://mirror/simple\nfind-links =\n  https://wheels/\n"
    mirrors += "".join(f"  {folder}\n" for folder in wheels)
    (tmp_path / "pip.conf").write_text(mirrors + "[install]\ncert = /ca.pem\n", "utf-8")
    for name in ("UV_INDEX_URL", "UV_FIND_LINKS", "SSL_CERT_FILE", "PIP_FIND_LINKS", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    told = make.for_uv()
    assert told["UV_INDEX_URL"] == "https://mirror/simple"
    assert told["UV_FIND_LINKS"] == f"https://wheels/,{wheels[0]}", "uv refuses what is not there"
    assert told["SSL_CERT_FILE"] == "/ca.pem"
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://a/simple https://b/simple")
    told = make.for_uv()
    assert told["UV_INDEX_URL"] == "https://variable/simple"
    assert told["UV_EXTRA_INDEX_URL"] == "https://a/simple https://b/simple"
    assert told["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    monkeypatch.setenv("UV_INDEX_URL", "https://own/simple")
    assert make.for_uv()["UV_INDEX_URL"] == "https://own/simple"


def test_make_creates_an_environment_with_a_pip_that_runs(tmp_path, monkeypatch):
    make = load()
    monkeypatch.setattr(make, "ENVIRONMENT", tmp_path / "a place" / ".venv")
    # The Python of an active environment is deleted with it.
    monkeypatch.setattr(make.sys, "executable", str(tmp_path / "a place" / ".venv" / "python3"))
    make.create()
    python = make.ENVIRONMENT / make.PYTHON.relative_to(ROOT / ".venv")
    result = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, text=True)
    assert str(make.ENVIRONMENT) in result.stdout, result.stderr


@pytest.mark.parametrize("works", [True, False])
def test_make_fetches_the_pip_of_the_distribution(make, works, monkeypatch, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    glob, commands = Path.glob, []

    def run(command, **options):
        commands.append([str(part) for part in command])
        if "download" in command and works:
            (folder / "python3-pip-whl_1_all.deb").touch()
        if command[0] == "dpkg":
            (folder / "usr").mkdir()
            (folder / "usr" / "pip-23.0.1-py3-none-any.whl").touch()

    bare = SimpleNamespace(run=run, CalledProcessError=subprocess.CalledProcessError)
    monkeypatch.setattr(make, "subprocess", bare)
    monkeypatch.setattr(Path, "glob", lambda p, what: glob(p, what if "deb" in what else "none"))
    if not works:
        with pytest.raises(SystemExit, match="sudo apt install python3-venv"):
            make.pip_wheel(folder)
        return
    assert make.pip_wheel(folder).name == "pip-23.0.1-py3-none-any.whl"
    assert [command[0] for command in commands] == ["apt-get", "apt-get", "dpkg"]
    assert all(str(folder) in " ".join(command) for command in commands)


@pytest.mark.skipif(os.name == "nt", reason="the programs on the path are shell scripts")
def test_make_goes_on_under_a_python_that_is_supported(make, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(make.sys, "version_info", (3, 10))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"This is Python 3.* needs 3\.11 to 3\.13"):
        make.main("clean")
    for version, code in (("3.13", "exit 1"), ("3.12", 'test "$1" = -c || { echo $*; exit 7; }')):
        (tmp_path / f"python{version}").write_text(f"#!/bin/sh\n{code}\n", "utf-8")
        (tmp_path / f"python{version}").chmod(0o755)
    with pytest.raises(SystemExit, match="7"):
        make.main("clean", "now")
    assert capfd.readouterr().out.endswith("make.py clean now\n")


@pytest.mark.parametrize("browser, peers", [(None, None), ("/bin/chromium", "1")])
def test_make_installs_what_the_tests_are_to_use(make, browser, peers, monkeypatch, capsys):
    monkeypatch.setattr(make, "browser", lambda: browser)
    wishes = {"REQUIRE_PEERS": peers, "REQUIRE_TEACH": peers} if peers else {}
    monkeypatch.setattr(os, "environ", wishes)
    make.main("test", "-x")
    assert make.commands[-1][0] == "-m pytest -x"
    more = [make.BROWSER, make.LAB, make.BENCHMARK, make.TEACH] if browser else []
    assert installed(make) == [make.BOOK, make.LINT, *more]
    assert (browser or "no browser") in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((), ""),
        (("-k", "Huber"), "-k Huber"),
        (("Huber", "-x"), "tests lossbook -k Huber -x"),
        (("tests/test_exact.py",), "tests/test_exact.py"),
        (("tests",), "tests"),
        (
            ("chapters/a.md",),
            "tests/test_book.py tests/test_repository.py tests/test_spelling.py -k a",
        ),
    ],
)
def test_make_chooses_the_tests_of_what_is_named(make, tmp_path, arguments, expected):
    (tmp_path / "tests").mkdir()
    assert " ".join(make.chosen(arguments)) == expected


@pytest.mark.parametrize(
    "what, found",
    [
        ("Huber", ["test_card[Huber(delta=1.0)]", "lossbook.residual.Huber"]),
        ("chapters/code/custom-loss.ipynb",
         ["custom-loss.ipynb::Cell 0", "test_page[chapters/code/custom-loss-number_problems]"]),
    ],
)  # fmt: skip
def test_the_tests_of_a_loss_and_a_chapter_are_found(make, what, found):
    # Of all tests of losses, those of the cards are collected here, which is fast.
    chosen = ["tests/test_module.py" if p == "tests" else p for p in make.chosen([what])]
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-o", "addopts=", "--nbval"]
    command += ["--doctest-modules", "--collect-only", "-q", *chosen]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not [name for name in found if name not in result.stdout], result.stdout
    assert all(Path(what).stem in line for line in result.stdout.splitlines() if "::" in line)


def test_make_locks_each_file_without_this_machine_and_without_cuda(make, monkeypatch, tmp_path):
    noted = make.run

    def run(*command, **options):
        noted(*command, **options)
        if "compile" in command:
            lines = "nvidia-cublas==13\ntorch==2\ntriton==3 ; sys_platform == 'linux'\n"
            (tmp_path / command[-1]).write_text(lines, "utf-8")

    monkeypatch.setattr(make, "run", run)
    make.main("lock", "--upgrade")
    compiled = [found for found in make.commands if " compile " in found[0]]
    for (line, options), file in zip(compiled, make.REQUIREMENTS, strict=True):
        assert line.endswith(f"--upgrade {file.replace('.txt', '.in')} -o {file}")
        assert options["env"]["UV_FIND_LINKS"] == "" and "UV_TORCH_BACKEND" not in options["env"]
        assert (tmp_path / file).read_text("utf-8") == "torch==2\n"


def test_make_chooses_the_newest_of_all_but_what_a_reason_holds_back(make, tmp_path):
    chosen = 'a==1.5 # one\nb<2 # two\nc==3; sys_platform == "linux"\n'
    for file in make.REQUIREMENTS:
        (tmp_path / file).with_suffix(".in").write_text(chosen, "utf-8")
    make.main("newest")
    for file in make.REQUIREMENTS:
        expected = 'a # one\nb<2 # two\nc; sys_platform == "linux"\n'
        assert (tmp_path / file).with_suffix(".in").read_text("utf-8") == expected
    assert sum(" compile " in line and "--upgrade" in line for line, _ in make.commands) == 6


def test_make_deletes_what_it_made_and_nothing_else(make, tmp_path):
    for folder in (".venv", "_build", "chapters"):
        (tmp_path / folder).mkdir()
    make.main("clean")
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["chapters"]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_make_grades_on_linux_alone(make, monkeypatch, platform):
    monkeypatch.setattr(make.sys, "platform", platform)
    if platform == "linux":
        make.main("teach", "export")
        assert make.commands[-1][0] == "-m teach export"
        assert installed(make) == [make.BOOK, make.TEACH]
    else:
        with pytest.raises(SystemExit, match="needs Linux"):
            make.main("teach", "export")


def test_make_says_what_it_can_do():
    result = subprocess.run(
        [sys.executable, ROOT / "make.py", "nonsense"], capture_output=True, text=True
    )
    assert result.returncode == 1 and "python3 make.py book" in result.stderr
    pages = text("README.md") + text("CONTRIBUTING.md")
    told = re.findall(r"python3 make\.py (\w+)", result.stderr)
    assert {"book", "watch", "test", "clean"} < set(told)
    for command in told:
        assert callable(getattr(load(), command)) and f"make.py {command}" in pages


def test_continuous_integration_leaves_nothing_out():
    lines = text(".ci/run").splitlines()
    assert "export REQUIRE_BROWSER=1 REQUIRE_PEERS=1 REQUIRE_TEACH=1 REQUIRE_PAPER=1" in lines
    commands = [line.split(" #")[0] for line in lines if line.startswith("python3 make.py")]
    assert commands[0] == "python3 make.py book" and commands[-1] == "python3 make.py test"


def test_the_table_in_the_readme_names_what_is_there():
    cells = re.findall(r"(?m)^\| (`.*`) \| .* \|$", text("README.md"))
    named = {name for cell in cells for name in re.findall("`([^`]+)`", cell)}
    for name in named:
        assert list(ROOT.glob(name)), f"{name} does not exist"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    folders = {line.split("/")[0] for line in listed.splitlines() if "/" in line}
    assert folders <= {name.split("/")[0] for name in named}


MADE_BY_READER = {
    "conf.py",
    "chapters/formulas/my-chapter.ipynb",
    "zh/_toc.yml",
    "zh/_config.yml",
    "zh/index.ipynb",
}
NAMES_IN_THE_GUIDE = {
    "lossbook/book/atlas.py": ["SPECIAL"],
    "lossbook/book/explorer.py": ["explore"],
    "lossbook/book/notebook.py": ["formula", "check_attempt", "as_printed", "glue", "claim"],
    "tests/test_messages.py": ["TOO_FEW"],
    "tools/benchmark/peers.py": ["CTC", "GaussianNLL"],
}


def test_the_guide_names_what_is_there():
    guide = text("CONTRIBUTING.md")
    ends = "py|ipynb|yml|toml|cff|txt|bib|md"
    named = set(re.findall(rf"(?<![\w*/])[\w.][\w./-]*\.(?:{ends})\b", guide)) - MADE_BY_READER
    workflows = {path.name for path in (ROOT / ".github" / "workflows").iterdir()}
    assert len(named) > 20 and workflows <= named
    missing = [name for name in named - workflows if not (ROOT / name).exists()]
    assert set(missing) <= {"run_notebooks.py", "check_numbers.py"}  # whose folder is named before
    for file, names in NAMES_IN_THE_GUIDE.items():
        assert file in guide or file[:-3].replace("/", ".") in guide
        for name in names:
            assert name in guide and re.search(rf"\b{name}\b", text(file)), name


# --- the first cell of a chapter, in a folder without the book ---------------------------

ALONE = """
import pathlib, sys
from IPython.core.interactiveshell import InteractiveShell

here, cell, brings = sys.argv[1:]
# What is left is a Python in which lossbook is not installed.
sys.meta_path[:] = [f for f in sys.meta_path if "frozen" in getattr(f, "__module__", "")]
sys.path[:] = [here, *(p for p in sys.path if not pathlib.Path(p, "lossbook").exists())]
shell = InteractiveShell.instance()

def pip(line):
    print("pip", line)
    if brings:
        pathlib.Path(here, "lossbook.py").touch()

shell.register_magic_function(pip, "line", "pip")
error = shell.run_cell(cell).error_in_exec
print(f"{type(error).__name__}: {error}")
"""
ADDRESS = "https://github.com/acme/lossbook"
PIP = f'pip install -q "lossbook[book] @ git+{ADDRESS}"\n'
NEEDS = "ModuleNotFoundError: This notebook needs lossbook"


@pytest.mark.parametrize(
    "address, brings, said",
    [("", "", NEEDS), (ADDRESS, "", PIP), (ADDRESS, "it", PIP + "NoneType: None\n")],
    ids=["no address", "address that gives nothing", "address"],
)
def test_a_chapter_opened_alone_says_what_it_needs_or_gets_it(address, brings, said, tmp_path):
    notebook = nbformat.read(ROOT / "chapters" / "formulas" / "margins.ipynb", as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code").source
    cell = run_notebooks.setup_source(address) if address else cell
    command = [sys.executable, "-c", ALONE, tmp_path, cell, brings]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert said in output, output
    if not brings:
        last = output.splitlines()[-1]
        assert last.startswith(NEEDS) and "`python3 make.py lab`" in last
        assert last.endswith(f"The book: {address}" if address else "there.")
