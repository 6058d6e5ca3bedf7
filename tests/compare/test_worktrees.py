from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from git_projects import GitProject, files_of
from processes import interruptible
from synthetic import make_case

from zoobench.cases import BadInputError, Compiler, UnknownNameError
from zoobench.compare.checkouts import Worktrees, checked_out
from zoobench.compare.repository import find_repository
from zoobench.compare.request import parse_request
from zoobench.records.comparison import SideName

TASKS = Path(__file__).parents[1] / "worktree_tasks.py"
CHANGES = {"acme/nets.py": "WIDTH = 3\n", "acme/new.py": "NEW = True\n"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the sides' folders are made, and nothing else is."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@contextmanager
def sides_of(project: GitProject, place: Path, *arguments: str, **options: object) -> Iterator[Worktrees]:
    with checked_out(parse_request(arguments, **options), find_repository(project.root), place) as sides:
        yield sides


def test_each_side_has_the_files_of_its_commit(project: GitProject, place: Path) -> None:
    with sides_of(project, place, "v1..main") as sides:
        assert (sides.base.folder / "acme" / "nets.py").read_text() == "WIDTH = 1\n"
        assert (sides.head.folder / "acme" / "nets.py").read_text() == "WIDTH = 2\n"
        assert (sides.base.name, sides.head.name) == (SideName.BASE, SideName.HEAD)
        assert (sides.base.asked, sides.head.asked) == ("v1", "main")
        for side in (sides.base, sides.head):
            assert side.commit == project.git("rev-parse", side.asked)
            assert side.tree == project.git("rev-parse", f"{side.asked}^{{tree}}")
            assert not side.is_dirty
        assert sides.notes == ()


def test_paths_are_equally_long(project: GitProject, place: Path) -> None:
    with sides_of(project, place, "v1..main") as sides:
        assert sides.base.folder != sides.head.folder
        assert len(str(sides.base.folder)) == len(str(sides.head.folder))


def test_the_working_tree_is_copied_with_its_changes(project: GitProject, place: Path) -> None:
    project.write(CHANGES | {"build/output": "ignored"})
    with sides_of(project, place, "main") as sides:
        assert {name: text for name in CHANGES if (text := (sides.head.folder / name).read_text())} == CHANGES
        assert not (sides.head.folder / "build").exists()
        assert (sides.head.asked, sides.head.is_dirty) == ("working tree", True)
        assert sides.head.commit == sides.base.commit
        assert sides.head.tree != sides.base.tree
        project.write({"acme/nets.py": "WIDTH = 4\n"})
        assert (sides.head.folder / "acme" / "nets.py").read_text() == "WIDTH = 3\n"


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {"aa": "v1"}),
        (["v1"], {"cases": [make_case().id, make_case(compiler=Compiler.INDUCTOR).id]}),
        ([], {"cases": [make_case().id, make_case(compiler=Compiler.INDUCTOR).id]}),
    ],
    ids=["a/a", "cases", "cases of the working tree"],
)
def test_the_same_code_lies_in_two_folders(
    project: GitProject, place: Path, arguments: list[str], options: dict[str, object]
) -> None:
    with sides_of(project, place, *arguments, **options) as sides:
        assert sides.base.tree == sides.head.tree
        assert files_of(sides.base.folder) == files_of(sides.head.folder) != {}
        assert sides.base.folder != sides.head.folder


