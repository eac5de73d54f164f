"""The assignments: complete, without a solution where students look, and graded as they should."""

import ast
import contextlib
import csv
import dataclasses
import functools
import importlib.util
import io
import os
import re
import subprocess
import sys
import warnings
import zipfile

import nbformat
import pytest
import run_notebooks
from contents import CHAPTERS, ROOT, SECRET
from nbformat.v4 import new_code_cell
from needs import need
from wrong_answers import WRONG

SOURCES = {path.stem: path for path in sorted((ROOT / "assignments" / "source").glob("*.ipynb"))}
MARKS = re.compile(r"(?m)^ *### (BEGIN|END) (SOLUTION|HIDDEN TESTS)\n?")


def read(path):
    return nbformat.read(path, as_version=4)


def data(cell):
    return cell.metadata.nbgrader


def answers(notebook):
    return [cell for cell in notebook.cells if data(cell)["solution"]]


def automatic(notebook):
    cells = [cell for cell in notebook.cells if data(cell)["grade"] and not data(cell)["solution"]]
    return {data(cell)["grade_id"]: data(cell)["points"] for cell in cells}


def by_hand(notebook):
    return [data(cell)["points"] for cell in answers(notebook) if data(cell)["grade"]]


@pytest.fixture(params=SOURCES, scope="module")
def name(request):
    return request.param


@pytest.fixture(scope="module")
def source(name):
    return read(SOURCES[name])


def test_points(source):
    """Twenty in all, as many as each heading says, some by hand, the canary last and for none."""
    assert sum(automatic(source).values()) + sum(by_hand(source)) == 20 and by_hand(source)
    assert list(automatic(source).items())[-1] == ("canary", 0)
    said, found = [], []
    for cell in source.cells:
        if heading := re.search(r"(?m)^## \d+\. .*\((\d+) points?(, by hand)?\)$", cell.source):
            said.append((int(heading[1]), bool(heading[2])))
            found.append([0, False])
        if data(cell)["grade"] and data(cell)["grade_id"] != "canary":
            found[-1][0] += data(cell)["points"]
            found[-1][1] |= data(cell)["solution"]
    assert said == [tuple(question) for question in found]
    hand = [str(number) for number, (_, by) in enumerate(said, 1) if by]
    sentence = re.search(
        r"Questions? ([\d and]+) (?:is|are) graded by hand", source.cells[0].source
    )
    assert re.findall(r"\d+", sentence[1]) == hand


def test_text(source):
    """What a student reads first: title, chapters that exist, time; then how to find lossbook."""
    head, setup = source.cells[:2]
    assert head.source.startswith("# Assignment ") and "**Time:** about " in head.source
    links = re.findall(LINK, head.source)
    assert len(links) >= 2 and all(sections()[text].path == path for text, path in links)
    assert set(named(head.source)) <= set(sections())
    assert setup.source == run_notebooks.setup_source("")


LINK = r"\[([^]]+)\]\(\.\./(chapters/[\w/-]+)\.ipynb\)"


def named(head):
    """Return the sections to read first as "Chapter: Section"."""
    reading = re.search(r"\*\*Read first:\*\* (.*)", head)[1]
    parts = re.split(LINK, reading)[1:]
    for chapter, names in zip(parts[::3], parts[2::3]):
        yield from (f"{chapter}: {name}" for name in re.findall(r"\*([^*]+)\*", names))


@dataclasses.dataclass
class Section:
    path: str
    words: int = 0


@functools.cache
def sections():
    """Return the chapters by their titles, and every section as "Chapter: Section"."""
    found = {}
    for path in CHAPTERS:
        for cell in read(ROOT / f"{path}.ipynb").cells:
            for line in cell.source.split("\n"):
                if cell.cell_type == "markdown" and (heading := re.fullmatch("(#+) (.+)", line)):
                    level, text = heading.groups()
                    if level == "#":
                        chapter, found[text] = text, Section(path)
                    section = found[f"{chapter}: {text}"] = Section(path)
                elif found:
                    section.words += len(line.split())
    return found


