"""Explorers: what they draw is what lossbook computes, and the slider works in a browser."""

import html
import re
from unittest import mock
from xml.etree import ElementTree

import nbformat.v4
import numpy as np
import pytest
import test_book
from contents import ROOT
from pages import DESK, PHONE, TOO_WIDE, accessibility_problems, show, visit
from test_module import contrast

from lossbook import Huber
from lossbook.book import explorer, figures

R = np.linspace(-3, 3, 61)
ALT = "Two panels over the residual: the loss of Huber & half the square, and their slopes."
AXES = [("residual r", "loss"), ("residual r", "slope < 3")]
DELTAS = np.array([0.5, 1.0, 2.0])


def huber(delta):
    loss = Huber(delta)
    slope = len(R) * loss.gradient(0 * R, R)
    return [
        {"Huber": (R, loss.per_sample(0 * R, R)), "r²/2": (R, R * R / 2)},
        {"Huber": (R, slope)},
    ]


def shown(draw=huber, values=DELTAS, symbol="δ", start=1, axes=AXES, **options):
    """Return the output of an explorer."""
    options = {"alt": ALT, "start": start, "axes": axes, **options}
    with mock.patch.object(explorer, "display") as display:
        explorer.explore(draw, symbol, values, **options)
    return display.call_args.args[0]


def one(draw, values=(1, 2), start=1, axes=(("x", "y"),), **options):
    """Return the page of an explorer of one panel."""
    return shown(lambda v: [draw(v)], values, start=start, axes=axes, **options)["text/html"]


def drawings(page):
    """Return the panels of a page as parsed XML, without the samples of the legend."""
    found = re.findall(r'<svg viewBox="0 0 \d{4} \d{4}".*?</svg></svg>', page, re.S)
    return [ElementTree.fromstring(drawing) for drawing in found]


def curves(drawing):
    """Return (width, height) of the part inside the axes and the paths of its curves."""
    inside = drawing.find("svg")
    return (int(inside.get("width")), int(inside.get("height"))), inside.findall("path")


def forms(path, positions):
    return path.get("data-d", ";".join([path.get("d")] * positions)).split(";")


def points_of(data):
    """Return the runs of points that the data of a path draws."""
    runs = []
    for start, rest in re.findall(r"M(-?\d+ -?\d+)([^M]*)", data):
        steps = [start, *re.findall(r"[lm](-?\d+ -?\d+)", rest)]
        numbers = [[int(n) for n in step.split()] for step in steps]
        runs.append(np.cumsum(numbers, axis=0))
    return runs


def test_every_position_is_what_lossbook_gives():
    expected = [huber(delta) for delta in DELTAS]
    for number, drawing in enumerate(drawings(shown()["text/html"])):
        size, paths = curves(drawing)
        data = [np.array(e[number][label]) for e in expected for label in e[number]]
        low = np.min([d.min(axis=1) for d in data], axis=0)
        high = np.max([d.max(axis=1) for d in data], axis=0)
        low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)
        for path, label in zip(paths, expected[0][number]):
            assert path.get("d") == forms(path, 3)[1]
            for form, panels in zip(forms(path, 3), expected):
                (points,) = points_of(form)
                points = np.abs(points - [0, size[1]])  # y grows downwards
                true = np.transpose(panels[number][label])
                places = (true - low) / (high - low) * size
                assert np.abs(points - places).max() <= 0.51, (label, form)


def test_two_runs_give_the_same_bytes():
    assert shown() == shown()


def test_machines_that_differ_in_the_last_bit_give_the_same_bytes():
    halves = (np.arange(60) + 0.5) / 2000  # halfway between two places of 2000

    def bent(direction):
        y = np.nextafter(halves, direction)
        return one(lambda v: {"a": (v * halves, y), "b": (y, v * y)}, ylim=[(0, 1)])

    assert curves(drawings(bent(0))[0])[0][1] == 2000
    assert bent(-np.inf) == bent(np.inf)


def test_the_text_says_what_is_shown():
    assert shown()["text/plain"].splitlines() == [
        "Figure",
        "  panel 1: x: 'residual r', y: 'loss'",
        "    line 'Huber', 61 points, x -3 to 3, y 0 to 2.5",
        "    line 'r²/2', 61 points, x -3 to 3, y 0 to 4.5",
        "  panel 2: x: 'residual r', y: 'slope < 3'",
        "    line 'Huber', 61 points, x -3 to 3, y -1 to 1",
        "  slider: 3 positions, δ = 0.5 to δ = 2.0",
        "    shown: δ = 1.0",
        "    panel 1, 'Huber': 183 points, y 0 to 4",
        "    panel 1, 'r²/2': 183 points, y 0 to 4.5",
        "    panel 2, 'Huber': 183 points, y -2 to 2",
    ]


