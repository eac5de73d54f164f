"""The rooms around the losses: elementary functions, cards, gradient check, training, figures."""

import ast
import dataclasses
import hashlib
import inspect
import io
import re
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from IPython.core.interactiveshell import InteractiveShell
from samples import BATCHWISE, batch

import lossbook
from lossbook import CATALOGUE, SigmoidCrossEntropy, SquaredError, check_gradient
from lossbook.book import data, figures, symbolic
from lossbook.book.card import card
from lossbook.book.card import formula as card_formula
from lossbook.book.notebook import check_attempt, claim, expect, formula, glue, said, show_source
from lossbook.book.training import LinearModel, LogisticModel, gradient_descent

POINTS = [0.0, 1e-300, 1e-20, 1e-8, 0.3, 1.0, 5.0, 17.0, 20.0, 36.9, 40.0, 700.0, 745.0, 1e5, 1e300]
EXACT = {
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log(1 + mpmath.exp(z)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", EXACT)
def test_elementary_functions_to_the_last_places(name, dtype):
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        points = dtype(
            [*POINTS, *(-x for x in POINTS), *rng.normal(0, 10, 500), *rng.normal(0, 1e-3, 100)]
        )
    for z in points[np.isfinite(points)]:
        got = getattr(lossbook, name)(z)
        with mpmath.workdps(800):
            true = EXACT[name](mpmath.mpf(float(z)))
            spacing = mpmath.mpf(float(np.spacing(dtype(float(true)))))
            assert abs(mpmath.mpf(float(got)) - true) <= 4 * spacing, (z, got)
        assert got.dtype == dtype


def test_softmax_and_its_logarithm():
    z = np.array([[1e3, 0.0, -1e3], [20.0, 0.0, 0.0], [0.0, -np.inf, 0.0]])
    p, log_p = lossbook.softmax(z), lossbook.log_softmax(z)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(np.exp(log_p), p, rtol=1e-13)
    assert log_p[1, 0] == pytest.approx(-4.1223072363804e-09, rel=1e-13)
    assert p[2].tolist() == [0.5, 0, 0.5] and log_p[2, 1] == -np.inf
    np.testing.assert_array_equal(lossbook.softmax(z[:2].T.copy().T), p[:2])
    assert np.isnan(lossbook.softmax([np.nan, 0.0])).all()


def test_zero_times_log_zero():
    assert lossbook.xlogy(0.0, 0.0) == lossbook.xlog1py(0.0, -1.0) == 0.0
    assert np.isnan(lossbook.xlogy(0.0, np.nan)) and lossbook.xlogy(2.0, 0.0) == -np.inf


@pytest.mark.parametrize("loss", CATALOGUE, ids=repr)
def test_card(loss):
    shown = loss._repr_mimebundle_()
    assert shown["text/plain"] == repr(loss)
    value, derivative = card_formula(loss)
    assert f"${value}$" in shown["text/markdown"] and f"${derivative}$" in shown["text/markdown"]
    for call in loss.claims.elsewhere.values():
        assert f"`{call}`" in card(loss)
    rows = shown["text/markdown"].splitlines()
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows), (
        "a cell of the table is broken by a bar"
    )


def test_no_sum_begins_with_a_minus_and_a_parameter_stands_on_the_right():
    assert card_formula(lossbook.Poisson())[0] == r"\ell = e^{z} - y z"
    assert re.search(r"vert +\\leq \\delta", card_formula(lossbook.Huber())[0])


@pytest.mark.parametrize("loss", CATALOGUE, ids=repr)
def test_docstring_has_its_parts(loss):
    text = type(loss).__doc__
    for part in (
        "Also called:",
        "Formula:",
        "derivative",
        "Domain:",
        "Good for:",
        "Price:",
        ">>> ",
    ):
        assert part in text, f"{type(loss).__name__} does not say {part}"
    assert ":math:" not in text, f"{type(loss).__name__} repeats LaTeX, which the card has"


def test_a_loss_shows_its_card_only_beside_the_book():
    code = "import lossbook; {}print(hasattr(lossbook.Huber(), '_repr_mimebundle_'))"
    assert run(code.format("")).strip() == "False"
    assert run(code.format("import lossbook.book; ")).strip() == "True"


@dataclasses.dataclass(frozen=True)
class Undefined(SquaredError):
    """A loss of a reader, without a definition and without LaTeX."""


def test_a_loss_without_a_definition_has_a_card_without_formulas():
    shown = card(Undefined())
    assert "Undefined()" in shown and "loss of a sample" not in shown
    assert "best constant prediction" in shown


def test_condition_of_a_ratio():
    value, (slope,) = symbolic.condition(lossbook.AbsolutePercentageError(), 1.0, 2.0)
    assert value == pytest.approx(4) and slope == pytest.approx(1)


class Plain:
    """A loss of a reader: two methods, no base class."""

    factor = 2.0

    def __call__(self, y_true, y_pred):
        return float(np.mean((np.asarray(y_pred) - y_true) ** 2))

    def gradient(self, y_true, y_pred):
        return self.factor * (np.asarray(y_pred) - y_true) / len(y_pred)


def test_check_gradient_takes_any_loss_and_sees_what_is_wrong():
    y, p = [3.0, 5.0, 0.0], [2.0, 5.5, 1e-3]
    right, wrong = Plain(), Plain()
    wrong.factor = -2.0
    assert check_gradient(right, y, p) < 1e-9
    assert check_gradient(wrong, y, p) == pytest.approx(2, rel=1e-6)
    assert np.isnan(check_gradient(SquaredError(), [0.0], [np.nan]))


def test_check_gradient_says_what_it_saw():
    wrong = Plain()
    wrong.factor = -1.0
    seen = check_gradient(wrong, [3.0, 5.0, 0.0], [2.0, 5.5, 1e-3])
    assert seen == pytest.approx(1.5, rel=1e-6) and isinstance(seen, float)
    assert seen.where == (0,) and seen.ratio == pytest.approx(-0.5, rel=1e-6)
    assert seen.estimate == pytest.approx(-2 / 3) and seen.gradient == pytest.approx(1 / 3)
    text = (
        "1.5 (at (0,) the gradient is 0.333333, the differences give -0.666667, the ratio is -0.5)"
    )
    assert repr(seen) == text
    rows = check_gradient(lossbook.SoftmaxCrossEntropy(), [0, 1], np.zeros((2, 3)))
    assert len(rows.where) == 2 and rows < 1e-9
    nan = check_gradient(SquaredError(), [0.0], [np.nan])
    assert np.isnan(nan) and nan.where == (0,) and np.isnan(nan.ratio)


@pytest.mark.parametrize("loss", BATCHWISE, ids=repr)
def test_check_gradient_of_losses_of_a_batch(loss):
    y, p = batch(loss, np.random.default_rng(3))
    assert check_gradient(loss, y, p) < 1e-8
    wrong = dataclasses.make_dataclass("Wrong", [], bases=(type(loss),), frozen=True)()
    object.__setattr__(wrong, "gradient", lambda *a: 1.5 * loss.gradient(*a))
    assert check_gradient(wrong, y, p).ratio == pytest.approx(1.5, rel=1e-6)


def test_newton_steps_by_the_hessian_find_the_log_odds():
    y, z = np.array([1.0, 1.0, 1.0, 0.0]), 0.0
    loss = SigmoidCrossEntropy()
    for _ in range(6):
        logits = np.full(4, z)
        z -= loss.gradient(y, logits).sum() / loss.hessian(y, logits).sum()
    assert z == pytest.approx(np.log(3), rel=1e-14)


def objective(loss):
    """Return a loss as a custom objective for boosting: gradient and Hessian of the sum."""

    def gradient_and_hessian(y_true, y_pred):
        n = len(y_pred)
        return n * loss.gradient(y_true, y_pred), n * loss.hessian(y_true, y_pred)

    return gradient_and_hessian


def test_a_loss_is_an_objective_for_boosting():
    """The custom objective grows the trees of LightGBM's own."""
    lightgbm = pytest.importorskip("lightgbm")
    got = data.breast_cancer()
    options = {"n_estimators": 5, "num_leaves": 8, "verbose": -1, "n_jobs": 1}
    scores = []
    for objective_ in (objective(SigmoidCrossEntropy()), "binary"):
        model = lightgbm.LGBMClassifier(objective=objective_, boost_from_average=False, **options)
        model.fit(got.x_train, got.y_train)
        scores.append(model.predict(got.x_test, raw_score=True))
    np.testing.assert_allclose(*scores, rtol=1e-6)
    assert SigmoidCrossEntropy()(got.y_test, scores[0]) < 0.5


def test_check_gradient_of_a_sample_is_not_disturbed_by_a_huge_loss_beside_it():
    assert check_gradient(lossbook.LogCosh(), np.zeros(2), [0.5, 1e12]) < 1e-9


def test_check_gradient_stays_inside_the_domain_and_leaves_its_input_alone():
    p = np.array([1e-6, 0.5, 1 - 1e-6])
    before = p.copy()
    assert check_gradient(lossbook.BinaryCrossEntropy(), [1.0, 0.0, 0.0], p) < 1e-9
    np.testing.assert_array_equal(p, before)
    assert check_gradient(SquaredError(), np.float32([0.0]), np.float32([1e6])) < 1e-9


def line(n=50):
    x = np.random.default_rng(0).normal(size=(n, 2))
    return x, x @ [2.0, -1.0] + 3.0


def test_gradient_descent_finds_least_squares():
    x, y = line()
    model = LinearModel(2)
    history = gradient_descent(model, SquaredError(), x, y, 0.2, 5000, gradient_norm=1e-12)
    assert history.stopped == "gradient norm" and history.gradient_norm[-1] <= 1e-12
    np.testing.assert_allclose([*model.weights, model.bias], [2, -1, 3], rtol=1e-10)
    assert len(history.loss) == len(history.gradient_norm) == history.best_step + 1
    assert history.loss[-1] == SquaredError()(y, model.forward(x)), (
        "the last loss belongs to the parameters the model holds"
    )


def test_gradient_descent_shows_divergence():
    x, y = line()
    history = gradient_descent(LinearModel(2), SquaredError(), x, y, 10.0, 5000)
    assert (
        history.stopped == "diverged"
        and history.loss[-1] == np.inf
        and history.loss[1] > history.loss[0]
    )


def test_gradient_descent_stops_by_validation_loss_and_restores_the_best():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 30)), rng.integers(0, 2, 20)
    x_val, y_val = rng.normal(size=(200, 30)), rng.integers(0, 2, 200)
    model = LogisticModel(30)
    history = gradient_descent(
        model, SigmoidCrossEntropy(), x, y, 0.5, 500, validation=(x_val, y_val), patience=5
    )
    assert history.stopped == "validation loss"
    assert len(history.loss) == history.best_step + 6
    assert SigmoidCrossEntropy()(y_val, model.forward(x_val)) == min(history.validation_loss)


