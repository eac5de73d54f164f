"""What is looked for on a page in a browser: each check returns or yields problems."""

import contextlib
import functools
import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

FOREIGN = re.compile(r"^(?!http://127\.0\.0\.1:|file:|data:|blob:|about:)")
DESK, PHONE = 1440, 360  # widths in pixels
PAPER = 718  # of A4 between the margins of a browser; Letter is wider


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Write nothing: requests that fail are reported as problems of their page."""


@contextlib.contextmanager
def served(folder):
    """Serve a folder on a free port of this machine and yield its address."""
    handler = functools.partial(Quiet, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def visit(tab, url, width=DESK):
    """Open a page in a tab and yield the list that grows by what goes wrong on it."""
    problems = []

    def note(condition, problem):
        if condition:
            problems.append(problem)

    listeners = {
        "request": lambda r: note(FOREIGN.match(r.url), f"requests {r.url}"),
        "response": lambda r: note(r.status >= 400, f"{r.url} answers {r.status}"),
        "pageerror": lambda error: note(True, f"script error: {error}"),
        "console": lambda m: note(m.type == "error", f"console: {m.text}"),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    tab.emulate_media(media="screen", color_scheme="light")
    tab.set_viewport_size({"width": width, "height": 800})
    try:
        tab.goto(url, wait_until="load")
        yield problems
    finally:
        for event, listener in listeners.items():
            tab.remove_listener(event, listener)
        tab.goto("about:blank")  # what the page still does is no problem of the next one


UNTYPESET = r"""
() => {
  const problems = [];
  for (const formula of document.querySelectorAll(".math"))
    if (!formula.querySelector(".katex"))
      problems.push(`formula not typeset: ${formula.textContent}`);
  // What a reader sees as $$ or \( or \frac{ outside of code was meant as a formula.
  const code = "code, pre, script, style, .math";
  const article = document.querySelector("article") ?? document.body;
  const texts = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (/\$\$|\\[([]|\\[a-z]+\{/.test(data) && !parentElement.closest(code))
      problems.push(`LaTeX in the text: ${data.trim().slice(0, 60)}`);
  }
  return problems;
}
"""
UNFOLD = """
() => document.querySelectorAll("details:not([open]) > summary")
  .forEach((element) => element.click())
"""
SETTLE = """
async () => {
  await document.fonts.ready;
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  // What fades in is pale until it is there.
  for (const motion of document.getAnimations())
    if (motion.effect.getComputedTiming().endTime === Infinity) motion.cancel();
    else motion.finish();
}
"""
TOO_WIDE = """
() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth + 1) return [];
  const right = (element) => Math.round(element.getBoundingClientRect().right);
  const cut = (element) => element !== document.body &&
    (getComputedStyle(element).overflowX !== "visible" || cut(element.parentElement));
  const wide = [...document.querySelectorAll("body *")]
    .filter((element) => right(element) > page.clientWidth + 1 && !cut(element.parentElement))
    .slice(0, 5).map((element) => `${element.tagName}.${element.className} to ${right(element)}`);
  return [`scrolls sideways, ${page.scrollWidth} on ${page.clientWidth}: ${wide.join("; ")}`];
}
"""
PARTS = ".bd-article :is(.katex-display, pre, div.output, .pst-scrollable-table-container)"
# What scrolls says so, until its end is seen; the number of a formula stands beside it or below.
SCROLLS = """
(parts) => {
  const problems = [];
  for (const element of document.querySelectorAll(parts)) {
    const words = element.textContent.trim().slice(0, 40);
    const rest = element.scrollWidth - element.clientWidth - element.scrollLeft > 1;
    if (rest !== (getComputedStyle(element).maskImage !== "none"))
      problems.push(`${rest ? "scrolls unsaid" : "fades without a rest"}: ${words}`);
    const number = element.parentElement.querySelector(":scope > .eqno");
    if (number && element.scrollWidth > element.clientWidth + 1 &&
        number.getBoundingClientRect().top < element.getBoundingClientRect().bottom - 1)
      problems.push(`number beside a formula that is cut: ${words}`);
  }
  return problems;
}
"""
CUT = """
(parts) => [...document.querySelectorAll(parts)]
  .filter((element) => element.scrollWidth > element.clientWidth + 1)
  .map((element) => element.textContent.trim().slice(0, 40))
