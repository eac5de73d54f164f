"""Notebooks to download, in Markdown that Colab, VS Code and GitHub know.

A page's button and Colab hand out a copy of its notebook: what MyST alone understands has become
what the page shows, in words, numbers and links, and the first code cell installs lossbook where
the address of the repository is known.  Links lead to the site where its address is known.
"""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes
from sphinx import addnodes
from sphinx.locale import admonitionlabels
from sphinx.util import logging

CODE_OR_ROLE = re.compile(
    r"(?s)(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)|\{(?P<role>[\w:]+)\}`(?P<target>[^`]+)`"
    r"|\[(?P<words>[^][]*)\]\((?P<page>[^():#\s]*)(?P<anchor>#[^()\s]*)?\)|<!--.*?-->"
)
FENCE = re.compile(r"(`{3,}|:{3,})(?:\{([\w-]+)\} *(.*))?")
OPTION = re.compile(r":([\w-]+): *(.*)")
TARGET = re.compile(r"\([\w-]+\)=")
END_OF_FORMULA = re.compile(r"( *)\$\$ \(([\w-]+)\)")
FOLDED = {"remove-cell", "remove-input", "hide-cell", "hide-input"}
# How Colab and JupyterLab are told to fold the code of a cell.
FOLD = {"cellView": "form", "jupyter": {"source_hidden": True}}

FULL = "This is a plain copy of {page}, with fewer links and folds."
SETUP = """\
# Find lossbook: installed, or in the clone of the book that this notebook lies in.
import importlib.util, pathlib, sys

if not importlib.util.find_spec("lossbook"):
    folders = [pathlib.Path.cwd(), *pathlib.Path.cwd().parents]
    sys.path += [str(f) for f in folders if (f / "lossbook" / "base.py").exists()]"""
DOWNLOAD = """
if not importlib.util.find_spec("lossbook"):
    %pip install -q "lossbook[book] @ git+{url}"
    importlib.invalidate_caches()"""
MISSING = """
if not importlib.util.find_spec("lossbook"):
    raise ModuleNotFoundError(
        "This notebook needs lossbook, a part of the book: get the whole book, run "
        "`python3 make.py lab` in its folder, and open it there."{where}
    )"""
WHERE = """
        " The book: {url}\""""

logger = logging.getLogger(__name__)


def setup_source(url=""):
    """Return the source of the first code cell; it installs lossbook where the address is known."""
    download, where = (text.format(url=url) if url else "" for text in (DOWNLOAD, WHERE))
    return SETUP + download + MISSING.format(where=where)


def is_setup(source):
    """Return whether the source of a cell is that of the one that finds lossbook."""
    return source.startswith(SETUP.splitlines()[0])


class Page:
    """Turns the Markdown of a notebook into plain Markdown that says what its page shows."""

    def __init__(self, app, name, doctree):
        self.name, site = name, app.config.html_baseurl
        self.address = f"{site}{app.builder.get_target_uri(name)}" if site else ""
        self.shown, self.numbers = doctree.shown, {}
        for kind, found in app.env.toc_fignumbers.get(name, {}).items():
            form = app.config.numfig_format.get(kind, "%s")
            for label, number in found.items():
                self.numbers[kind, label] = form % ".".join(map(str, number))
        boxes = (n for n in doctree.findall(nodes.Admonition) if "label" in n)
        self.titles = {n["label"]: n["title"] for n in boxes}  # of exercises and solutions

    def text(self, source):
        """Return the Markdown of a cell."""
        return "\n".join(self.blocks(CODE_OR_ROLE.sub(self.inline, source).splitlines())).strip()

    def inline(self, found):
        """Return what stands for a role, a link to a page, or a mark that ties a number."""
        if found["role"]:
            role = " ".join(f":{found['role']}:`{found['target']}`".split())
            if role in self.shown:
                return self.markdown(self.shown[role])
            logger.warning("no plain text for %s", found[0], location=self.name)
        if words := found["words"]:
            page = re.sub(r"\.(?:ipynb|md)$", ".html", found["page"])
            link = self.link(words, page + (found["anchor"] or ""))
            return f"*{words}*" if link == words and words[0].isupper() else link  # a title
        return "" if found[0].startswith("<!--") else found[0]

    def markdown(self, node):
        """Return a resolved reference as Markdown."""
        inner = "".join(map(self.markdown, node.children))
        if isinstance(node, nodes.reference):
            return self.link(inner, node.get("refuri", "#"))
        marks = {nodes.literal: "`", nodes.math: "$", nodes.emphasis: "*", nodes.strong: "**"}
        mark = marks.get(type(node), "")
        return mark + inner + mark if node.children else node.astext()

    def link(self, words, uri):
        """Return words that link to another page of the site, or just the words."""
        if uri.startswith("#") or not self.address:
            return words
        return f"[{words}]({urljoin(self.address, uri)})"

    def blocks(self, lines):
        """Yield the lines of a cell or of a directive, with what stands for those of MyST."""
        lines = iter(lines)
        for line in lines:
            fence = FENCE.fullmatch(line)
            if fence and fence[2]:
                yield from self.directive(fence, until(lines, fence[1]))
            elif fence or line.startswith("```"):
                yield from (line, *until(lines, line[: line.count("`")]), line[: line.count("`")])
            elif found := END_OF_FORMULA.fullmatch(line):
                number = self.numbers["displaymath", f"equation-{found[2]}"]
                yield from (rf"{found[1]}\tag{{{number}}}", f"{found[1]}$$")
            elif not TARGET.fullmatch(line):
                yield line

    def directive(self, fence, body):
        """Yield the lines that stand for a directive."""
        _, name, title = fence.groups()
        options = {}
        while body and (option := OPTION.fullmatch(body[0])):
            options[option[1]] = option[2]
            body.pop(0)
        form = getattr(self, name.replace("-", "_"), None)
        if name in admonitionlabels:
            form, title = self.admonition, admonitionlabels[name]
        try:
            yield from form(title, options, list(self.blocks(body)))
        except (KeyError, TypeError) as error:  # without a label, or a directive that is new here
            hint = "is its label missing, or used twice?"
            logger.warning("no plain text for {%s}: %s: %s", name, error, hint, location=self.name)

    def admonition(self, title, options, body):
        return ["> " + line for line in (f"**{title}**", "", *body)]

    def exercise(self, title, options, body):
        return [f"**{self.numbers['exercise', options['label']]}** ({title})", "", *body]

    def solution(self, title, options, body):
        summary = f"<summary>{self.titles[options['label']]}</summary>"
        return ["<details>", summary, "", *body, "", "</details>"]

    def solution_start(self, title, options, body):
        return [f"**{self.titles[options['label']]}**"]

    def solution_end(self, title, options, body):
        return ["*End of the solution*"]

    def table(self, title, options, body):
        return [f"**{self.numbers['table', options['name']]}** {title}", "", *body]

    def grid(self, title, options, body):
        return body

    def grid_item_card(self, title, options, body):
        link = self.shown[options["link"]].next_node(nodes.reference)
        return [f"- **{self.link(title, link.get('refuri', '#'))}**: {' '.join(body)}"]