def test_a_side_is_run_by_its_own_interpreter_or_by_ours(project: GitProject, place: Path, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    with sides_of(project, place, base_python=str(other)) as sides:
        assert (sides.base.python, sides.head.python) == (other, Path(sys.executable))


def test_a_project_that_is_one_of_many_is_found_on_both_sides(project: GitProject, place: Path) -> None:
    project.commit({"packages/zoo/pyproject.toml": "", "packages/zoo/zoo.py": "1"})
    project.git("tag", "v2")
    project.commit({"packages/zoo/zoo.py": "2"})
    repository = find_repository(project.root / "packages" / "zoo")
    with checked_out(parse_request(["v2..main"]), repository, place) as sides:
        assert [(side.folder / "zoo.py").read_text() for side in (sides.base, sides.head)] == ["1", "2"]
        assert sides.tree_now(sides.head) == sides.head.tree
    with (
        pytest.raises(BadInputError, match=r"^v1 has no folder packages/zoo, in which this project is here$"),
        checked_out(parse_request(["v1..main"]), repository, place),
    ):
        pass
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name", list(SideName))
def test_a_side_that_changed_while_it_was_measured_is_noticed(project: GitProject, place: Path, name: SideName) -> None:
    project.write(CHANGES)
    with sides_of(project, place, "v1") as sides:
        side = getattr(sides, name)
        assert sides.tree_now(side) == side.tree
        (side.folder / "acme" / "nets.py").write_text("WIDTH = 9\n")
        assert sides.tree_now(side) != side.tree


@pytest.mark.parametrize("arguments", [["v1..main"], ["v1"]], ids=["commits", "working tree"])
def test_the_users_checkout_is_not_touched(project: GitProject, place: Path, arguments: list[str]) -> None:
    """To the byte: HEAD, index, stash, objects, configuration, new and ignored files, whatever git keeps there."""
    project.write({"acme/nets.py": "WIDTH = 5\n"})
    project.git("stash", "push", "--quiet")
    project.write(CHANGES | {"build/output": "ignored", "staged.py": "1"})
    project.git("add", "staged.py")
    status = project.git("status", "--porcelain", "--ignored")
    before = files_of(project.root)
    with sides_of(project, place, *arguments) as sides:
        assert files_of(project.root) == before
        sides.tree_now(sides.head)
    assert files_of(project.root) == before
    assert project.git("status", "--porcelain", "--ignored") == status
    assert project.git("stash", "list").startswith("stash@{0}")


def test_no_hook_of_the_users_is_run(project: GitProject, place: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for hook in ("post-checkout", "post-index-change", "pre-commit"):
        path = project.root / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\necho {hook} >> {ran}\n")
        path.chmod(0o755)
    project.write(CHANGES)
    with sides_of(project, place, "v1"):
        assert not ran.exists()


def test_everything_is_removed_at_the_end_and_at_an_error(project: GitProject, place: Path) -> None:
    with sides_of(project, place, "v1..main"):
        assert len(list(place.iterdir())) == 1
    assert list(place.iterdir()) == []

    def fail() -> None:
        with sides_of(project, place, "v1..main"):
            raise ValueError("in the middle of it")

    with pytest.raises(ValueError, match="in the middle of it"):
        fail()
    assert list(place.iterdir()) == []


def refused(project: GitProject, place: Path, *arguments: str) -> str:
    with pytest.raises((BadInputError, UnknownNameError)) as raised, sides_of(project, place, *arguments):
        pass
    assert list(place.iterdir()) == []
    return str(raised.value)


def test_an_unknown_revision_makes_no_folder(project: GitProject, place: Path) -> None:
    assert refused(project, place, "v1..mian") == "unknown revision 'mian': did you mean main?"


def test_one_commit_by_two_names_is_nothing_to_compare(project: GitProject, place: Path) -> None:
    commit = project.git("rev-parse", "--short=12", "HEAD")
    expected = f"main and HEAD are the same commit {commit}: --aa main compares it so"
    assert refused(project, place, "main..HEAD") == expected


def test_a_working_tree_without_changes_is_nothing_to_compare(project: GitProject, place: Path) -> None:
    expected = "nothing in the working tree differs from main: --aa main compares it so"
    assert refused(project, place, "main") == expected


def test_two_commits_with_the_same_files_are_compared_and_it_is_said(project: GitProject, place: Path) -> None:
    project.commit(message="empty")
    with sides_of(project, place, "main~1..main") as sides:
        assert sides.notes == ("main~1 and main have the same files",)


def test_submodules_are_empty_and_it_is_said(
    project: GitProject, place: Path, new_project: Callable[[str], GitProject]
) -> None:
    library = new_project("library")
    library.commit({"code.py": ""})
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.root), "third/library")
    project.commit()
    with sides_of(project, place, "v1..main") as sides:
        assert sides.notes == ("head: submodules are left empty: third/library",)
        assert list((sides.head.folder / "third" / "library").iterdir()) == []
        assert sides.tree_now(sides.head) == sides.head.tree