"""
DISTORTED = """
() => [...document.querySelectorAll("article img[height]")].filter((image) => {
  const { width, height } = image.getBoundingClientRect();
  const stated = image.getAttribute("width") / image.getAttribute("height");
  return height && Math.abs(width / height / stated - 1) > 0.02;
}).map((image) => `out of proportion: ${image.alt.slice(0, 60)}`)
"""
# For axe a page is heavy by its thousands of spans of code, in a few dozen looks, and by glyphs of
# formulas, which are hidden from it and drawn by style sheets.  Elements look alike if they have
# the same tag, classes and colours, in both themes, in boxes that look alike.  All but the first
# are marked, and spans that do nothing else give way to their text.
THIN = """
() => {
  const root = document.documentElement, theme = root.dataset.theme, looks = new Map();
  const properties = ["color", "backgroundColor", "backgroundImage", "opacity", "fontSize",
    "fontWeight", "textShadow"];
  const elements = [...document.querySelectorAll("article, article *:not(.katex *)")];
  for (const name of ["light", "dark"]) {
    const numbers = new Map();
    root.dataset.theme = name;
    for (const element of elements) {
      const style = getComputedStyle(element), box = looks.get(element.parentElement);
      const own = [looks.get(element), box, element.tagName, element.getAttribute("class")];
      const look = [...own, ...properties.map((property) => style[property])].join();
      if (!numbers.has(look)) numbers.set(look, numbers.size);
      looks.set(element, numbers.get(look));
    }
  }
  root.dataset.theme = theme;
  const seen = new Set();
  for (const element of elements) {
    const bare = element.getAttributeNames().join() === "class" && !element.childElementCount;
    if (!seen.has(looks.get(element))) seen.add(looks.get(element));
    else if (bare && element.matches("pre span")) element.replaceWith(...element.childNodes);
    else element.dataset.alike = "";
  }
  for (const glyphs of document.querySelectorAll(".katex-html[aria-hidden=true]")) {
    const { width, height } = glyphs.getBoundingClientRect();
    glyphs.style = `display: inline-block; width: ${width}px; height: ${height}px`;
    glyphs.replaceChildren();
  }
}
"""
# What is left is one of each look, with what surrounds it.
ONE_OF_EACH = """
() => document.querySelectorAll("[data-alike]").forEach((element) =>
  element.querySelector(":not([data-alike], .katex *)") ?? element.remove())
"""
# The rules of axe for colours, by far the slowest.
COLOURS = ["color-contrast", "link-in-text-block"]
NOT_COLOURS = {name: {"enabled": False} for name in COLOURS}


def show(tab, theme, width=DESK):
    """Show the open page in a theme and a width, and wait until it stands still."""
    tab.emulate_media(color_scheme=theme)
    shown = "theme => document.documentElement.dataset.theme === theme"
    tab.wait_for_function(shown, arg=theme)
    if tab.viewport_size["width"] != width:
        tab.set_viewport_size({"width": width, "height": 800})
        tab.wait_for_timeout(350)  # the theme looks 300 ms later what the keyboard has to reach
    tab.evaluate(SETTLE)


# Adds up how far what is seen moves by itself, in the measure of the browsers' makers.
SHIFTS = """
window.shifted = [];
new PerformanceObserver((list) => shifted.push(...list.getEntries().map((entry) =>
  [entry.value, entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? node?.data)])))
  .observe({ type: "layout-shift", buffered: true });
"""
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 2e5, "uploadThroughput": 1e5}


def shifts(tab, url, width, script=""):
    """Return what moves on a page that a slow phone opens, each with how much: 1 is all of it."""
    page = tab.context.browser.new_page(viewport={"width": width, "height": 800})
    control = page.context.new_cdp_session(page)
    control.send("Network.enable")
    control.send("Network.emulateNetworkConditions", SLOW)
    control.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.add_init_script(SHIFTS + script)
    page.goto(url, wait_until="networkidle", timeout=120_000)
    page.wait_for_timeout(1000)
    found = page.evaluate("shifted")
    page.close()
    return found


def accessibility_problems(tab, **options):
    """Yield what axe finds on the page as it is shown."""
    from axe_playwright_python.base import AXE_SCRIPT

    if not tab.evaluate("() => 'axe' in window"):
        tab.evaluate(AXE_SCRIPT)
    # With preload axe fetches style sheets itself, some from addresses that it gets wrong.
    options |= {"resultTypes": ["violations"], "preload": False}
    theme = tab.evaluate("() => document.documentElement.dataset.theme")
    setting = f"axe, {theme}, {tab.viewport_size['width']} px"
    run = "options => axe.run(options).then((results) => results.violations)"
    for found in tab.evaluate(run, options):
        rule = f"{found['id']} ({found['impact']})"
        for node in found["nodes"]:
            if found["id"] != "empty-table-header" or not holds_formula(tab, node):
                yield f"{setting}: {rule} {node['target']}: {node['html'][:200]}"


def holds_formula(tab, node):
    """Return whether an element has MathML, which screen readers read and axe does not."""
    return tab.locator(f"{node['target'][0]} .katex math").count() > 0


def cut_on_paper(tab):
    """Return what is cut where the open page is printed."""
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": PAPER, "height": 1000})
    tab.evaluate(SETTLE)
    found = tab.evaluate(CUT, PARTS) + tab.evaluate(TOO_WIDE)
    tab.emulate_media(media="screen")
    return [f"cut on paper: {words}" for words in found]


def page_problems(tab, url, width=DESK):
    """Return everything that is wrong with a page, with its folded solutions and code opened.

    The dark theme differs from the light one in colours only.
    """
    with visit(tab, url, width) as found:
        found += tab.evaluate(UNTYPESET)
        tab.evaluate(UNFOLD)
        show(tab, "light")
        found += tab.evaluate(SCROLLS, PARTS) + cut_on_paper(tab)
        show(tab, "light", PHONE)
        found += tab.evaluate(TOO_WIDE) + tab.evaluate(DISTORTED) + tab.evaluate(SCROLLS, PARTS)
        tab.evaluate(THIN)
        found += accessibility_problems(tab, rules=NOT_COLOURS)
        show(tab, "light")
        found += accessibility_problems(tab, rules=NOT_COLOURS)
        tab.evaluate(ONE_OF_EACH)
        for theme, wide in (("light", DESK), ("dark", DESK), ("dark", PHONE), ("light", PHONE)):
            show(tab, theme, wide)
            found += accessibility_problems(tab, runOnly=COLOURS)
    return list(dict.fromkeys(found))
