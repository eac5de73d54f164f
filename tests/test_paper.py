"""The book for paper: its LaTeX source, and where xelatex is, the PDF that follows from it.

Sphinx notices neither what LaTeX leaves out nor what runs off the page.  Each check returns
problems; the book goes through it, and so does a scratch that was broken on purpose.
"""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from contents import CHAPTERS, PAGES, ROOT
from needs import need

import make

TOO_WIDE = 5  # points beyond the line that a reader sees
ELSEWHERE = re.compile(r"[`*$\\]|\s+")


def cells(page):
    path = ROOT / f"{page}.ipynb"
    return nbformat.read(path, as_version=4).cells if path.exists() else []


def prose(page):
    """Return the words of a page."""
    text = ROOT / f"{page}.md"
    return (
        text.read_text("utf-8")
        if text.exists()
        else "\n".join(cell.source for cell in cells(page) if cell.cell_type == "markdown")
    )


def bare(text):
    """Return a text without markup and spaces, which a PDF may break or leave out anywhere."""
    return ELSEWHERE.sub("", text).replace("'", "’")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The folder of the LaTeX source, with what the build said."""
    target = tmp_path_factory.mktemp("paper")
    options = ["--builder", "latex", "--path-output", target, "-W", "-n", "--keep-going", "-q"]
    command = [sys.executable, "-c", make.BUILD, "build", ROOT, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    folder = target / "_build" / "latex"
    assert (folder / "lossbook.tex").exists(), done.stdout + done.stderr
    return folder, done


def test_the_source_is_built_without_a_warning(source):
    _, done = source
    text = done.stdout + done.stderr
    assert (done.returncode, re.findall("WARNING|ERROR", text)) == (0, []), text


def test_the_cheat_sheet_has_every_loss(source):
    from lossbook import CATALOGUE

    text = (source[0] / "cheat-sheet.tex").read_text("utf-8")
    assert re.findall(r"\\tile{(\w+)}", text) == [type(loss).__name__ for loss in CATALOGUE]


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_make_says_what_to_install(monkeypatch, platform):
    monkeypatch.setattr(make.shutil, "which", lambda name: None)
    monkeypatch.setattr(make.sys, "platform", platform)
    with pytest.raises(SystemExit, match=re.escape(make.LATEX[platform])):
        make.pdf([])


# --- the PDF -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paper(source):
    """The folder with both PDFs; skip without LaTeX, or fail where it is promised."""
    programs = "xelatex", "latexmk", "pdftohtml", "pdffonts"
    need("PAPER", **{program: shutil.which(program) for program in programs})
    for name in "cheat-sheet", "lossbook":
        command = ["latexmk", "-pdfxe", "-quiet", f"{name}.tex"]
        done = subprocess.run(command, cwd=source[0], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return source[0]


@pytest.fixture(scope="module")
def text(paper):
    return said("pdftotext", "-layout", paper / "lossbook.pdf", "-")


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def log_problems(log):
    """Yield what a log of xelatex says of lost references, lost letters and lines off the page."""
    log = re.sub(r"(?<=.{79})\n", "", log)  # it is broken after 79 letters
    yield from re.findall(
        r"LaTeX Warning: (?:Reference|Citation|Hyper reference).*? undefined", log
    )
    yield from re.findall(r"Missing character: .*", log)
    for found in re.finditer(r"Overfull \\[hv]box \((\d+).*?pt too.*", log):
        if int(found[1]) >= TOO_WIDE:
            yield found[0]


def test_nothing_is_lost_or_runs_off_the_page(paper):
    assert not list(log_problems((paper / "lossbook.log").read_text("utf-8", "replace")))
    assert not list(log_problems((paper / "cheat-sheet.log").read_text("utf-8", "replace")))


@pytest.mark.parametrize(
    "line",
    [
        "LaTeX Warning: Reference `a' on page 3 undefined on input line 5.",
        "Missing character: There is no 数 (U+6570) in font [FreeSerif.otf]/OT:script=lat!",
        r"Overfull \hbox (12.5pt too wide) in paragraph at lines 3--4",
        r"Overfull \vbox (39.354pt too high) has occurred while \output is active []",
    ],
)
def test_problems_in_a_log_are_found(line):
    assert len(list(log_problems(f"before\n{line}\nafter"))) == 1


def test_no_reference_is_lost(text):
    assert "??" not in text


def test_the_bookmarks_are_the_parts_and_pages(paper):
    found = said("pdftohtml", "-xml", "-i", "-stdout", "-f", "1", "-l", "1", paper / "lossbook.pdf")
    outline = re.findall(r"<item page=\"\d+\">(?:[\d.]+ )?(.*?)</item>", found)
    outline = [bare(re.sub("&[a-z]+;", "", title)) for title in outline]
    titles = [re.search(r"(?m)^# (.*)", prose(page))[1] for page in PAGES]
    assert not [title for title in titles if bare(title) not in outline]


def test_every_figure_has_its_caption(text):
    lines = bare(text)
    lost = []
    for number, page in enumerate(CHAPTERS, 1):
        figures = [
            c for c in cells(page) if "caption" in c.metadata.get("mystnb", {}).get("figure", {})
        ]
        wanted = [f"Fig. {number}.{n}: " for n in range(1, len(figures) + 1)]
        lost += [head for head in wanted if bare(head) not in lines]
    assert not lost


def test_every_exercise_has_its_solution(text):
    lines, lost = bare(text), []
    for number, page in enumerate(CHAPTERS, 1):
        count = len(re.findall(r":{3,}\{exercise\}", prose(page)))
        for n in range(1, count + 1):
            for head in (f"Exercise {number}.{n} (", f"Solution to Exercise {number}.{n} ("):
                lost += [head] * (bare(head) not in lines)
    assert not lost


def test_fonts_are_embedded(paper):
    for name in "cheat-sheet", "lossbook":
        fonts = said("pdffonts", paper / f"{name}.pdf").splitlines()[2:]
        assert fonts and all(line.split()[-5] == "yes" for line in fonts), fonts


def test_the_cheat_sheet_is_one_page_of_a4(paper):
    told = said("pdfinfo", paper / "cheat-sheet.pdf")
    assert re.search(r"Pages:\s+1\n", told) and "(A4)" in told


def test_no_letter_of_the_cheat_sheet_is_smaller_than_an_index(paper):
    found = said("pdftohtml", "-xml", "-i", "-stdout", paper / "cheat-sheet.pdf")
    assert min(map(int, re.findall(r'<fontspec [^>]*size="(\d+)"', found))) >= 7  # 5 points