def test_models_with_rows_and_their_gradients():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(9, 3)), rng.integers(0, 4, 9)
    model, loss = LinearModel(3, 4), lossbook.SoftmaxCrossEntropy()
    model.weights += rng.normal(size=(3, 4))
    gradient, of_bias = model.backward(x, loss.gradient(y, model.forward(x)))
    np.testing.assert_allclose(of_bias, loss.gradient(y, model.forward(x)).sum(axis=0))
    h, model_loss = 1e-5, lambda: loss(y, model.forward(x))
    for place in np.ndindex(3, 4):
        model.weights[place] += h
        up = model_loss()
        model.weights[place] -= 2 * h
        down = model_loss()
        model.weights[place] += h
        assert gradient[place] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-9)
    assert LogisticModel(3).probability(x).tolist() == [0.5] * 9
    with pytest.raises(ValueError, match=r"must be \(n, 3\)"):
        model.forward(x[:, :2])


@pytest.mark.parametrize("load, shapes, classes", [
    (data.digits, ((4000, 784), (1000, 784)), range(10)),
    (data.diabetes, ((300, 10), (142, 10)), None),
    (data.breast_cancer, ((400, 30), (169, 30)), range(2)),
])  # fmt: skip
def test_data(load, shapes, classes):
    got = load()
    assert (got.x_train.shape, got.x_test.shape) == shapes
    assert len(got.y_train) == shapes[0][0] and len(got.y_test) == shapes[1][0]
    assert len(got.features) in (1, got.x_train.shape[1])
    again, other = load(), load(seed=1)
    np.testing.assert_array_equal(again.x_test, got.x_test)
    assert not np.array_equal(other.y_test, got.y_test)
    everything = np.vstack([got.x_train, got.x_test])
    assert np.array_equal(
        np.sort(everything.sum(axis=1)),
        np.sort(np.vstack([other.x_train, other.x_test]).sum(axis=1)),
    )
    if classes:
        assert set(got.y_train) == set(got.y_test) == set(classes), "the split is shuffled"
    with pytest.raises(ValueError, match="must be between"):
        load(test=10**6)