def test_each_message_leads_to_a_section_of_the_book(source):
    known = sections()
    for cell in source.cells:
        if cell.metadata.nbgrader.grade_id in automatic(source) and "canary" not in cell.id:
            strings = [
                n.value for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Constant)
            ]
            strings = [text.split("The book: ")[-1] for text in strings if isinstance(text, str)]
            assert [text for text in strings if text in known], cell.id


def test_the_page_for_students_tells_the_times_of_the_assignments():
    text = (ROOT / "chapters" / "classroom" / "for-students.md").read_text("utf-8")
    rows = re.findall(r"\((?:\.\./)+assignments/([\w-]+)\.ipynb\) \| (\d+) \| (\d+) \|", text)
    assert len(rows) == 6
    for name, reading, minutes in rows:
        head = read(SOURCES[name]).cells[0].source
        assert f"**Time:** about {minutes} minutes, after the reading." in head
        words = sum(sections()[section].words for section in named(head))
        assert abs(words / 80 - int(reading)) < 10, f"{words} words, 80 a minute"  # code is slow


def test_the_students_version_shows_no_solution_and_no_hidden_test(source, name):
    given = ROOT / "assignments" / f"{name}.ipynb"
    assert not re.search("SOLUTION|HIDDEN|Marking|patched", given.read_text("utf-8"))
    text = "\n".join(cell.source for cell in read(given).cells)
    shown = "\n".join(SECRET.sub("", cell.source) for cell in source.cells if cell.id != "canary")
    for cell in source.cells:
        for part in SECRET.findall(cell.source):
            lines = {line.strip() for line in part.split("\n")} - {"", "try:", "import math"}
            lines = {line for line in lines if line not in shown}
            assert not [line for line in lines if len(line) > 9 and line in text]


def test_wrong_answers_are_many_and_fail_every_test(name, source):
    lost = {test for _, _, lost in WRONG[name] for test in lost.split()}
    assert len(WRONG[name]) >= 8 and lost == set(automatic(source)) - {"canary"}


def test_the_assignments_and_their_wrong_answers_are_the_same():
    assert list(SOURCES) == sorted(WRONG) and len(SOURCES) == 6


def test_each_wrong_answer_loses_its_tests_and_no_others(name, source):
    """Run as a kernel runs them, without a kernel for each; the grader has one of each to do."""
    for title, edits, lost in WRONG[name]:
        wrong = failed(solved(read(SOURCES[name]), source, edits))
        assert wrong == {*lost.split(), "canary"}, title


def failed(notebook):
    """Return the names of the tests that raise when the cells are run from top to bottom."""
    names, lost = {}, set()
    with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
        for cell in notebook.cells:
            if cell.cell_type == "code" and not (data(cell)["solution"] and data(cell)["grade"]):
                try:
                    exec(cell.source, names)
                except Exception:
                    if not data(cell)["grade"]:
                        raise
                    lost.add(data(cell)["grade_id"])
    return lost


def solved(notebook, source, edits=()):
    """Return a notebook with the right answers; where edited, without those by hand."""
    solutions = [cell for cell in answers(source) if not (edits and data(cell)["grade"])]
    right = {data(cell)["grade_id"]: MARKS.sub("", cell.source) for cell in solutions}
    for answer, old, new in edits:
        assert old in right[answer], f"{answer} holds no {old}"
        right[answer] = right[answer].replace(old, new)
    for cell in notebook.cells:
        cell.source = right.get(data(cell)["grade_id"], cell.source)
    return notebook


# Graded, where nbgrader is installed

TAMPER = "import lossbook.book.notebook as tools\ntools.expect = lambda *answers, **options: None"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    need("TEACH", nbgrader=importlib.util.find_spec("nbgrader"))
    from teach import sandbox
    from teach.course import Course

    need("TEACH", bubblewrap=sandbox.available())
    return Course(tmp_path_factory.mktemp("course"), timeout=30)


