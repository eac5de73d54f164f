"""What GitHub runs and reads, and what nobody runs here: workflows, forms, citation, changelog."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import github
import pytest
import yaml
from contents import ROOT
from packaging.requirements import Requirement

SCRIPTS = Path(sysconfig.get_path("scripts"))
PROGRAMS = {"python3", "python", "git", "sudo"}


def text(name):
    return (ROOT / name).read_text("utf-8")


def program(name, *arguments, folder):
    """Run a program of the environment in a folder; return what it printed, and "" if content."""
    command = [SCRIPTS / name, *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    return result.stdout + result.stderr if result.returncode else ""


def own_problems(workflow):
    """Report what no linter asks for: versions in comments, limits, steps that anybody can run."""
    lines = [line.strip(" -") for line in workflow.splitlines()]
    for line in (line for line in lines if line.startswith("uses: ") and "$/" not in line):
        if not re.fullmatch(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line):
            yield f"{line} is no commit with its version"
    loaded = yaml.safe_load(workflow)
    if loaded["permissions"]:
        yield "the workflow itself has permissions"
    if "concurrency" not in loaded:
        yield "no concurrency is set"
    for name, job in loaded["jobs"].items():
        if "uses" not in job and "timeout-minutes" not in job:
            yield f"{name} has no limit of time"
        for command in (step["run"] for step in job.get("steps", ()) if "run" in step):
            plain = command.replace("2>&1 |", "|").split(" | tee ")[0]
            if plain.split()[0] not in PROGRAMS or re.search(r"[;|\n&]|\$\(|\$\{\{", plain):
                yield f"{command!r} holds logic"


def problems(folder):
    """Yield what the two linters and the rules above say of the workflows in a folder."""
    yield program("actionlint", "-no-color", folder=folder)
    yield program("zizmor", "--offline", "--quiet", "--color=never", ".", folder=folder)
    for path in sorted((folder / ".github" / "workflows").glob("*.yml")):
        yield from own_problems(path.read_text("utf-8"))


def test_the_workflows_are_sound():
    assert not "".join(problems(ROOT))


@pytest.mark.parametrize(
    "name, old, new, said",
    [
        ("tests", r"@[0-9a-f]{40}", "@v7", "action is not pinned to a hash"),
        ("tests", " # v7.0.1", "", "is no commit with its version"),
        ("tests", "persist-credentials: false", "fetch-depth: 1", "credential persistence"),
        ("tests", r"permissions:\n.*contents: read", "permissions: write-all", "overly broad"),
        ("tests", "permissions: {}\n", "permissions: {issues: read}\n", "itself has permissions"),
        ("tests", "matrix.python", "matrix.pyhton", 'property "pyhton" is not defined'),
        ("tests", "    timeout-minutes: 60\n", "", "portable has no limit of time"),
        ("tests", r"concurrency:\n.*\n.*\n", "", "no concurrency is set"),
        ("tests", "python3 make.py lock", "if true; then make; fi", "holds logic"),
        ("tests", "python3 make.py lock", "curl -o x y", "'curl -o x y' holds logic"),
        ("publish", "needs: test", "needs: tets", 'needs job "tets" which does not exist'),
        ("publish", "steps.pages.outputs", "steps.page.outputs", 'property "page" is not defined'),
        ("release", r'"\$GITHUB_REF_NAME"', "${{ github.head_ref }}", "attacker-controllable"),
        ("weekly", "runs-on: ubuntu-latest", "runs-on: ubuntu-1", 'label "ubuntu-1" is unknown'),
    ],
)
def test_a_broken_workflow_is_reported(name, old, new, said, tmp_path):
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)  # actionlint asks for a repository
    path = tmp_path / ".github" / "workflows" / f"{name}.yml"
    broken, count = re.subn(old, new.replace("\\", r"\\"), path.read_text("utf-8"))
    assert count
    path.write_text(broken, "utf-8")
    assert said in "\n".join(problems(tmp_path))


def test_what_the_buttons_of_the_site_lead_to_is_published_first():
    workflow = yaml.safe_load(text(".github/workflows/publish.yml"))
    build, notebooks, deploy = (workflow["jobs"][name] for name in ("build", "notebooks", "deploy"))
    made = [step["run"] for step in build["steps"] if "make.py" in step.get("run", "")]
    assert made == ["python3 make.py pdf", "python3 make.py book"]
    assert (notebooks["needs"], deploy["needs"]) == ("build", "notebooks")
    assert notebooks["permissions"] == {"contents": "write"} and workflow["env"]["BOOK_BRANCH"]


def test_pull_requests_are_tested_as_continuous_integration_does():
    job = yaml.safe_load(text(".github/workflows/tests.yml"))["jobs"]["all"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    lines = [line.split(" #")[0] for line in text(".ci/run").splitlines()]
    assert {line for line in lines if line.startswith(("python3 make.py", "git "))} <= set(commands)
    (promised,) = (line.split()[1:] for line in lines if line.startswith("export REQUIRE"))
    matrix = job["strategy"]["matrix"]
    (latex,) = matrix["include"]  # one Python is enough
    values = job["env"] | {"REQUIRE_PAPER": latex["paper"]}
    assert {f"{name}={value}" for name, value in values.items()} >= set(promised)
    assert job["env"]["REQUIRE_PAPER"] == "${{ matrix.paper }}"
    assert matrix["python"] == ["3.11", "3.12", "3.13"] and latex["python"] in matrix["python"]


# --- forms, Dependabot, citation ---------------------------------------------------------

FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
SCHEMAS = {
    "dependabot": [ROOT / ".github" / "dependabot.yml"],
    "github-issue-config": [FORMS / "config.yml"],
    "github-issue-forms": sorted({*FORMS.iterdir()} - {FORMS / "config.yml"}),
    "citation-file-format": [ROOT / "CITATION.cff"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_github_and_zenodo_read_fits_its_schema_and_what_is_broken_does_not(schema, tmp_path):
    command = "check-jsonschema", "--builtin-schema", f"vendor.{schema}"
    assert not program(*command, *SCHEMAS[schema], folder=ROOT)
    broken = yaml.safe_load(SCHEMAS[schema][0].read_text("utf-8")) | {"auhtors": "no such key"}
    (tmp_path / "broken.yml").write_text(yaml.safe_dump(broken), "utf-8")
    assert "auhtors" in program(*command, tmp_path / "broken.yml", folder=ROOT)


def test_dependabot_leaves_alone_what_is_held_back():
    updates = yaml.safe_load(text(".github/dependabot.yml"))["updates"]
    (pip,) = (update for update in updates if update["package-ecosystem"] == "pip")
    lines = "\n".join(
        path.read_text("utf-8") for path in ROOT.glob("requirements*.in")
    ).splitlines()
    lines = [line.split(" #")[0] for line in lines if line and not line.startswith(("#", "-c"))]
    chosen = [Requirement(line) for line in lines]
    held = {choice.name: str(choice.specifier) for choice in chosen if choice.specifier}
    ignored = {entry["dependency-name"]: entry.get("versions") for entry in pip["ignore"]}
    for name, limit in held.items():
        assert ignored.get(name, ()) == (None if "==" in limit else [limit.replace("<", ">=")])
    assert set(ignored) <= {choice.name for choice in chosen}


# --- what workflows tell GitHub ----------------------------------------------------------


@pytest.fixture
def calls(monkeypatch):
    """The calls of gh, which answers with the issues in ``calls.issues``."""

    class Calls(list):
        issues = ()

    def gh(*arguments):
        calls.append(arguments)
        return json.dumps(list(calls.issues))

    calls = Calls()
    monkeypatch.setattr(github, "gh", gh)
    return calls


LOG = "....\nFAILED tests/test_peers.py::test_a - assert 1 == 2\n1 failed in 3.1 s\n"


def test_a_report_opens_an_issue_adds_to_it_and_does_not_repeat_itself(calls, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text(LOG, "utf-8")
    github.report("New", log)
    *opened, body = calls[-1]
    assert opened == ["issue", "create", "--title", "New", "--body"]
    assert "test_a - assert 1 == 2" in body and "3.1 s" not in body
    issue = {"number": 7, "title": "New", "body": body.replace("\n", "\r\n"), "comments": []}
    calls.issues = [issue | {"number": 6, "title": "Newer"}, issue]
    github.report("New", log)
    assert calls[-1][:2] == ("issue", "list")
    log.write_text(LOG.replace("test_a", "test_b"), "utf-8")
    github.report("New", log)
    assert calls[-1][:3] == ("issue", "comment", "7") and "test_b" in calls[-1][-1]
    issue["comments"] = [{"body": calls[-1][-1]}]
    github.report("New", log)
    assert calls[-1][:2] == ("issue", "list")


@pytest.mark.parametrize(
    "line, said",
    [
        ("ERROR tests/test_site.py - no", "no"),
        ("a.ipynb:3: [broken] https://example.org: 404", "example.org: 404"),
        ("a.ipynb:3: [timeout] https://example.org", "[timeout]"),
        ("error: keras and tensorflow do not fit", "do not fit"),
    ],
)
def test_a_report_names_what_failed(calls, line, said, tmp_path):
    (tmp_path / "log.txt").write_text(f"a.ipynb:2: [redirected] b\n{line}\n", "utf-8")
    github.report("Title", tmp_path / "log.txt")
    assert said in calls[-1][-1] and ("redirected" in calls[-1][-1]) == line.startswith("error")


def test_a_report_fits_into_an_issue(calls, tmp_path):
    (tmp_path / "log.txt").write_text(f"FAILED {'a' * 10_000}\n" * 1000, "utf-8")
    github.report("Title", tmp_path / "log.txt")
    assert len(calls[-1][-1]) < 65_536 and "log: 1000\n" in calls[-1][-1]


CHANGES = (
    "# Changes\n\n## Unreleased\n\nNew.\n\n## 1.1 (2026-01-02)\n\n- Two.\n\n## 1.0 (2025-01-01)\n"
)


def test_a_release_says_what_the_changelog_says(calls, tmp_path, monkeypatch):
    monkeypatch.setattr(github, "CHANGELOG", tmp_path / "CHANGELOG.md")
    github.CHANGELOG.write_text(CHANGES, "utf-8")
    github.release("v1.1")
    assert calls[-1] == ("release", "create", "v1.1", "--verify-tag", "--title", "v1.1",
                         "--notes", "- Two.")  # fmt: skip
    for tag in ("v1.2", "v1", "Unreleased"):
        with pytest.raises(SystemExit, match=f"no section, or several, of {tag}"):
            github.release(tag)


@pytest.fixture
def origin(tmp_path, monkeypatch):
    """A bare repository whose clone, in place of the book, holds a commit of its main branch."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    for command in (
        f"init -q --bare -b main {origin}",
        f"clone -q {origin} {clone}",
        f"-C {clone} -c user.name=a -c user.email=b commit -q --allow-empty -m Book",
        f"-C {clone} push -q origin HEAD:main",
    ):
        subprocess.run(["git", *command.split()], check=True, capture_output=True)
    monkeypatch.setattr(github, "ROOT", clone)
    return origin