def test_data_facts_that_the_docstrings_state():
    digits, diabetes = data.digits(), data.diabetes()
    assert digits.x_train.dtype == np.float32 and (digits.x_train.min(), digits.x_train.max()) == (
        0,
        1,
    )
    assert np.bincount(np.r_[digits.y_train, digits.y_test]).tolist() == [500] * 10
    progress = np.r_[diabetes.y_train, diabetes.y_test]
    assert (progress.min(), progress.max(), len(progress)) == (25, 346, 442)


def test_english_is_a_thousand_different_paragraphs():
    got, other = data.english(), data.english(seed=1)
    assert (len(got.train), len(got.test)) == (903, 100) and data.english() == got
    everything = got.train + got.test
    assert other.test != got.test and sorted(other.train + other.test) == sorted(everything)
    assert len(set(everything)) == 1003
    sizes = [len(paragraph) for paragraph in everything]
    assert (min(sizes), max(sizes)) == (60, 1410)
    assert sum(sizes) + 1002 == 229_425, "the number of characters in datasets/README.md"
    assert all(p.isascii() and p.isprintable() and p == p.strip() for p in everything)
    with pytest.raises(ValueError, match="between 1 and 1002"):
        data.english(test=0)


def test_no_english_paragraph_repeats_an_earlier_one():
    with np.load(data.FOLDER / "english.npz") as file:
        paragraphs = bytes(file["text"]).decode().split("\n")
    seen = set()
    for paragraph in paragraphs:
        words = paragraph.split()
        runs = {tuple(words[i : i + 8]) for i in range(len(words) - 7)}
        assert len(runs & seen) <= len(runs) / 2, paragraph
        seen |= runs


