"""The grader, on a small assignment and submissions of every kind."""

import importlib.util
import os
import shutil
import subprocess

import nbformat
import pytest

if not importlib.util.find_spec("nbgrader"):
    if os.environ.get("REQUIRE_TEACH"):
        pytest.fail("nbgrader is not installed", pytrace=False)
    pytest.skip("nbgrader is not installed", allow_module_level=True)

import submissions

from teach import course as courses
from teach import sandbox
from teach.collection import collect, student_of

NAMES = [name for name, *_ in submissions.submissions(submissions.specimen(), "", "")]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one submission of each kind, graded."""
    if not sandbox.available():
        if os.environ.get("REQUIRE_TEACH"):
            pytest.fail("bubblewrap is not installed")
        pytest.skip("bubblewrap is not installed")
    folder = tmp_path_factory.mktemp("course")
    sources = folder / "assignments"
    sources.mkdir()
    nbformat.write(submissions.specimen(), sources / "specimen.ipynb")
    made = courses.Course(folder, timeout=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(courses, "SOURCES", sources)
        released = nbformat.read(made.release("specimen"), as_version=4)
        (folder / "collected" / "specimen").mkdir(parents=True)
        made.fair = {}
        for name, notebook, made.fair[name] in submissions.submissions(released, folder, sources):
            path = folder / "collected" / "specimen" / f"{name}.ipynb"
            if isinstance(notebook, bytes):
                path.write_bytes(notebook)
            else:
                nbformat.write(notebook, path)
        made.rows = {name: rest for name, *rest in made.grade("specimen")}
        yield made


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_gets_what_it_should(course, name):
    points, most, waiting, flags = course.rows[name]
    fair, text = course.fair[name], " ".join(flags)
    assert (most, waiting) == (10, 0) and "not graded" not in text
    assert "tampering" in text if fair is None else (points == fair and "tampering" not in text)


def test_no_process_is_left(course):
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "sleep 3777" not in running


def test_what_is_graded_is_not_graded_again_and_a_new_hand_in_is(course, monkeypatch):
    folder = course.folder / "collected" / "specimen"
    shutil.copy(folder / "correct.ipynb", folder / "sign.ipynb")
    grade, graded = course._apart, []
    monkeypatch.setattr(course, "_apart", lambda *a: graded.append(a[-1]) or grade(*a))
    rows = {name: rest for name, *rest in course.grade("specimen")}
    assert rows["sign"][0] == 10 and graded == ["sign"]
    del rows["sign"]
    assert rows == {name: row for name, row in course.rows.items() if name != "sign"}


def test_feedback_shows_messages_and_no_hidden_test(course):
    folder = course.feedback("specimen")
    page = (folder / "constants" / "specimen" / "specimen.html").read_text("utf-8")
    assert [path.name for path in (folder / "constants" / "specimen").iterdir()] == [
        "specimen.html"
    ]
    assert "entropy_more" in page and "AssertionError" in page
    assert "HIDDEN" not in page and "np.e" not in page and "canary" not in page


def test_the_released_notebook_holds_no_answer(course):
    text = course.released("specimen").read_text("utf-8")
    assert "raise NotImplementedError()" in text and "SOLUTION" not in text
    assert "HIDDEN" not in text and "log_p" not in text and "canary" in text


@pytest.mark.parametrize(
    "path, student",
    [
        ("Ada Lovelace_4711_assignsubmission_file_/a.ipynb", ("ada-lovelace-4711", 0)),
        ("Ada Lovelace_4711_assignsubmission_file_a.ipynb", ("ada-lovelace-4711", 0)),
        ("lovelaceada_12_345_a.ipynb", ("lovelaceada-12", 0)),
        ("lovelaceada_LATE_12_345_a-2.ipynb", ("lovelaceada-12", 2)),
        ("ada/a.ipynb", ("ada", 0)),
        ("王芳.ipynb", ("王芳", 0)),
        ("ada/notes.txt", None),
    ],
)
def test_the_student_is_found_in_a_name_of_moodle_or_canvas(path, student):
    assert student_of(path) == student


def test_the_last_hand_in_counts(tmp_path):
    for n, text in enumerate(("first", "second")):
        again = f"-{n}" if n else ""
        (tmp_path / f"ada_12_34{n}_a{again}.ipynb").write_text(text)
    (tmp_path / "readme.txt").write_text("")
    assert collect(tmp_path, tmp_path / "in") == (["ada-12"], ["readme.txt"])
    assert (tmp_path / "in" / "ada-12.ipynb").read_text() == "second"