def said_by(origin, *command):
    return subprocess.check_output(["git", "-C", origin, *command], text=True).split()


def test_a_branch_is_replaced_by_the_notebooks_of_a_built_site(origin, tmp_path):
    site = tmp_path / "site"
    for name in ("index.ipynb", "chapters/one.ipynb", "chapters/two.ipynb", "glossary.md"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(name)
    github.notebooks(site, "published")
    (site / "chapters" / "two.ipynb").unlink()
    (site / "index.ipynb").write_text("new")
    github.notebooks(site, "published")
    held = said_by(origin, "ls-tree", "-r", "--name-only", "published")
    assert held == ["chapters/one.ipynb", "index.ipynb"]
    assert said_by(origin, "show", "published:index.ipynb") == ["new"]
    assert said_by(origin, "rev-list", "--count", "published") == ["1"]
    *_, main = said_by(origin, "log", "-1", "--format=%s", "published")
    assert main == said_by(origin, "rev-parse", "--short", "main")[0]
    assert not said_by(github.ROOT, "status", "--porcelain")


def test_a_branch_stays_where_no_notebook_was_built(origin, tmp_path):
    (tmp_path / "site").mkdir()
    with pytest.raises(subprocess.CalledProcessError):
        github.notebooks(tmp_path / "site", "published")
    assert said_by(origin, "branch", "--format=%(refname:short)") == ["main"]


def test_git_gets_the_token_from_gh(tmp_path):
    fake = tmp_path / "gh"
    fake.write_text('#!/bin/sh\necho "username=x-access-token"; echo "password=$GH_TOKEN $*"\n')
    fake.chmod(0o755)
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GH_TOKEN": "secret", "HOME": str(tmp_path)}
    asked = {"input": "url=https://github.com/acme/lossbook\n", "text": True, "env": told}
    answer = subprocess.check_output(["git", *github.ACCESS, "credential", "fill"], **asked)
    assert "password=secret auth git-credential get" in answer


def test_the_command_passes_its_words_to_gh(tmp_path):
    fake = tmp_path / "gh"
    fake.write_text("#!/bin/sh\necho $* >&2; test $2 = list && echo '[]'; true\n", "utf-8")
    fake.chmod(0o755)
    (tmp_path / "log.txt").write_text("FAILED here\n", "utf-8")
    command = [sys.executable, ROOT / "tools" / "github.py"]
    settings = {"env": os.environ | {"PATH": str(tmp_path)}, "capture_output": True, "text": True}
    result = subprocess.run([*command, "report", "A title", tmp_path / "log.txt"], **settings)
    assert result.returncode == 0 and "issue create --title A title --body" in result.stderr
    for words in ([], ["report"], ["nonsense", "a"]):
        result = subprocess.run([*command, *words], **settings)
        assert result.returncode == 1 and "github.py release TAG" in result.stderr


def test_the_newest_release_of_the_changelog_is_the_one_to_cite():
    cited = yaml.safe_load(text("CITATION.cff"))
    headings = re.findall(r"(?m)^## (.*)$", text("CHANGELOG.md"))
    released = [heading for heading in headings if heading != "Unreleased"]
    assert released[0] == f"{cited['version']} ({cited['date-released']})"
    assert headings[0] in ("Unreleased", released[0]) and headings.count("Unreleased") <= 1
    assert github.section(f"v{cited['version']}")