def until(lines, fence):
    """Return the lines up to the end of a fence, and go on behind it."""
    inside = []
    for line in lines:
        if line == fence:
            break
        inside.append(line)
    return inside


def mark_references(app, doctree):
    """Put around each reference what keeps its source while it is resolved."""
    for node in list(doctree.findall(addnodes.pending_xref)):
        source = " ".join(node.rawsource.split()) or node["reftarget"]
        node.replace_self(mark := nodes.inline(reference=source))
        mark += node


def collect_references(app, doctree, docname):
    """Note what each reference has become, and take away again what was put around it."""
    doctree.shown = {}
    for mark in list(doctree.findall(nodes.inline)):
        if "reference" in mark:
            inside = nodes.inline("", "", *[node.deepcopy() for node in mark.children])
            doctree.shown[mark["reference"]] = inside
            mark.replace_self(mark.children)


def copy_source(app, pagename, templatename, context, doctree):
    """Put the source of a page beside the site, of a notebook the plain copy."""
    if doctree is None or not context.get("sourcename"):
        return
    source = Path(app.env.doc2path(pagename))
    target = Path(app.outdir, "_sources", context["sourcename"])
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix != ".ipynb":
        shutil.copyfile(source, target)
        return
    notebook = json.loads(source.read_text("utf-8"))
    url = app.config.html_theme_options.get("repository_url", "")
    make_plain(notebook, Page(app, pagename, doctree), app.config.project, url)
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


def make_plain(notebook, page, book, repository):
    """Turn a notebook into its plain copy."""
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell)
        source, about = "".join(cell["source"]), cell["metadata"]
        if cell["cell_type"] == "markdown":
            source = page.text(source)
            if cell is notebook["cells"][0]:
                full = page.link(f"a page of *{book}*", page.address)
                source = re.sub(r"\A#.*", rf"\g<0>\n\n{FULL.format(page=full)}", source)
        else:
            source = setup_source(repository) if is_setup(source) else source
            if FOLDED & {*about.get("tags", ())}:
                about |= FOLD
            if figure := about.get("mystnb", {}).get("figure"):
                cells.append(caption(cell["id"], figure, page))
        cell["source"] = source.splitlines(keepends=True)
    notebook["cells"] = [cell for cell in cells if cell["cell_type"] == "code" or cell["source"]]


def caption(name, figure, page):
    """Return the cell that says what the page says below a figure."""
    number = page.numbers.get(("figure", figure.get("name")), "Figure")
    source = f"**{number}** {page.text(figure['caption'])}".splitlines(keepends=True)
    name = f"{name}-caption"[-64:]
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def leave_sources(app):
    """Keep Sphinx from copying the sources of pages over these."""
    app.builder.copysource = False


def setup(app):
    app.connect("builder-inited", leave_sources)
    app.connect("doctree-read", mark_references, priority=900)
    app.connect("doctree-resolved", collect_references, priority=100)
    app.connect("html-page-context", copy_source)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
