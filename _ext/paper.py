"""The book on paper: what the tree of all pages becomes before Sphinx writes it as LaTeX.

Paper has no folds, no links to press and nothing that scrolls.  Parts get a heading, folded code
gives way to a line, links name a page, tables and formulas are fitted to the line, and the cheat
sheet, which the site draws in HTML, is drawn in a file of its own.
"""

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms.images import ImageConverter
from sphinx.util.texescape import escape
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, solution_node

LINES = {"small": 92, "footnotesize": 102, "scriptsize": 115}  # letters on a line of a table
PAGE = 5  # letters that the number of a page takes
LINE = LINES["small"]
TALL = 25  # lines from which on a table may go on on the next page
SHORT = 15  # lines of an output that stay on a page
COUNTERS = {"figure": "figure", "table": "table", "displaymath": "equation"}
BREAK = re.compile(r"(?<=[(=_.,/])(?<!\d\.)(?=['\w])|(?<=[a-z])(?=[A-Z(])")
TILE = re.compile(
    r"<b>(\w+)</b>([^<]*)<svg[^>]*>"
    r'<path d="[^"]*M([-\d.]+) 0V44"/>(.*?)</svg>(.*?)<div>(.*?)</div>',
    re.DOTALL,
)
FOLDER = Path(__file__).parent


def raw(text):
    """Return LaTeX as a node."""
    return nodes.raw("", text, format="latex")


def head_parts(env, doctree):
    """Head each part, and count figures, tables and equations as the site does."""
    files = {file["docname"]: file for file in doctree.findall(addnodes.start_of_file)}
    for toctree in env.get_doctree(env.config.root_doc).findall(addnodes.toctree):
        head = rf"\part{{{escape(toctree['caption'])}}}"
        if toctree["numbered"]:
            head = r"\setcounter{secnumdepth}{5}" + head
        else:
            head = r"\setcounter{secnumdepth}{-2}\setcounter{chapter}{0}" + head
        first = files[toctree["includefiles"][0]]
        first.parent.insert(first.parent.index(first), raw(head))
    for name, file in files.items():
        if not env.toc_secnumbers.get(name):
            file.insert(0, raw(counters(env.toc_fignumbers.get(name, {}))))


def counters(numbers):
    """Return what sets the counters so that the first of each kind on a page gets its number."""
    firsts = {kind: min(numbers[kind].values())[-1] for kind in COUNTERS if kind in numbers}
    return "".join(rf"\setcounter{{{COUNTERS[k]}}}{{{n - 1}}}" for k, n in firsts.items())


def make_chapter(doctree):
    """Put the sections of the landing page, for Sphinx chapters, into a chapter of its title."""
    book = doctree.next_node(nodes.section)
    own = [n for n in book.children[1:] if "toctree-wrapper" not in n.get("classes", ())]
    chapter = nodes.section("", book[0].deepcopy(), ids=["landing"])
    for node in own:
        book.remove(node)
    chapter += own
    book[1:1] = [raw(r"\setcounter{secnumdepth}{-2}"), chapter]


def spell_out_cards(doctree):
    """Make each card that is a link a paragraph that begins with it."""
    for card in of_class("sd-card", doctree):
        (title,), (text,) = (of_class(name, card) for name in ("sd-card-title", "sd-card-text"))
        link = next(card.findall(nodes.reference))
        link[:] = [nodes.inline("", "", nodes.strong("", title.astext()), classes=["std-ref"])]
        card.replace_self(nodes.paragraph("", "", link, nodes.Text(": "), *text.children))


def of_class(name, tree):
    """Return the nodes of a tree that have a class."""
    return [node for node in tree.findall(nodes.Element) if name in node.get("classes", ())]


def leave_out_folded_code(doctree):
    """Leave out the code that is folded on the site: it draws or prepares, and the text goes on.

    Cells without a picture or an output between them are said in one line, a single line is not,
    nor is what ends a section without one.
    """
    above = 0
    for cell in list(doctree.findall(nodes.container)):
        if "input" in cell.get("hide_mode", ""):
            for code in of_class("cell_input", cell):
                above += len(code.astext().splitlines())
                code.parent.remove(code)
            after = cell.next_node(nodes.Element, descend=False, siblings=True)
            shown = shows(cell)
            if shown or after is None or "input" not in after.get("hide_mode", ""):
                said = above > 1 and (shown or after is not None)
                cell.insert(0, [raw(rf"\folded{{{above}}}")] * said)
                above = 0


def shows(cell):
    """Return whether a cell puts out what paper can show."""
    return bool(cell.astext().strip() or cell.next_node(nodes.image))


