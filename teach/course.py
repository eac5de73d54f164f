"""A course: a folder in which assignments are released, collected, graded and returned."""

import ctypes
import hashlib
import json
import multiprocessing
import os
import resource
import signal
import sys
import warnings
from pathlib import Path

import nbformat
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.api import MissingEntry
from nbgrader.apps import NbGraderAPI
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from traitlets.config import Config

from .execution import Run
from .feedback import HideTests
from .submission import CANARY, Unreadable, name_of, read, restored

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "assignments" / "source"
FAILED = "not graded"  # begins a flag; such a submission is graded again
PR_SET_PDEATHSIG = 1  # of linux/prctl.h
MEMORY = 4 << 30  # bytes for grading one submission, without its kernel


def settings(folder, confine, timeout):
    """Return the settings of nbgrader under which a submission is graded."""
    c = Config()
    c.CourseDirectory.root = str(folder)
    c.CourseDirectory.course_id = "lossbook"
    c.ClearSolutions.code_stub = {"python": "# your code\nraise NotImplementedError()"}
    c.ClearSolutions.text_stub = "Your answer."
    c.Autograde.sanitize_preprocessors = [OverwriteKernelspec, OverwriteCells, CheckCellMetadata]
    c.Autograde.autograde_preprocessors = [
        Run,
        IgnorePattern,
        LimitOutput,
        SaveAutoGrades,
        AssignLatePenalties,
        CheckCellMetadata,
    ]
    c.GenerateFeedback.preprocessors = [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]
    c.IgnorePattern.enabled = True
    c.IgnorePattern.pattern = r"(?s).*"  # what is written to stderr is no error
    c.Run.confine = confine
    c.Run.timeout = timeout
    c.NbGraderAPI.log_level = c.Application.log_level = 50
    return c


class Course:
    """What a teacher does with a course's folder; each method is a command."""

    def __init__(self, folder, confine=True, timeout=10):
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        # nbgrader starts alembic by its name.
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.config = settings(self.folder, confine, timeout)
        self.api = NbGraderAPI(config=self.config)

    def release(self, name):
        """Make the student's version of an assignment; return its path."""
        source = self.folder / "source" / name / f"{name}.ipynb"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes((SOURCES / f"{name}.ipynb").read_bytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the database's library, about nbgrader
            result = self.api.generate_assignment(name)
        if not result["success"]:
            raise RuntimeError(result.get("log") or result)
        return self.released(name)

    def released(self, name):
        return self.folder / "release" / name / f"{name}.ipynb"

    def collected(self, name):
        """Return the paths of what was collected, one for each student."""
        return sorted((self.folder / "collected" / name).glob("*.ipynb"))

    def grade(self, name, again=False, seconds=300):
        """Grade what was collected and is not graded yet; yield a row of results for each.

        A row holds the student, the points, the most points, the number of answers that are
        graded by hand and still wait for it, and what a teacher should look at.
        """
        self.fresh = 0  # of those that are yielded, how many were graded now
        for path in self.collected(name):
            student = path.stem
            print_ = self._fingerprint(path)
            note = self.folder / "graded" / student / f"{name}.json"
            held = json.loads(note.read_text()) if note.exists() else {}
            failed = any(flag.startswith(FAILED) for flag in held.get("flags", ()))
            if again or failed or held.get("of") != print_:
                held = {"of": print_, "flags": self._apart(seconds, name, path, student)}
                note.parent.mkdir(parents=True, exist_ok=True)
                new = note.with_suffix(".new")
                new.write_text(json.dumps(held))
                new.replace(note)  # at once, so that a note is never cut
                self.fresh += 1
            yield student, *self.score(name, student), held["flags"]

    def feedback(self, name):
        """Write a page for each student of what was graded; return the folder."""
        result = self.api.generate_feedback(name, force=True)
        if not result["success"]:
            raise RuntimeError(result.get("log") or result)
        return self.folder / "feedback"

    def grades(self):
        """Yield (student, assignment, points, most points, answers that wait, flags)."""
        for note in sorted((self.folder / "graded").glob("*/*.json")):
            student, name = note.parent.name, note.stem
            flags = "; ".join(json.loads(note.read_text())["flags"])
            yield student, name, *self.score(name, student), flags

    def _fingerprint(self, path):
        parts = path.read_bytes(), (SOURCES / f"{path.parent.name}.ipynb").read_bytes()
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def _apart(self, seconds, *arguments):
        """Grade one submission in a process of its own, so that it cannot stop the others."""
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=self._child, args=(theirs, *arguments))
        child.start()
        theirs.close()
        try:
            if not ours.poll(seconds):
                return [f"{FAILED}: it took more than {seconds} seconds"]
            return ours.recv()
        except EOFError:
            return [f"{FAILED}: the process that graded it ended"]
        finally:
            if child.is_alive():
                child.join(5)
            if child.is_alive():
                os.killpg(child.pid, signal.SIGKILL)
            child.join()

    def _child(self, pipe, name, path, student):
        os.setsid()
        if sys.platform == "linux":  # else it would go on when the command is killed
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        warnings.simplefilter("ignore")  # of the database's library, about nbgrader
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            pipe.send(self._grade_one(name, path, student))
        except BaseException as error:
            pipe.send([f"{FAILED}: {type(error).__name__}: {str(error)[:200]}"])

    def _grade_one(self, name, path, student):
        released = nbformat.read(self.released(name), as_version=4)
        flags = []
        try:
            handed_in = read(path)
            notebook, nameless = restored(handed_in, released)
            known = {name_of(cell) for cell in released.cells}
            strange = {name_of(cell) for cell in handed_in.cells} - known - {None}
            if len(strange) > 2:
                flags.append("it holds cells of another assignment: was the right file handed in?")
            if nameless:
                flags.append(
                    "its cells have lost their names: look at the answers in words by hand"
                )
        except Unreadable as reason:
            notebook, flags = released, [f"not readable, graded as handed out: {reason}"]
        folder = self.folder / "submitted" / student / name
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / f"{name}.ipynb")
        result = self.api.autograde(name, student, force=True)
        if not result["success"]:
            return [*flags, f"{FAILED}: {result['log'][-300:]}"]
        return flags + self._tampered(name, student)

    def _tampered(self, name, student):
        """Return a flag unless the canary, a test that must fail, failed as it should."""
        graded = self.folder / "autograded" / student / name / f"{name}.ipynb"
        for cell in nbformat.read(graded, as_version=4).cells:
            if name_of(cell) == CANARY:
                found = [o.get("evalue") for o in cell.outputs if o.output_type == "error"]
                return [] if found == [CANARY] else ["tampering: a test that must fail did not"]
        return ["tampering: the test that must fail is missing"]

    def score(self, name, student):
        """Return the points so far, the most that can be had, and how many answers wait."""
        with self.api.gradebook as gradebook:
            try:
                found = gradebook.find_submission(name, student)
            except MissingEntry:  # nothing of it could be graded
                return 0.0, gradebook.find_assignment(name).max_score, 0
            grades = [grade for notebook in found.notebooks for grade in notebook.grades]
            waiting = sum(bool(grade.needs_manual_grade) for grade in grades)
            return found.score, found.max_score, waiting
