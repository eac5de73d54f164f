"""Formulas are typeset by KaTeX when the book is built: readers need no script to see them."""

import re
import shutil
from pathlib import Path

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

KATEX = Path(__file__).parent / "katex"  # version 0.19.1, as npm has it, of the fonts WOFF2 alone
OTHER_FORMATS = re.compile(r',url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)')
# A line may break between a formula and its punctuation, unless it is told not to.
BEFORE, AFTER, SHORT = re.compile(r"[(\[“‘]+$"), re.compile(r"^[.,;:!?%)\]”’]+"), 30

logger = logging.getLogger(__name__)


class Typesetter:
    """KaTeX in an engine for JavaScript, which starts with the first formula."""

    def __init__(self):
        self.engine, self.done = None, {}

    def html(self, latex, display=False):
        """Return the HTML of a formula, with MathML for screen readers; JSEvalException if bad."""
        if (latex, display) in self.done:
            return self.done[latex, display]
        if not self.engine:
            self.engine = MiniRacer()
            self.engine.eval((KATEX / "katex.min.js").read_text("utf-8"))
        options = {"displayMode": display, "strict": "ignore"}
        html = self.engine.call("katex.renderToString", latex, options)
        return self.done.setdefault((latex, display), html)

    def close(self):
        if self.engine:  # left open, it may keep Python from ending
            self.engine.close()
            self.engine = None


typesetter = Typesetter()


def typeset(node, latex, display=False):
    """Return the HTML of a formula; a bad one is a warning, which stops the build."""
    try:
        return typesetter.html(latex, display)
    except JSEvalException as error:
        reason = str(error).split("\n")[0].partition("KaTeX parse error: ")[2]
        logger.warning("bad formula: %s", reason or error, location=node)
        return ""


def keep_punctuation(app, doctree, docname):
    """Move into a formula what must stay on its line: a bracket before it, a comma behind it."""
    if app.builder.format != "html":
        return
    for node in list(doctree.findall(nodes.math)):
        for step, side, pattern in ((-1, "before", BEFORE), (1, "after", AFTER)):
            line, place = node.parent, node.parent.index(node) + step
            text = line[place] if 0 <= place < len(line) else None
            if isinstance(text, nodes.Text) and (found := pattern.search(text)):
                node[side] = found[0]
                line[place] = nodes.Text(pattern.sub("", text))


def visit_math(writer, node):
    before, after = (writer.encode(node.get(side, "")) for side in ("before", "after"))
    style = "math notranslate" + " unbroken" * (len(node.astext()) < SHORT)
    start, end = writer.starttag(node, "span", before, CLASS=style), f"{after}</span>"
    # Alone in a cell of a table, as on the card of a loss, fractions have room.
    alone = len(node.parent) == 1 and isinstance(node.parent.parent, nodes.entry)
    writer.body += start, typeset(node, r"\displaystyle " * alone + node.astext()), end
    raise nodes.SkipNode


def visit_displaymath(writer, node):
    writer.body.append(writer.starttag(node, "div", CLASS="math notranslate"))
    if node["number"]:
        writer.body.append(f'<span class="eqno">({get_node_equation_number(writer, node)})')
        writer.add_permalink_ref(node, _("Link to this equation"))
        writer.body.append("</span>")
    writer.body.append(typeset(node, displayed(node), display=True) + "</div>\n")
    raise nodes.SkipNode


def displayed(node):
    """Return the LaTeX of a displayed formula, with the lines that Sphinx would align."""
    if node["nowrap"]:
        return node.astext()
    parts = [part for part in node.astext().split("\n\n") if part.strip()]
    parts = [rf"\begin{{split}}{part}\end{{split}}" if r"\\" in part else part for part in parts]
    lines = r"\\".join(parts)
    return lines if len(parts) == 1 else rf"\begin{{aligned}}{lines}\end{{aligned}}"


def copy_style(app, exception):
    """Put the style and the fonts of formulas beside the pages, and what copies them as LaTeX."""
    typesetter.close()
    if exception is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "katex"
        shutil.copytree(KATEX / "fonts", target / "fonts", dirs_exist_ok=True)
        style = OTHER_FORMATS.sub("", (KATEX / "katex.min.css").read_text("utf-8"))
        (target / "katex.min.css").write_text(style, "utf-8")
        shutil.copy(KATEX / "copy-tex.min.js", target)


def setup(app):
    app.add_html_math_renderer(
        "katex", inline_renderers=(visit_math, None), block_renderers=(visit_displaymath, None)
    )
    app.connect("doctree-resolved", keep_punctuation)
    app.add_js_file("katex/copy-tex.min.js")
    app.connect("build-finished", copy_style)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