def keep_outputs(doctree):
    """Keep the lines of a short output on one page."""
    for output in of_class("cell_output", doctree):
        lines = sum(block.astext().count("\n") for block in output.findall(nodes.literal_block))
        if 1 < lines < SHORT:
            output.insert(0, raw(rf"\Needspace{{{lines}\baselineskip}}"))


def let_exercises_flow(doctree):
    """Let exercises and solutions flow over pages, where the box of a note would not break.

    Links to an exercise in words of their own lead to a label that sphinx-exercise does not set.
    """
    for kind in (exercise_node, exercise_enumerable_node, solution_node):
        for node in list(doctree.findall(kind)):
            before = r"\begin{flowing}"
            if kind is not solution_node:
                before += rf"\phantomsection\label{{{label(node, node['label'])}}}"
            place = node.parent.index(node)
            node.parent[place : place + 1] = [raw(before), node, raw(r"\end{flowing}")]


def label(node, target):
    """Return the label that Sphinx gives to a target on the page of a node."""
    while not (isinstance(node, (nodes.section, nodes.document)) and "docname" in node):
        node = node.parent
    return rf"\detokenize{{{node['docname']}:{target}}}"


def name_pages(doctree):
    """Let links to chapters and sections name the page; what has a number is found by it."""
    for link in list(doctree.findall(nodes.reference)):
        page, _, anchor = link.get("refuri", "").removeprefix("%").partition("#")
        within, inner = link.get("refid", ""), link.next_node(nodes.inline)
        leads = {"std-ref", "std-doc"} & {*inner["classes"]} if inner else within
        numbered = re.match(r"E\d|Exercise", link.astext())
        if not leads or numbered or (within or anchor).startswith(("term-", "lossbook")):
            continue
        target = rf"\detokenize{{{page}:{anchor or ':doc'}}}"
        target = label(link, within) if within else target
        link.parent.insert(link.parent.index(link) + 1, raw(rf"\onpage{{{target}}}"))


def fit_formulas(doctree):
    """Fit formulas to the line that fill a cell of a table, or a line and more."""
    for formula in list(doctree.findall(nodes.math)):
        paragraph = formula.parent
        if len(paragraph) == 1 and isinstance(paragraph.parent, nodes.entry):
            formula.replace_self(raw(rf"\fit{{{formula.astext().strip()}}}"))
    for block in list(doctree.findall(nodes.math_block)):
        if "cell_output" in block.parent.get("classes", ()):
            block.replace_self(raw(rf"\shown{{{block.astext().strip()}}}"))
        elif not block.get("label") and len(signs(block.astext())) > LINE:
            block.replace_self(raw(rf"\[\fit{{{block.astext().strip()}}}\]"))


def signs(formula):
    """Return about one letter for each sign of a formula."""
    shown = re.sub(r"\\(?:frac|left|right|text|mathrm|operatorname|begin|end|hat)\b", "", formula)
    return re.sub(r"[{}^_&\\]", "", re.sub(r"\\[a-zA-Z]+", "x", shown))


def let_code_break(doctree):
    """Say where code within a paragraph may break; a hyphen would be read as code."""
    for paragraph in doctree.findall(nodes.paragraph):
        for code in paragraph.findall(nodes.literal):
            code[:] = [nodes.Text(BREAK.sub("\u200b", code.astext()))]