def test_the_speech_is_what_its_docstrings_state():
    sentences = data.speech()
    assert (len(sentences), round(sum(len(s.sound) for s in sentences) / 8000, 1)) == (5, 24.7)
    for sentence in sentences:
        assert sentence.sound.dtype == np.float32 and abs(sentence.sound).max() < 1
        words, starts, ends = zip(*sentence.words)
        assert " ".join(words) == sentence.text.replace("-", " ")
        assert all(a < b for a, b in zip(starts, ends)) and np.all(np.diff(starts) > 0)
        assert ends[-1] < len(sentence.sound) / 8000


def test_the_spoken_digits_are_what_their_docstring_states():
    digits = data.spoken_digits()
    for x, y, spans in (digits[:3], digits[3:]):
        n = len(x)
        assert (x.dtype, x.shape, y.dtype, y.shape) == (np.float32, (n, 72, 20), np.int64, (n, 3))
        assert np.all(x % 2 == 0) and set(np.unique(y)) == set(range(11))
        size = (y > 0).sum(axis=1)
        assert np.all(size >= 1) and np.all((y == 0) == (np.arange(3) >= size[:, np.newaxis]))
        assert spans.shape == (n, 3, 2) and np.all((spans > 0).all(axis=2) == (y > 0))
        starts, ends = np.moveaxis(spans, 2, 0)
        assert np.all((ends - starts)[y > 0] > 1) and ends.max() < 72
        assert np.all((starts[:, 1:] >= ends[:, :-1])[y[:, 1:] > 0])
    assert (len(digits.x_train), len(digits.x_test)) == (1000, 200)
    with np.load(data.FOLDER / "spoken_digits.npz") as file:
        variants = [voice.split("+")[1] for voice in file["voices"].tolist()]
    heard, new = set(variants[:1000]), set(variants[1000:])
    assert (len(heard), len(new), heard & new) == (10, 2, set())


def test_data_files_have_the_checksums_that_are_written_down():
    text = (data.FOLDER / "README.md").read_text("utf-8")
    files = sorted(data.FOLDER.glob("*.npz"))
    assert len(files) == 6
    for file in files:
        assert f"`{file.name}`" in text and hashlib.sha256(file.read_bytes()).hexdigest() in text, (
            file.name
        )


def test_figures_say_what_they_show():
    figure, (_, right) = figures.plot_loss(SquaredError(), lossbook.AbsoluteError())
    text = figures.describe(figure)
    assert "panel 1: x: 'prediction $\\\\hat{y}$, for the target $y = 0$', y: 'loss'" in text
    assert "line 'SquaredError()', 241 points, x -3 to 3, y 0 to 9" in text
    right.set_ylabel("slope")
    assert figures.describe(figure) != text
    figures.plt.close(figure)


