"""The book for paper: its LaTeX source, and where xelatex is, the PDF that follows from it.

Sphinx notices neither what LaTeX leaves out nor what runs off the page.  Each check returns
problems; the book goes through it, and so does a scratch that was broken on purpose.
"""

import re
import shutil
import subprocess
import sys
from collections import Counter

import lean
import nbformat
import pytest
from contents import CHAPTERS, PAGES, ROOT
from needs import need

import make

TOO_WIDE = 5  # points beyond the line that a reader sees
NUMBERED = re.compile(r"E\d|Exercise")  # a reader finds these without a page
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
    """The folder of the LaTeX source, with what the build said; drawings are in it as PDF."""
    need("PAPER", **{"rsvg-convert": shutil.which("rsvg-convert")})
    target = tmp_path_factory.mktemp("paper")
    options = ["--builder", "latex", "--path-output", target, *make.STRICT]
    command = [sys.executable, "-c", make.BUILD, "build", ROOT, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    folder = target / "_build" / "latex"
    assert (folder / "lossbook.tex").exists(), done.stdout + done.stderr
    return folder, done


@pytest.fixture(scope="module")
def latex(source):
    """The LaTeX of the book."""
    return (source[0] / "lossbook.tex").read_text("utf-8")


def test_the_source_is_built_without_a_warning(source):
    _, done = source
    text = done.stdout + done.stderr
    assert (done.returncode, re.findall("WARNING|ERROR", text)) == (0, []), text


def test_the_cheat_sheet_has_every_loss(source):
    from lossbook import CATALOGUE

    text = (source[0] / "cheat-sheet.tex").read_text("utf-8")
    assert re.findall(r"\\tile{(\w+)}", text) == [type(loss).__name__ for loss in CATALOGUE]


def test_links_to_pages_name_the_page(latex):
    link = r"\\detokenize\{([^}]*)\}\]\{\\sphinxcrossref\{"
    found = re.findall(link + r"\\DUrole\{std,std-(?:doc|ref)\}\{(.*?)\}{4,}(\\onpage)?", latex)
    found += re.findall(link + r"([^\\{}]+)\}{3}(\\onpage)?", latex)  # to a place on the same page
    unlisted = ":term-", ":lossbook"
    links = [(w, named) for place, w, named in found if not any(u in place for u in unlisted)]
    unnamed = [words for words, named in links if not named]
    assert len(links) > 500 and not [words for words in unnamed if not NUMBERED.match(words)]


def test_marks_that_are_not_printed_take_no_room_in_a_table(latex):
    widths = re.findall(r"\\X\{(\d+)\}", latex[: latex.index("what it may mean")])[-3:]
    returned, ratio, meaning = map(int, widths)
    assert returned + ratio < meaning, widths


def test_no_page_begins_with_the_last_row_of_a_table(latex):
    tables = re.findall(r"(?s)\\sphinxtableatstartofbodyhook(.*?)\\end\{longtable\}", latex)
    for table in tables:
        *_, before, _, rule = table.split("\\\\\n")
        assert "\\keeprow" in before and "bottomrule" in rule
    assert len(tables) > 10


def test_code_in_a_text_breaks_between_words_and_not_in_a_number(latex):
    assert "REQUIRE\\_\u200bTEACH" in latex and not re.search(r"\d\.\u200b\d", latex)


def test_formulas_that_cells_put_out_begin_no_paragraph(latex):
    after = Counter(re.findall(r"\{cell_output\}\s*\\(begin\{equation|\[|shown)", latex))
    assert set(after) == {"shown"} and after["shown"] > 30


def sizes(pattern, texts):
    """Return the widths and heights that a pattern finds, one pair in each text, in order."""
    found = (re.search(pattern, text).groups() for text in texts)
    return sorted([round(float(length), 2) for length in pair] for pair in found)


def test_every_drawing_is_there_in_its_size(source):
    outputs = (o for page in PAGES for cell in cells(page) for o in cell.get("outputs", ()))
    drawings = {o.data.get("image/svg+xml", "") for o in outputs if "data" in o} - {""}
    drawn = (path.read_bytes() for path in source[0].glob("*.pdf"))
    wanted = sizes(lean.POINTS, drawings)
    assert wanted and sizes(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", drawn) == wanted


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


def said(*command, text=True):
    return subprocess.run(command, capture_output=True, text=text, check=True).stdout


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


def test_a_number_of_an_equation_has_one_pair_of_brackets(text):
    assert "(1.2)" in text and not re.findall(r"\(\(\d+\.\d+\)\)", text)


def test_left_out_code_is_said_once_for_neighbours_and_not_for_a_line(text):
    said_once = re.findall(r"Left out: (\d+) lines? of folded code\.\s*(?=(Left out)?)", text)
    assert len(said_once) > 200
    assert [found for found in said_once if found[0] == "1" or found[1]] == []


def test_the_chapter_heads_its_pages(text):
    pages = [page for page in text.split("\f") if re.match(r"17 +Sequences +The Loss Book\n", page)]
    assert len(pages) > 10


def test_the_title_of_a_box_is_not_alone_at_the_foot_of_a_page(text):
    lines = [[line.strip() for line in page.splitlines() if line] for page in text.split("\f")]
    feet = {page[-2] for page in lines if len(page) > 1}  # above the number of the page
    assert not feet & {"In the source documents", "What you will be able to do", "Tip"}


def test_the_bibliography_has_no_labels(text):
    assert "Jürgen Schmidhuber" in text and not re.search(r"(?m)^ *\[[A-Za-z]+\+?\d\d\]", text)


@pytest.fixture(scope="module")
def scratch(paper):
    """What sets a few lines with the preamble of the book, and returns the PDF."""
    preamble, _ = (paper / "lossbook.tex").read_text("utf-8").split(r"\begin{document}")

    def scratch(lines):
        body = rf"\begin{{document}}\pagestyle{{empty}}{lines}\end{{document}}"
        (paper / "scratch.tex").write_text(preamble + body, "utf-8")
        said("latexmk", "-pdfxe", "-quiet", "-cd", paper / "scratch.tex")
        return paper / "scratch.pdf"

    return scratch


TABLE = r"""\begin{savenotes}\sphinxattablestart\sphinxthistablewithglobalstyle
\begin{tabulary}{\linewidth}[t]{T}\sphinxtoprule\sphinxtableatstartofbodyhook
\fit{\begin{cases}1 & 2 \\ 3 & 4\end{cases}}\\
\sphinxbottomrule\end{tabulary}\sphinxtableafterendhook\par\sphinxattableend\end{savenotes}"""


def test_the_rows_of_a_formula_are_not_coloured(scratch):
    """A colour under its second row would lie over the brace."""
    pixels = said("pdftoppm", "-gray", "-r", "72", scratch(TABLE), text=False)
    grounds = [grey for grey, count in Counter(pixels).items() if count > 500]
    assert len(grounds) == 2, grounds  # the paper and one row


def test_a_formula_is_shrunk_to_half_its_size_and_no_further(scratch):
    shown = said(
        "pdftotext", scratch(r"\fit{" + "a+" * 120 + r"b}\par\fit{" + "c+" * 40 + "d}"), "-"
    )
    assert "too long" in shown and "𝑏" not in shown and "𝑑" in shown


def test_code_gets_no_hyphen(scratch):
    code = r"\parbox{25mm}{a \sphinxcode{\sphinxupquote{NotImplementedError}}}"
    assert said("pdftotext", "-layout", scratch(code), "-").split() == ["a", "NotImplementedError"]


def test_no_letter_of_the_cheat_sheet_is_smaller_than_an_index(paper):
    found = said("pdftohtml", "-xml", "-i", "-stdout", paper / "cheat-sheet.pdf")
    assert min(map(int, re.findall(r'<fontspec [^>]*size="(\d+)"', found))) >= 7  # 5 points