def test_files_in_lfs_stay_pointers_and_it_is_said(project: GitProject, place: Path) -> None:
    """The filter here is what `git lfs install` configures, but for the program, which is not needed to skip it."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    project.git("config", "filter.lfs.smudge", "sh -c 'test -n \"$GIT_LFS_SKIP_SMUDGE\" && cat'")
    project.git("config", "filter.lfs.clean", "cat")
    project.git("config", "filter.lfs.required", "true")
    project.commit({"data/.gitattributes": "*.bin filter=lfs\n", "data/weights.bin": pointer})
    with sides_of(project, place, "v1..main") as sides:
        assert sides.notes == (
            "head: files in Git LFS are left as pointers, and cannot be read as what they stand for",
        )
        assert (sides.head.folder / "data" / "weights.bin").read_text() == pointer


def holding(project: GitProject, place: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that holds the sides of a run, and the folder of its base."""
    process = interruptible([sys.executable, str(TASKS), str(project.root), str(place)])
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


@pytest.fixture
def held(project: GitProject, place: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    project.write(CHANGES)
    process, base = holding(project, place)
    yield process, base
    process.kill()
    process.communicate()


Held = tuple[subprocess.Popen[str], Path]


def test_ctrl_c_leaves_nothing_behind(project: GitProject, place: Path, held: Held) -> None:
    process, base = held
    before = files_of(project.root)
    assert base.is_dir()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    assert list(place.iterdir()) == []
    assert files_of(project.root) == before


def test_what_a_killed_run_left_is_removed_by_the_next_and_it_is_said(
    project: GitProject, place: Path, held: Held
) -> None:
    process, base = held
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    [leftover] = place.iterdir()
    assert base.parent == leftover
    with sides_of(project, place, "v1") as sides:
        assert sides.notes == (f"removed {leftover}, which a run that was killed had left",)
        assert not leftover.exists()
    assert list(place.iterdir()) == []


def test_the_sides_of_a_run_that_lives_are_left_alone(project: GitProject, place: Path, held: Held) -> None:
    _, base = held
    with sides_of(project, place, "v1") as sides:
        assert sides.notes == ()
        assert (base / "acme" / "nets.py").read_text() == "WIDTH = 1\n"


def test_a_folder_of_another_making_is_left_alone(project: GitProject, place: Path) -> None:
    others = [place / "zoobench-sides-theirs", place / "zoobench-sides-link", place / "unrelated"]
    others[0].mkdir()
    others[1].symlink_to(project.root)
    others[2].mkdir()
    (others[2] / "lock").touch()
    with sides_of(project, place, "v1..main") as sides:
        assert sides.notes == ()
    assert sorted(place.iterdir()) == sorted(others)


def test_a_place_that_cannot_be_written_is_named(project: GitProject, place: Path) -> None:
    shutil.rmtree(place)
    with (
        pytest.raises(BadInputError) as raised,
        sides_of(project, place, "v1..main"),
    ):
        pass
    assert str(raised.value) == (
        f"the two sides' files cannot be written to {place} (No such file or directory): "
        "make room there, or set TMPDIR to another folder"
    )


MOUNT = ["unshare", "--map-root-user", "--mount"]


def can_mount() -> bool:
    """Whether a process may have a file system of its own here."""
    if shutil.which(MOUNT[0]) is None:
        return False
    mount = [*MOUNT, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


FULL_DISK = """
import sys
from pathlib import Path
from zoobench.cases.errors import ZoobenchError
from zoobench.compare.repository import find_repository
from zoobench.compare.request import parse_request
from zoobench.compare.checkouts import checked_out

place = Path(sys.argv[2])
try:
    with checked_out(parse_request(sys.argv[3:]), find_repository(Path(sys.argv[1])), place):
        print("there was room")
except ZoobenchError as error:
    print(error, error.exit_code, list(place.iterdir()), sep="|")
"""


@pytest.mark.skipif(not can_mount(), reason="needs to mount a file system")
@pytest.mark.parametrize("arguments", [["v1..large"], ["v1"]], ids=["a commit", "a snapshot"])
def test_a_full_disk_is_one_line_and_leaves_nothing_behind(
    project: GitProject, place: Path, arguments: list[str]
) -> None:
    large = {f"large{number}": f"{number}" * 300_000 for number in range(4)}
    project.git("branch", "large")
    project.write(large)
    if arguments == ["v1..large"]:
        project.git("checkout", "--quiet", "large")
        project.commit()
    script = f'mount -t tmpfs -o size=1m none "$2" && exec {sys.executable} -c "$0" "$@"'
    done = subprocess.run(
        [*MOUNT, "sh", "-c", script, FULL_DISK, str(project.root), str(place), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == (
        f"the two sides' files cannot be written to {place} (unable to write file large3): "
        "make room there, or set TMPDIR to another folder|2|[]\n"
    )