@pytest.mark.parametrize(
    "loss", [c for c in CATALOGUE if isinstance(c, lossbook.base.Elementwise)], ids=repr
)
def test_the_curves_are_the_loss_and_its_derivative(loss):
    figure, (left, right) = figures.plot_loss(loss, y_true=1.0)
    x, y = left.lines[0].get_xydata().T
    np.testing.assert_array_equal(y, loss.per_sample(np.ones_like(x), x))
    for point, slope in right.lines[0].get_xydata()[::40]:
        assert slope == pytest.approx(loss.gradient(1.0, point).item(), rel=1e-12)
    figures.plt.close(figure)


def test_pictures_are_the_same_bytes_each_time(monkeypatch):
    shown = []
    monkeypatch.setattr(figures, "display", lambda bundle, raw: shown.append(bundle))
    for _ in range(2):
        figures.show(figures.plot_loss(SquaredError())[0])
    assert shown[0] == shown[1] and shown[0].keys() == {"image/svg+xml", "text/plain"}
    assert 10_000 < len(shown[0]["image/svg+xml"]) < 40_000


def test_a_drawing_keeps_what_matplotlib_draws_to_a_hundredth_of_a_point():
    figure, buffer = figures.plot_loss(SquaredError(), lossbook.AbsoluteError())[0], io.StringIO()
    figure.savefig(buffer, format="svg")
    figures.plt.close(figure)
    whole, short = buffer.getvalue(), figures.svg(figure)
    assert "\n" not in short and 1.2 * len(short) < len(whole)
    for pattern in (r"scale\(.*?\)", r"stroke-width: ?([\d.]+)", "<path", "<use", "#[0-9a-f]{6}"):
        assert re.findall(pattern, short) == re.findall(pattern, whole.split("</metadata>")[1])
    paths = (re.findall(r'(?s)\sd="(.*?)"', text) for text in (whole, short))
    before, after = ([float(n) for n in re.findall(r"-?[\d.]+", "".join(p))] for p in paths)
    np.testing.assert_allclose(after, before, rtol=0, atol=0.0051)
    used = set(re.findall(r'href="#(.*?)"|url\(#(.*?)\)', short))
    assert used and {one or other for one, other in used} == set(re.findall(r' id="(.*?)"', short))


def test_what_is_light_only_in_pixels_stays_a_picture():
    figure, (left, right) = figures.subplots(1, 2)
    points = np.random.default_rng(1).normal(size=(2, 3000))
    left.plot(*points, ".")
    right.imshow(points.reshape(60, 100))
    assert figures.picture(figure).keys() == {"image/png"}


def contrast(a, b):
    """Return the contrast ratio of two colours, as the web guidelines define it."""

    def luminance(colour):
        channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
        return linear @ [0.2126, 0.7152, 0.0722]

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_of_figures_stand_out_from_white_and_differ_in_line_style():
    assert all(contrast(colour, "#ffffff") >= 3 for colour in figures.COLOURS)
    styles = figures.STYLE["axes.prop_cycle"].by_key()
    assert (
        len(set(map(str, styles["linestyle"]))) == len(set(styles["color"])) == len(figures.COLOURS)
    )


@pytest.fixture
def records(monkeypatch):
    """What a cell records, as (bundle, metadata)."""
    found = []
    monkeypatch.setattr(
        "lossbook.book.notebook.display",
        lambda bundle, raw, metadata: found.append((bundle, metadata)),
    )
    return found


def test_glue_records_values_and_show_source_shows_the_module(records):
    glue(half=0.5, three=np.int64(3))
    assert [m["scrapbook"]["name"] for _, m in records] == ["half", "three"]
    assert [list(b.values()) for b, _ in records] == [["0.5"], ["3"]]
    assert "return r * r" in show_source(SquaredError._value).data


def test_a_claim_is_recorded_where_it_holds_alone(records):
    claim(below=np.float64(1.0) < 2.0, plain=True)
    assert [m["scrapbook"]["name"] for _, m in records] == ["below", "plain"]
    assert [list(b.values()) for b, _ in records] == [["True"], ["True"]]
    with pytest.raises(AssertionError, match="above does not hold"):
        claim(also=True, above=np.float64(1.0) > 2.0)
    with pytest.raises(TypeError, match="number is 1: a claim is true or false"):
        claim(number=1)
    with pytest.raises(TypeError, match="Use a comparison"):
        claim(all=np.array([True, True]))
    assert len(records) == 2