def test_there_is_a_still_picture_for_print():
    assert shown()["image/svg+xml"].count("<path") > 20


def test_the_page_is_well_formed_and_asks_no_other_host():
    page = shown()["text/html"]
    assert len(drawings(page)) == 2 and "</script" not in page
    assert re.findall(r"https?:|//\w|url\(|@import|\bid=", page) == []
    roles = [(d.get("role"), d.get("aria-label"), d.get("aria-hidden")) for d in drawings(page)]
    assert roles == [("img", ALT, None), (None, None, "true")]


def test_words_are_escaped():
    page = one(
        lambda v: {"<a>": ([0, v], [0, 1])}, axes=[('"x" & x', "<y>")], alt='say "so"', symbol="<q>"
    )
    assert "<a>" not in page and "<y>" not in page and "<q>" not in page
    assert html.escape('say "so"') in page and drawings(page)


def test_a_curve_that_stays_is_stored_once_and_the_axes_never_move():
    _, (moving, still) = curves(drawings(shown()["text/html"])[0])
    assert len(set(forms(moving, 3))) == 3 and still.get("data-d") is None
    pages = [shown(start=start)["text/html"] for start in DELTAS]
    axes = [re.sub(r'(value|aria-valuetext|[^-]d)="[^"]*"|<output>.*', "", p) for p in pages]
    assert axes[0] == axes[1] == axes[2] and len(set(pages)) == 3


def test_a_curve_has_gaps_where_it_is_not_finite():
    y = np.array([np.inf, 0, 1, np.nan, 3, 4, 5, -np.inf])
    page = one(lambda v: {"a": (np.arange(8.0), v * y)})
    _, (path,) = curves(drawings(page)[0])
    assert [len(run) for run in points_of(path.get("d"))] == [2, 3]


def test_points_are_drawn_as_points():
    page = one(
        lambda v: {"all": ([1, 2, 3], [v, 2, 3], "o"), "one": (v, v, "o"), "line": ([0, 4], v)}
    )
    _, paths = curves(drawings(page)[0])
    assert [path.get("class") for path in paths] == ["curve dots"] * 2 + ["curve"]
    assert [path.get("d").count("h0") for path in paths] == [3, 1, 0]
    assert [len(points_of(path.get("d"))[0]) for path in paths] == [3, 1, 2]


def test_given_limits_hold_and_what_leaves_them_is_cut_off():
    x = np.linspace(0, 1, 11)
    page = one(lambda v: {"a": (x, v * 1e6 * x)}, ylim=[(0, 2)])
    (drawing,) = drawings(page)
    (_, height), (path,) = curves(drawing)
    assert [t.text for t in drawing.findall("text") if t.get("style")] == [
        "0.0",
        "0.5",
        "1.0",
        "1.5",
        "2.0",
    ]
    places = height - points_of(path.get("d"))[0][:, 1]
    assert places[0] == 0 and places[1:].min() > 10 * height


@pytest.mark.parametrize(
    "values, texts",
    [
        ([0.25, 1, 3], "0.25 1.00 3.00"),
        ([1, 2, 10], "1 2 10"),
        ([0.01, 1, 100], "0.01 1 100"),
        ([0, 1e-7, 0.1], "0 1e−7 0.1"),
        ([-np.inf, -2, 0.5], "−∞ −2.0 0.5"),
        ([-0.0, 2e12], "0 2e12"),
        ([12345, 1.5], "12345 1.5"),
    ],
)
def test_the_slider_says_its_numbers_shortly(values, texts):
    page = one(lambda v: {"a": ([0, 1], [0, 1])}, values, start=values[0], symbol="q")
    expected = [f"q = {text}" for text in texts.split()]
    assert re.search('data-texts="([^"]*)"', page)[1].split(";") == expected


