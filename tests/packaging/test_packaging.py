"""The wheel and the sdist, built and installed outside the repository; the version."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("pyrosnn", "cli/pyrosnn_cli", "studies/pyrosnn_studies")

pytestmark = [pytest.mark.slow, pytest.mark.processes]


def run(*command: str | Path, cwd: Path) -> str:
    """Return the output of a command that sees no source tree of ours."""
    ours = {"PYTHONPATH", "SETUPTOOLS_SCM_PRETEND_VERSION"}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name not in ours},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def build(source: Path, target: Path, *kind: str) -> None:
    # --no-isolation: build with the packages of the test environment, not with the network's
    run(sys.executable, "-m", "build", "--no-isolation", *kind, "-o", target, source, cwd=target)


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def shipped(names: Iterable[str]) -> set[str]:
    """Return the names of the files that belong to the packages, not to the wheel's metadata."""
    return {name for name in names if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    build(ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a fresh environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    wheel = only(built, "*.whl")
    pip = (sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--quiet")
    run(*pip, "--no-deps", "--no-index", wheel, cwd=folder)
    # The dependencies are those of the test environment. Python does not read the .pth files
    # of a folder that a .pth file adds, so that an editable pyrosnn there stays out of sight.
    packages = run(
        scripts / "python",
        "-c",
        "import sysconfig; print(sysconfig.get_path('purelib'))",
        cwd=folder,
    )
    theirs = [folder for folder in sys.path if Path(folder).name.endswith("-packages")]
    Path(packages, "dependencies.pth").write_text("\n".join(theirs), "utf-8")
    return scripts


def test_a_wheel_is_the_same_from_the_checkout_and_from_the_sdist(
    built: Path, tmp_path: Path
) -> None:
    build(ROOT, tmp_path, "--wheel")
    direct, through_sdist = only(tmp_path, "*.whl"), only(built, "*.whl")
    assert direct.name == through_sdist.name
    assert members(direct) == members(through_sdist)


def test_a_wheel_holds_the_three_packages_and_nothing_else(built: Path) -> None:
    sources = {
        path.relative_to(ROOT / package.removesuffix(Path(package).name)).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"pyrosnn/py.typed", "pyrosnn_studies/presets.toml"} <= sources
    assert shipped(members(only(built, "*.whl"))) == sources


def test_an_sdist_holds_all_that_its_tests_read_and_its_readme_names(built: Path) -> None:
    with tarfile.open(only(built, "*.tar.gz")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    pages = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "LICENSE"}
    here = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    named = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", (ROOT / "README.md").read_text("utf-8"))
    assert "docs/concepts.md" in named
    assert (
        pages | {"Makefile", "docs/conf.py", "constraints.txt", ".ci/run"} | {*named} | here
        <= names
    )


def test_a_package_index_shows_no_link_to_a_file(built: Path) -> None:
    with zipfile.ZipFile(only(built, "*.whl")) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(name).decode()
    assert "- Concepts (`docs/concepts.md`): samples" in text
    assert "![" not in text
    targets = re.findall(r"\]\(([^)]*)\)", text)
    assert targets
    assert all(target.startswith("https://") for target in targets)


def test_the_program_runs_where_only_the_wheel_is(
    built: Path, installed: Path, tmp_path: Path
) -> None:
    version = only(built, "*.whl").name.split("-")[1]
    assert run(installed / "pyrosnn", "--version", cwd=tmp_path) == f"pyrosnn {version}"
    assert "Usage: pyrosnn" in run(installed / "pyrosnn", "--help", cwd=tmp_path)
    study = ("study", "gaussian-angles", "--pairs", "9", "--largest", "0.2", "--step", "0.1")
    assert "wrote gaussian-angles.nc" in run(installed / "pyrosnn", *study, cwd=tmp_path)


def test_the_library_that_is_imported_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    asked = "import pyrosnn; print(pyrosnn.__file__); print(pyrosnn.preset('bnn', 'paper').model)"
    place, model = run(installed / "python", "-c", asked, cwd=tmp_path).splitlines()
    assert installed.parent in Path(place).parents
    assert model == "bnn"


def test_the_version_is_that_of_the_tag(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "index_readme.py", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)

    def version() -> str:
        return run(sys.executable, "-m", "hatchling", "version", cwd=tmp_path)

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
        run("git", *identity, "-c", "commit.gpgsign=false", *arguments, cwd=tmp_path)

    assert version() == "0.dev0"  # a tarball without git
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "Begin")
    assert version() == "0.dev1"
    git("tag", "v3.2.1")
    assert version() == "3.2.1"
    git("commit", "--quiet", "--allow-empty", "--message", "Go on")
    assert version() == "3.2.2.dev1"


def test_no_file_states_the_version_beside_the_tag() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "version" in project["dynamic"]
    assert "\nversion:" not in (ROOT / "CITATION.cff").read_text("utf-8")