@pytest.fixture(scope="module")
def graded(course, name, source):
    """Four submissions of an assignment, graded: points, answers that wait, flags, each test."""
    path = course.release(name)
    submissions = {"right": solved(read(path), source), "as handed out": read(path)}
    submissions["wrong"] = solved(read(path), source, WRONG[name][0][1])
    submissions["tampered"] = read(path)
    submissions["tampered"].cells.insert(0, new_code_cell(TAMPER))
    folder = course.folder / "collected" / name
    folder.mkdir(parents=True)
    for title, notebook in submissions.items():
        nbformat.write(notebook, folder / f"{title}.ipynb")
    rows = {
        title: (points, waiting, flags) for title, points, _, waiting, flags in course.grade(name)
    }
    with course.api.gradebook as gradebook:
        for title, row in rows.items():
            (notebook,) = gradebook.find_submission(name, title).notebooks
            rows[title] = *row, {grade.name: grade.auto_score for grade in notebook.grades}
    return rows


def test_the_committed_version_is_what_the_source_makes(course, name, graded):
    committed = ROOT / "assignments" / f"{name}.ipynb"
    assert committed.read_bytes() == course.released(name).read_bytes()


def test_the_right_answers_have_full_marks(graded, source):
    points, waiting, flags, _ = graded["right"]
    assert (points, waiting, flags) == (20 - sum(by_hand(source)), len(by_hand(source)), [])


def test_what_was_handed_out_scores_nothing(graded):
    points, waiting, flags, _ = graded["as handed out"]
    assert (points, waiting, flags) == (0, 0, [])


def test_who_silences_the_tests_is_flagged(graded):
    assert any("tampering" in flag for flag in graded["tampered"][2])


def test_a_wrong_answer_loses_the_points_of_its_tests(graded, name, source):
    full, lost = automatic(source), set(WRONG[name][0][2].split())
    points, _, flags, scores = graded["wrong"]
    assert ({test for test, most in full.items() if scores[test] < most}, flags) == (lost, [])
    assert points == sum(full.values()) - sum(full[test] for test in lost)


def test_the_walk_of_the_teachers_page(course, tmp_path):
    """The commands of the page, in their order, from what Moodle hands over to the grades."""
    page = (ROOT / "chapters" / "classroom" / "for-teachers.md").read_text("utf-8")
    commands = re.search(r"(?s)```bash\n(.*?)```", page)[1].splitlines()
    names = [line.split()[3] for line in commands]
    assert names == ["release", "collect", "grade", "open", "feedback", "export"]

    def teach(line):
        arguments = line.removeprefix("python3 make.py ").split()
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    source = read(SOURCES["squared-error"])
    for line in commands:
        if line.endswith("open"):
            continue
        if "collect" in line:
            given = tmp_path / "course" / "release" / "squared-error" / "squared-error.ipynb"
            with zipfile.ZipFile(tmp_path / "submissions.zip", "w") as archive:
                for student, notebook in (
                    ("Ada Lovelace_11", solved(read(given), source)),
                    (
                        "Charles Babbage_12",
                        solved(read(given), source, WRONG["squared-error"][3][1]),
                    ),
                    ("Mary Somerville_13", read(given)),
                ):
                    folder = f"{student}_assignsubmission_file_"
                    archive.writestr(f"{folder}/squared-error.ipynb", nbformat.writes(notebook))
                archive.writestr("Mary Somerville_13_assignsubmission_file_/notes.txt", "to come")
        if "grade" in line:  # killed while it is at the second, it goes on from there
            with teach(line) as killed:
                assert "ada-lovelace-11" in killed.stdout.readline()
                killed.kill()
        with teach(line) as process:
            text = process.communicate()[0]
        assert process.returncode == 0 and "Traceback" not in text, text
        if "grade" in line:
            assert "3 in all" in text and "15 of 20 points, 2 to be graded by hand" in text
    with (tmp_path / "course" / "grades.csv").open(encoding="utf-8") as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    assert rows == [
        ("ada-lovelace-11", "squared-error", "15.0", "20.0", "2", ""),
        ("charles-babbage-12", "squared-error", "11.0", "20.0", "0", ""),
        ("mary-somerville-13", "squared-error", "0.0", "20.0", "0", ""),
    ]
    (page,) = (tmp_path / "course" / "feedback" / "charles-babbage-12").rglob("*.html")
    text = page.read_text("utf-8")
    assert "mind the sign" in text and "how to check them: Squared error" in text
    assert "HIDDEN" not in text and "gradient(1.0, -2.0" not in text