def changed(delta):
    return huber(delta) if delta < 2 else [{"Huber": (R, R)}, {"Huber": (R, R)}]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"values": [1.0]}, "values has 1 positions: give 2 or more"),
        ({"start": 0.75}, r"start=0.75 is not in values: take one of \[0.5, 1.0, 2.0\]"),
        ({"axes": AXES[:1]}, r"draw\(0.5\) has 2 panels, axes 1: give as many of both"),
        ({"axes": AXES * 2}, "axes has 4 panels: give 1, 2 or 3"),
        ({"draw": changed}, r"draw\(2.0\) has the curves .* draw\(0.5\) has .*: label them alike"),
        ({"axes": [("$r$", "loss"), AXES[1]]}, "a label holds [$]: write ŷ or δ, not TeX"),
        ({"draw": lambda v: [dict.fromkeys("abcdef", (R, R))] * 2}, "has 6 curves: draw at most 5"),
        ({"draw": lambda v: [{"a": (R, R * np.nan)}] * 2}, "has no finite point"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_with_the_remedy(options, message):
    with pytest.raises(ValueError, match=message):
        shown(**options)


def test_curves_stand_out_from_dark_pages_and_differ_in_line_style():
    grounds = ["#121212", "#14181e", "#29313d"]  # JupyterLab's, the theme's, its boxes'
    assert all(contrast(c, ground) >= 4.5 for c in explorer.DARK for ground in grounds)
    assert all(contrast(c, "#f3f4f5") >= 3 for c in figures.COLOURS)
    counts = {len(figures.COLOURS), len(set(explorer.DARK)), len(set(explorer.DASHES))}
    assert len(counts) == 1


def problems_of(output):
    """Return what the rules for notebooks find in a cell with an explorer."""
    figure = {"figure": {"name": "fig-a", "caption": "The loss."}}
    cell = nbformat.v4.new_code_cell("explore(…)", metadata={"mystnb": figure})
    cell.outputs = [nbformat.v4.new_output("display_data", output)]
    notebook = nbformat.v4.new_notebook(cells=[cell])
    rules = (
        test_book.figure_problems,
        test_book.figure_text_problems,
        test_book.third_party_problems,
    )
    return [problem for rule in rules for problem in rule(notebook)]


def test_the_rules_for_notebooks_accept_an_explorer_with_words():
    assert problems_of(shown()) == []
    assert "no alt of more than 40" in problems_of(shown(alt="Curves."))[0]


PLACES = re.compile(r"\b(left|middle|right)\b(?:[:,)]|(?:-hand)? panel)", re.I)


@pytest.mark.parametrize("text, count", [("Left: a. Right: b.", 2), ("left of 0, right of 1", 0)])
def test_words_for_places_are_told_from_directions(text, count):
    assert len(PLACES.findall(text)) == count


def test_no_words_of_an_explorer_say_that_its_panels_stand_side_by_side():
    """On a phone they stand below each other."""
    found = 0
    for path in ROOT.glob("chapters/**/*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            page = "".join(o.get("data", {}).get("text/html", "") for o in cell.get("outputs", []))
            if 'class="explorer"' in page:
                found += 1
                alt = html.unescape(re.search('aria-label="(.*?)"', page)[1])
                words = f"{alt} {cell.metadata.mystnb}"
                assert not PLACES.findall(words), (path.name, words)
    assert found > 5


# --- a browser ---------------------------------------------------------------------------

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Two explorers</title>
<style>
  body {{ margin: 1rem; font-family: sans-serif }}
  [data-theme="dark"] {{ background: #121212; color-scheme: dark; --pst-color-text-base: #ced6dd }}
</style>
<script>
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const set = () => {{ document.documentElement.dataset.theme = dark.matches ? "dark" : "light" }};
  dark.onchange = set;
  set();
</script>
<main><h1>Explorers</h1>{}</main></html>"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A file with an explorer of two panels and one of three."""
    x = np.linspace(0, 1, 21)

    def three(q):
        return [{"a": (x, x**q), "b": (q, 0.5, "o")}, {"c": (x, x)}, {"a": (x, q * x)}]

    labels = [("probability p", "loss")] * 3
    second = shown(three, [1, 2], symbol="q", axes=labels)
    path = tmp_path_factory.mktemp("explorer") / "page.html"
    pages = shown()["text/html"], second["text/html"]
    # As on the site, where outputs scroll.
    boxes = "".join(f'<div class="text_html" style="overflow: auto">{page}</div>' for page in pages)
    path.write_text(PAGE.format(boxes), "utf-8")
    return path.as_uri()


def state(tab):
    """Return for each explorer what is said of its position, and its curves."""
    return tab.locator(".explorer").evaluate_all(
        """explorers => explorers.map(e => [
          e.querySelector('input').getAttribute('aria-valuetext'), e.querySelector('output').value,
          [...e.querySelectorAll('svg svg path')].map(p => p.getAttribute('d'))])"""
    )


def test_the_arrow_keys_move_the_curves_of_their_explorer_only(tab, address):
    positions = [shown(start=start)["text/html"] for start in DELTAS]
    paths = [[p.get("d") for d in drawings(page) for p in curves(d)[1]] for page in positions]
    with visit(tab, address) as problems:
        start = state(tab)
        assert start[0] == ["δ = 1.0", "δ = 1.0", paths[1]]
        tab.keyboard.press("Tab")
        for key, number in (("ArrowRight", 2), ("Home", 0), ("End", 2), ("ArrowDown", 1)):
            tab.keyboard.press(key)
            text = f"δ = {DELTAS[number]}"
            assert state(tab) == [[text, text, paths[number]], start[1]]
        tab.keyboard.press("Tab")
        tab.keyboard.press("ArrowUp")
        assert state(tab)[0] == start[0] and state(tab)[1][0] == "q = 2"
        assert problems == []


def test_a_cell_that_is_run_again_works_beside_its_older_copy(tab, address):
    insert = "page => document.body.insertAdjacentHTML('beforeend', page)"
    with visit(tab, address) as problems:
        tab.evaluate(insert, shown()["text/html"])
        tab.locator("input").last.press("ArrowLeft")
        assert [texts[0] for texts in state(tab)] == ["δ = 1.0", "q = 1", "δ = 0.5"]
        assert problems == []


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_an_explorer_is_accessible_and_fits(width, tab, address):
    with visit(tab, address, width) as problems:
        problems += tab.evaluate(TOO_WIDE)
        for theme in ("light", "dark"):
            show(tab, theme, width)
            problems += accessibility_problems(tab)
        panels = tab.locator(".explorer").last.locator(".explorer-panels > div")
        tops = panels.evaluate_all("panels => panels.map(p => p.getBoundingClientRect().top)")
        assert len(set(tops)) == (1 if width == DESK else 3)  # side by side, or stacked
        assert problems == []


SEEN = """explorer => {
  const panels = [...explorer.querySelectorAll(".explorer-panels > div")];
  const slider = explorer.querySelector("input").getBoundingClientRect();
  return [panels.map(panel => panel.getBoundingClientRect().top > -1), slider.height,
    slider.bottom <= innerHeight];
}"""


def test_on_a_phone_the_slider_is_seen_with_what_it_moves(tab, address):
    with visit(tab, address, 390):
        tab.set_viewport_size({"width": 390, "height": 844 - 56})  # the head of the page stays
        explorer = tab.locator(".explorer").last
        explorer.evaluate("explorer => explorer.scrollIntoView()")
        assert explorer.evaluate(SEEN) == [[True] * 3, 44, True]
        assert explorer.bounding_box()["height"] < 844 - 56
        tab.set_viewport_size({"width": 360, "height": 500})
        explorer.evaluate("explorer => explorer.scrollIntoView()")
        assert explorer.bounding_box()["height"] > 500
        assert explorer.evaluate(SEEN) == [[True] * 3, 44, True]  # the slider sticks to the screen


def test_the_focus_is_seen_and_the_theme_colours_the_curves(tab, address):
    colour = "e => getComputedStyle(e).stroke"
    with visit(tab, address):
        slider, curve = tab.locator("input").first, tab.locator("path.curve").first
        outline = "e => getComputedStyle(e).outlineStyle"
        assert slider.evaluate(outline) == "none"
        tab.keyboard.press("Tab")
        assert slider.evaluate(outline) == "solid"
        assert curve.evaluate(colour) == "rgb(0, 114, 178)"
        show(tab, "dark")
        assert curve.evaluate(colour) == "rgb(86, 180, 233)"
        tab.emulate_media(color_scheme="dark", media="print")
        assert curve.evaluate(colour) == "rgb(0, 114, 178)"
        assert not slider.is_visible() and tab.locator("output").first.is_visible()
        assert tab.locator(".explorer svg").first.is_visible()


def test_without_scripts_the_first_position_is_seen(tab, address):
    context = tab.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator(".explorer svg").first.is_visible()
    assert not page.locator("input").first.is_visible()
    assert page.locator("output").first.inner_text() == "δ = 1.0"
    context.close()
