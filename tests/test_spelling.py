"""The spelling of prose: pages, captions, alternative texts and docstrings, in British English.

A name or a term that no dictionary holds stands in tests/words.txt.
"""

import ast
import functools
import inspect
import re
import subprocess
from pathlib import Path

import check_numbers
import codespell_lib
import nbformat
import pytest
from contents import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell
from spellchecker import SpellChecker

OWN = ROOT / "tests" / "words.txt"
BRITISH = Path(codespell_lib.__file__).parent / "data" / "dictionary_en-GB_to_en-US.txt"
NOT_PROSE = re.compile(
    r"(?ms)^ *(`{3,})[^`\n]*$.*?^ *\1|``.*?``|(?::\w+:)?`[^`]*`"  # code
    r"|\$\$.*?\$\$|\$[^$]*\$|\\begin\{.*?\\end\{[^}]*\}"  # formulas
    r"|<!--.*?-->|<[/A-Za-z][^>]*>|\]\([^)]*\)|\{[^}]*\}|^\([\w-]+\)=|^ *:[\w-]+:.*?$"  # marks
    r"|^ *(?:>>>|\.\. \w+::).*?$|^ {4,}python.*?$|https?://\S+|\[@?[\w:-]+\]"  # examples, addresses
)
# A word with a digit, a dot, a slash or a capital inside is a name.
WORD = re.compile(r"(?<![\w.@/\\-])[A-Za-z][a-z]+(?:['’][a-z]+)?(?![\w(]|[./]\w)")


@functools.cache
def dictionary():
    """Return the words that are right: British, where American spelling differs, and the own."""
    lines = BRITISH.read_text("utf-8").splitlines()
    british, american = zip(*(line.split("->") for line in lines))
    american = {word.strip() for words in american for word in words.split(",")}
    common = set(SpellChecker().word_frequency.dictionary) - american
    return common | set(british) | set(OWN.read_text("utf-8").split())


def words(text):
    """Return the words of a text, in order, each with its forms in a dictionary."""
    found = WORD.findall(NOT_PROSE.sub(" ", text))
    return [(word, {word.lower(), re.sub("['’]s$", "", word.lower())}) for word in found]


def misspelt(text):
    """Return the words of a text that no dictionary holds, in order."""
    return [word for word, forms in words(text) if not forms & dictionary()]


def docstrings(source):
    """Return the docstrings of a module, its classes and its functions."""
    kinds = ast.Module, ast.ClassDef, ast.FunctionDef
    found = (ast.get_docstring(n) for n in ast.walk(ast.parse(source)) if isinstance(n, kinds))
    return [text for text in found if text]


@functools.cache
def texts(path):
    """Return the texts of a file that are read as prose."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        return [text for cell in cells for text, _ in check_numbers.prose_of(cell)]
    text = path.read_text("utf-8")
    return docstrings(text) if path.suffix == ".py" else [text]


LISTED = subprocess.run(  # a new file too, before git knows it
    ["git", "ls-files", "-co", "--exclude-standard", "*.ipynb", "*.md", "*.py"],
    cwd=ROOT,
    capture_output=True,
    text=True,
)


@pytest.mark.parametrize("name", LISTED.stdout.splitlines())
def test_the_prose_of_a_file_is_spelt_right(name):
    wrong = {word for text in texts(ROOT / name) for word in misspelt(text)}
    assert not wrong, f"correct them, or add names and terms to {OWN.name}: {sorted(wrong)}"


def test_every_own_word_is_needed_and_in_order():
    own = OWN.read_text("utf-8").split()
    assert own == sorted(set(own))
    every = (text for name in LISTED.stdout.splitlines() for text in texts(ROOT / name))
    used = set().union(*(forms for text in every for _, forms in words(text)))
    assert not set(own) - used


SOUND = (
    "The loss isn't small: `gradeint` = $tehta$, {term}`loses <lossses>`, [it](teh.md), nn.Modul."
)


@pytest.mark.parametrize("wrong", ["gradeint", "Teh", "color", "normalized", "lossses", "quantlie"])
def test_a_misspelt_word_is_found_in_each_kind_of_prose(wrong, tmp_path):
    sentence = f"{SOUND} The {wrong} is here."
    markdown, picture = new_markdown_cell(sentence), new_code_cell("teh = 1  # teh")
    picture.metadata["mystnb"] = {"figure": {"caption": sentence}, "image": {"alt": sentence}}
    notebook = nbformat.v4.new_notebook(cells=[markdown, picture])
    nbformat.write(notebook, tmp_path / "a.ipynb")
    module = f'''
        """{sentence}"""
        class A:
            """{sentence}"""
            def teh(self):
                """{sentence}

                >>> teh
                """
                return "teh"  # teh
    '''
    (tmp_path / "a.py").write_text(inspect.cleandoc(module), "utf-8")
    for name in ("a.ipynb", "a.py"):
        found = [word for text in texts(tmp_path / name) for word in misspelt(text)]
        assert found == [wrong] * 3
    assert misspelt(SOUND) == []