def test_defaults_are_those_that_users_rely_on():
    with_parameters = [repr(loss) for loss in lossbook.CATALOGUE if dataclasses.fields(loss)]
    assert with_parameters == [
        "Huber(delta=1.0)",
        "PseudoHuber(delta=1.0)",
        "Quantile(q=0.5)",
        "Expectile(q=0.5)",
        "EpsilonInsensitive(epsilon=0.1)",
        "GeneralRobust(alpha=1.0, scale=1.0)",
        "SigmoidFocal(gamma=2.0)",
        "SoftmaxFocal(gamma=2.0)",
        "GeneralizedCrossEntropy(q=0.7)",
        "Tversky(alpha=0.5, beta=0.5)",
        "Contrastive(margin=1.0)",
        "Triplet(margin=1.0)",
        "InfoNCE(temperature=0.1)",
    ], "Is a default changed?  Add those of a new loss to this list, in the order of the catalogue"


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


# Each module imports from those before it alone, also inside functions.
ORDER = [
    *("elementary", "checks", "base", "residual", "classification", "likelihood", "overlap"),
    *("embedding", "sequence", "catalogue", "gradcheck", "", "book.data", "book.training"),
    *("book.libraries", "book.defects", "book.symbolic", "book.card", "book.figures"),
    *("book.atlas", "book.explorer", "book.notebook", "book"),
]


def place(module):
    """Return the name of a module as ORDER has it, or None for one of another package."""
    head, _, rest = module.partition(".")
    return rest if head == "lossbook" else None


def imported(path, name):
    """Return the modules of the package that a module imports."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (place(a.name) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for inner in (f"{base}.{a.name}" for a in node.names):
                yield place(inner) if place(inner) in ORDER else place(base)


def test_imports_run_one_way():
    root = Path(lossbook.__file__).parent
    paths = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root.parent).with_suffix("").parts
        paths[".".join(parts).removesuffix(".__init__")] = path
    assert {place(n) for n in paths} == set(ORDER)
    for name, path in paths.items():
        before = ORDER[: ORDER.index(place(name))]
        late = [n for n in imported(path, name) if n is not None and n not in before]
        assert not late, f"{name} imports {late}, which do not come before it"
    assert "book.card" in imported(paths["lossbook.book"], "lossbook.book")
    assert "checks" in imported(paths["lossbook.base"], "lossbook.base")


def test_import_is_light():
    heavy = "tensorflow", "keras", "sympy", "matplotlib", "IPython", "scipy"
    assert (
        run(f"import sys, lossbook; print([m for m in {heavy} if m in sys.modules])").strip()
        == "[]"
    )


def test_import_takes_less_than_importing_numpy_again():
    # Both in one process, so that a slow machine slows both: the ratio is what is asserted.
    code = """
from time import perf_counter as now
start = now()
import numpy
between = now()
import lossbook
print((now() - between) / (between - start))"""
    assert min(float(run(code)) for _ in range(3)) < 1


@pytest.mark.parametrize("loss", [SquaredError(), SigmoidCrossEntropy()], ids=repr)
def test_a_large_array_costs_one_array_of_its_size(loss):
    code = f"""
