"""The grader, on a small assignment and submissions of every kind."""

import importlib.util
import shutil
import subprocess
import zipfile

import nbformat
import pytest
from needs import need

need("TEACH", nbgrader=importlib.util.find_spec("nbgrader"))

import submissions  # noqa: E402

from teach import __main__ as commands  # noqa: E402
from teach import course as courses  # noqa: E402
from teach import sandbox  # noqa: E402
from teach.collection import collect  # noqa: E402

NAMES = [name for name, *_ in submissions.submissions(submissions.specimen(), "", "")]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one submission of each kind, graded."""
    need("TEACH", bubblewrap=sandbox.available())
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


def test_another_assignment_is_told_to_the_teacher(course):
    told = [name for name, (*_, flags) in course.rows.items() if "another assign" in str(flags)]
    assert told == ["another_assignment"]


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
    "paths, students",
    [
        (["Ada Lovelace_4711_assignsubmission_file_/a.ipynb"], ["ada-lovelace-4711"]),
        (["Ada Lovelace_4711_assignsubmission_file_a.ipynb"], ["ada-lovelace-4711"]),
        (["all/Ada Lovelace_4711_assignsubmission_file_/mine/a.ipynb"], ["ada-lovelace-4711"]),
        (["lovelaceada_12_345_a.ipynb"], ["lovelaceada-12"]),
        (["lovelaceada_LATE_12_345_a-2.ipynb"], ["lovelaceada-12"]),
        (["ada/a.ipynb"], ["ada"]),
        (["ada/a.ipynb", "ben/a.ipynb"], ["ada", "ben"]),
        (["in/ada/a.ipynb", "in/ben/b.ipynb"], ["ada", "ben"]),
        (["in/ada/a/a.ipynb", "in/ben/a/a.ipynb"], ["ada", "ben"]),  # nbgrader's own folders
        (["ada.ipynb", "ben.ipynb"], ["ada", "ben"]),
        (["in/ada.ipynb", "in/ben.IPYNB"], ["ada", "ben"]),
        (["ada/a.ipynb", "ada/.ipynb_checkpoints/a.ipynb", "__MACOSX/ada/a.ipynb"], ["ada"]),
        (["王芳.ipynb", "Jo\u0308rg.ipynb", "---.ipynb"], ["jörg", "student", "王芳"]),
        (["Ada B/a.ipynb", "ada-b/a.ipynb"], ["ada-b", "ada-b-2"]),
        (["../../ada/a.ipynb"], ["ada"]),
    ],
)
def test_students_are_found_in_the_names_of_files(tmp_path, paths, students):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for path in paths:
            archive.writestr(path, "")
    assert collect(tmp_path / "in.zip", tmp_path / "a")[0] == students
    assert sorted(path.stem for path in (tmp_path / "a").iterdir()) == students


def zipped(path, *files):
    """Write a zip of (name, content, day of a month)."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content, day in files:
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, day, 12, 0, 0)), content)
    return path


def test_the_last_hand_in_counts(tmp_path):
    first = zipped(
        tmp_path / "1.zip", ("ada_12_34_a.ipynb", "1", 1), ("ada_12_35_a-1.ipynb", "2", 2)
    )
    later = zipped(tmp_path / "2.zip", ("ada_12_36_a-2.ipynb", "3", 3), ("notes.txt", "", 3))
    target = tmp_path / "a"
    assert collect(first, target) == (
        ["ada-12"],
        [("ada_12_34_a.ipynb", "another of ada-12 was taken")],
    )
    assert (target / "ada-12.ipynb").read_text() == "2"
    assert collect(later, target) == (["ada-12"], [("notes.txt", "no notebook")])
    assert (target / "ada-12.ipynb").read_text() == "3"
    _, left_out = collect(first, target)
    assert left_out[-1] == ("ada_12_35_a-1.ipynb", "older than what was collected before")
    assert (target / "ada-12.ipynb").read_text() == "3"


def test_the_notebook_with_the_name_of_the_assignment_is_preferred(tmp_path):
    given = zipped(
        tmp_path / "1.zip", ("ada/a.ipynb", "right", 1), ("ada/try.ipynb", "x", 2), ("ben/q", "", 1)
    )
    students, left_out = collect(given, tmp_path / "a")
    assert (tmp_path / "a" / "ada.ipynb").read_text() == "right" and students == ["ada"]
    assert ("ada/try.ipynb", "another of ada was taken") in left_out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["collect", "squared-error", "missing.zip"], "There is no "),
        (["collect", "squared-error", "text.zip"], "neither a zip nor a folder"),
        (["collect", "squared-error", "empty"], "no notebook of a student"),
        (["feedback", "squared-error"], "run grade squared-error first"),
        (["export"], "Nothing is graded yet"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(SystemExit, match=said):
        commands.main(arguments)


def test_nothing_collected_is_nothing_to_grade(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sandbox, "available", lambda: True)
    with pytest.raises(SystemExit, match="run collect squared-error first"):
        commands.main(["grade", "squared-error"])


def test_a_course_that_is_a_file_is_refused_in_a_line(tmp_path):
    (tmp_path / "course").write_text("")
    with pytest.raises(SystemExit, match="File exists"):
        commands.main(["--course", str(tmp_path / "course"), "export"])