def fit_table(table):
    """Give the columns of a table the width of their content, or what the line has for it."""
    for empty in [p for p in table.findall(nodes.paragraph) if not p.children]:
        empty.parent.remove(empty)  # it would be a line of its own
    for broken in [n for n in table.findall(nodes.raw) if n.astext() == "<br>"]:
        broken.replace_self(raw(r"\newline "))
    rows = [[measured(entry) for entry in row] for row in table.findall(nodes.row)]
    least, whole = [], []
    for column in zip(*rows):
        longest = max(max(words) for words in column)
        least.append(1.1 * min(longest, LINE // 2) + 3)
        whole.append(min(1.1 * max(map(sum, column)), LINE) + 3)
    size, line = next(((s, n) for s, n in LINES.items() if sum(least) <= n), ("scriptsize", 115))
    if sum(whole) > line:
        spare = max(0, line - sum(least)) / (sum(whole) - sum(least) or 1)
        whole = [short + (long - short) * spare for short, long in zip(least, whole)]
    widths = [round(width) for width in whole]
    total = max(line, sum(widths))
    spec = "".join(rf">{{\raggedright\arraybackslash}}\X{{{w}}}{{{total}}}" for w in widths)
    height = sum(max(-(-sum(words) // w) for words, w in zip(row, widths)) for row in rows)
    if height > TALL:
        table["classes"].append("longtable")
        keep_rows(table)
    place = table.parent.index(table)
    spec = addnodes.tabular_col_spec(spec=f"{{{spec}}}")
    before = [raw(rf"\renewcommand{{\tablesize}}{{\{size}}}"), spec]
    table.parent[place:place] = before


def keep_rows(table):
    """Let no page part the first rows of a table, the last, or those that go on with one before."""
    rows = list(next(table.findall(nodes.tbody)))
    for number, (row, after) in enumerate(pairwise(rows), 1):
        if number == 1 or number >= len(rows) - 2 or not after[0].astext().strip():
            row[-1].append(raw(r"\keeprow"))


def measured(entry):
    """Return the widths of the words of a cell, in letters; a formula is one word."""
    widths = [0]
    for text in entry.findall(nodes.Text):
        if text.parent.get("format", "latex") != "latex":
            continue  # a mark that ties a number to a value
        if text.startswith(r"\onpage"):
            widths[-1] += PAGE
        elif text == r"\newline ":
            widths.append(0)
        elif isinstance(text.parent, (nodes.math, nodes.raw)):
            widths[-1] += len(signs(text).replace(" ", ""))
        else:
            first, *others = map(len, re.split(r"(?<=\s)|\u200b", text))
            widths[-1] += first
            widths += others
    return widths


def draw_cheat_sheet(app, doctree):
    """Write the tiles of the cheat sheet, HTML on the site, to a file that makes a sheet of A4."""
    page = next(s for s in doctree.findall(nodes.section) if "ch-cheat-sheet" in s["ids"])
    start = next(n for n, node in enumerate(page) if isinstance(node, nodes.raw))
    source, tiles = "".join(spelled_tile(node) for node in page[start:]), []
    for name, given, axis, drawn, formulas, asks in TILE.findall(source):
        curves = ""
        for kind, points in re.findall(r'<polyline(?: class="(\w+)")? points="(.*?)"', drawn):
            points = re.sub(r"\S+", r"(\g<0>)", points)
            curves += rf"\draw[{kind or 'loss'}] plot coordinates {{{points}}};"
        parts = name, escape(given), axis, curves, formulas, asks
        tiles.append(r"\tile" + "".join(f"{{{part}}}" for part in parts))
    rows = "".join(f"\\tiles{{{''.join(tiles[n : n + 4])}}}\n" for n in range(0, len(tiles), 4))
    template = (FOLDER / "cheat-sheet.tex").read_text("utf-8")
    Path(app.outdir, "cheat-sheet.tex").write_text(template.replace("% tiles\n", rows), "utf-8")
    page[start:] = [raw(r"\includepdf{cheat-sheet.pdf}")]


def spelled_tile(node):
    """Return the HTML of a piece of the cheat sheet, or its formulas as LaTeX, one a line."""
    if isinstance(node, nodes.raw):
        return node.astext()
    return r"\\".join(rf"\mbox{{}}${formula.astext()}$" for formula in node.findall(nodes.math))


class Drawings(ImageConverter):
    """Makes PDF, which LaTeX reads, of drawings in SVG, again only where they are newer."""

    conversion_rules = (("image/svg+xml", "application/pdf"),)

    def is_available(self):
        return bool(shutil.which("rsvg-convert"))

    def convert(self, source, target):
        source, target = Path(source), Path(target)
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            command = ["rsvg-convert", "--format=pdf", "-o", f"{target}.part", source]
            subprocess.run(command, check=True)
            Path(f"{target}.part").replace(target)
        return True


def for_paper(app, doctree, docname):
    """Change the tree of the whole book, whose links are resolved, where LaTeX will be written."""
    if app.builder.name == "latex":
        draw_cheat_sheet(app, doctree)
        for change in (
            fit_formulas,
            spell_out_cards,
            leave_out_folded_code,
            keep_outputs,
            let_exercises_flow,
            name_pages,
            let_code_break,
        ):
            change(doctree)
        for table in list(doctree.findall(nodes.table)):
            fit_table(table)
        head_parts(app.env, doctree)
        make_chapter(doctree)


def set_paper(app, config):
    """Hand LaTeX its preamble, the file beside this one."""
    preamble = (FOLDER / "paper.tex").read_text("utf-8")
    config.latex_elements = {**config.latex_elements, "preamble": preamble}


def setup(app):
    app.connect("config-inited", set_paper)
    app.connect("doctree-resolved", for_paper, priority=900)
    app.add_post_transform(Drawings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