import tracemalloc, numpy as np, lossbook
y, p = np.zeros(2_000_000), np.linspace(-1, 1, 2_000_000)
tracemalloc.start()
lossbook.{loss!r}.value_and_gradient(y, p)
print(tracemalloc.get_traced_memory()[1] / p.nbytes)"""
    assert float(run(code)) < 1.5


@pytest.mark.parametrize("loss", list(filter(symbolic.is_defined, CATALOGUE)), ids=repr)
def test_a_formula_is_typeset_only_if_it_is_the_loss_or_its_derivative(loss):
    value, gradient, *_ = symbolic.definition(loss)
    shown = formula(loss, value, gradient).data
    assert shown.startswith(r"\begin{aligned}\ell &= ") and shown == formula(loss).data
    wrong = tuple(-g for g in gradient) if isinstance(gradient, tuple) else -gradient
    with pytest.raises(AssertionError, match="the expression is"):
        formula(loss, gradient=wrong)
    with pytest.raises(AssertionError, match="the expression is"):
        formula(loss, value=value + sympy.Rational(1, 10**9))


def test_an_attempt_is_told_whether_it_is_right(capsys):
    cases = [(np.array([1.0, 2.0]),), (np.array([3.0]),)]
    check_attempt(np.square, np.square, *cases)
    assert capsys.readouterr().out == "Right: square agrees in all 2 cases.\n"
    check_attempt(lambda x: np.multiply(x, x, out=x), np.square, *cases)
    assert cases[0][0].tolist() == [1.0, 2.0], "an attempt in place leaves the cases alone"
    tiny = (np.array([0.1, 0.2, 1e-20]),)
    check_attempt(np.square, lambda x: x * x * (1 + 1e-12), tiny)
    with pytest.raises(AssertionError, match="Look at where they differ"):
        check_attempt(lambda x: 0 * x, np.square, (np.array([1e-9]),))
    capsys.readouterr()
    check_attempt(lambda x: ..., np.square, *cases)
    assert "returns nothing yet: fill it in" in capsys.readouterr().out
    with pytest.raises(AssertionError, match=r"should be \[1\. 4\.\]; yours is \[1\. 2\.\]"):
        check_attempt(np.positive, np.square, *cases)
    with pytest.raises(AssertionError, match=r"should have shape \(2,\); yours has \(\)"):
        check_attempt(np.sum, np.square, *cases)


def test_code_runs_as_printed_and_ends_in_one_line(capsys):
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "lossbook.book.notebook")
    shell.user_ns["x"] = "of the notebook"
    code = """import warnings
def f(): return 3
warnings.warn("one\\ntwo")
warnings.warn("left out", RuntimeWarning)
print(f(), "x" in globals())
raise ValueError("first\\nsecond")
"""
    shell.run_cell(f"%%as_printed sample\n{code}", store_history=False)
    lines = ["UserWarning: one", "3 False", "ValueError: first"]
    assert capsys.readouterr().out.splitlines() == lines
    names = shell.user_ns["sample"]
    assert inspect.getsource(names["f"]) == "def f(): return 3\n"
    shell.run_cell("%%as_printed\nsample", store_history=False)
    output = capsys.readouterr().out
    assert output == "NameError: name 'sample' is not defined\n"
    shell.run_cell("%%as_printed\nassert 1 < 0", store_history=False)
    assert capsys.readouterr().out == "AssertionError\n"
    shell.run_cell("%%elsewhere keras\nhalf = 1 / 2  # 0.5", store_history=False)
    shell.run_cell("%%elsewhere keras\nwhole = 2 * half  # 1.0", store_history=False)
    assert said.keras_half == 0.5 and said.keras_whole == 1.0
    shell.run_cell("%%as_printed\n1 +", store_history=False)
    assert capsys.readouterr().out.startswith("SyntaxError: invalid syntax (")


class Agreeable(float):
    """Says of itself that it is equal to everything."""

    __eq__ = __le__ = lambda self, other: True
    __sub__ = __rsub__ = lambda self, other: Agreeable(0)
    __hash__ = None


@pytest.mark.parametrize(
    "got, right",
    [(1, 1.0), ([1, 2], [1.0, 2.0]), (np.float32(0.5), 0.5), ((0.0, 1e-12), [0, 1e-12])],
)
def test_an_answer_that_is_right_passes_in_silence(got, right, capsys):
    expect(got, right, "a", "b")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "got, said",
    [
        ([1.0, 2.1], "Yours: [1. 2.1]"),
        ([1.0, np.nan], "nan"),
        ([[1.0, 2.0]], "shape (1, 2) instead of an array of shape (2,)"),
        (3.0, "Yours: one number instead of an array of shape (2,)"),
        (None, "no numbers but None"),
        ("12", "no numbers but '12'"),
        ([[1.0], [1.0, 2.0]], "no numbers"),
        ([Agreeable(3), Agreeable(4)], "Yours: [3. 4.]"),
        (np.array([object(), object()]), "no numbers"),
    ],
)
def test_an_answer_that_is_wrong_is_told_what_was_asked_for_and_where(got, said):
    with pytest.raises(AssertionError) as caught:
        expect(got, [1.0, 2.0], "one and two", "Numbers: Small ones")
    text = str(caught.value)
    assert said in text and text.startswith("Asked for: one and two.\nYours: ")
    assert text.endswith("\nThe book: Numbers: Small ones")
