from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from git_projects import GitProject, files_of

from zoobench.cases import BadInputError, UnknownNameError
from zoobench.compare.repository import Repository, Scratch, find_repository

NewProject = Callable[[str], GitProject]


@pytest.fixture
def repository(project: GitProject) -> Repository:
    return find_repository(project.root)


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "scratch")


def shallow(project: GitProject, place: Path) -> Repository:
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", project.root.as_uri(), str(place)], check=True)
    return find_repository(place)


@pytest.mark.parametrize("where", [".", "acme", "docs/images"])
def test_a_repository_is_found_from_anywhere_in_it(project: GitProject, where: str) -> None:
    folder = project.root / where
    folder.mkdir(parents=True, exist_ok=True)
    assert find_repository(folder) == Repository(root=project.root, project=PurePosixPath())


@pytest.mark.parametrize("where", ["packages/zoo", "packages/zoo/zoo"])
def test_a_project_that_is_one_of_many_is_the_nearest_with_a_project_file(project: GitProject, where: str) -> None:
    project.write({"packages/zoo/pyproject.toml": "", "packages/zoo/zoo/__init__.py": ""})
    assert find_repository(project.root / where).project == PurePosixPath("packages/zoo")


def test_outside_a_repository_the_line_says_where_to_go(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as raised:
        find_repository(tmp_path)
    assert str(raised.value) == f"{tmp_path} is in no work tree of git: run this where the project is checked out"


def test_a_repository_without_files_is_none_to_measure_in(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path)], check=True)
    with pytest.raises(BadInputError, match="is in no work tree of git"):
        find_repository(tmp_path)


@pytest.mark.parametrize("revision", ["main", "HEAD", "v1~0^{}", "@"])
def test_a_revision_is_resolved_to_its_commit(project: GitProject, repository: Repository, revision: str) -> None:
    assert repository.resolve(revision) == project.git("rev-parse", revision)


def test_an_annotated_tag_and_a_short_hash_are_their_commit(project: GitProject, repository: Repository) -> None:
    project.git("tag", "--annotate", "--message", "two", "v2")
    head = project.git("rev-parse", "HEAD")
    assert repository.resolve("v2") == repository.resolve(head[:10]) == head == repository.head()


@pytest.mark.parametrize(
    ("revision", "hint"),
    [
        ("mian", "did you mean main?"),
        ("v11", "did you mean v1?"),
        ("zzz", "`git log --oneline --all` prints the names"),
        ("HEAD:acme/nets.py", "`git log --oneline --all` prints the names"),
        ("0" * 40, "`git log --oneline --all` prints the names"),
    ],
)
def test_an_unknown_revision_is_answered_with_near_names(repository: Repository, revision: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        repository.resolve(revision)
    assert str(raised.value) == f"unknown revision {revision!r}: {hint}"


def test_too_short_a_hash_asks_for_more_of_it(project: GitProject, repository: Repository) -> None:
    first, second = commits_with_one_beginning(project.git("rev-parse", "HEAD^{tree}"))
    for text in (first, second):
        subprocess.run(
            ["git", "-C", str(project.root), "hash-object", "-t", "commit", "-w", "--stdin"],
            input=text,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    beginning = hash_of(first)[:4]
    with pytest.raises(BadInputError) as raised:
        repository.resolve(beginning)
    assert str(raised.value) == f"{beginning} is the beginning of several commits' hashes: write more of it"
    assert repository.resolve(hash_of(first)) == hash_of(first)


def commits_with_one_beginning(tree: str) -> tuple[bytes, bytes]:
    """Found by trying: among 302 hashes two share their first 16 bits with a probability of a half."""
    seen: dict[str, bytes] = {}
    for number in itertools.count():
        who = "A. User <user@example.org> 0 +0000"
        text = f"tree {tree}\nauthor {who}\ncommitter {who}\n\n{number}\n".encode()
        other = seen.setdefault(hash_of(text)[:4], text)
        if other != text:
            return other, text
    raise AssertionError("unreachable")


def hash_of(commit: bytes) -> str:
    return hashlib.sha1(b"commit %d\0" % len(commit) + commit, usedforsecurity=False).hexdigest()


def test_a_commit_that_a_shallow_clone_lacks_is_to_be_fetched(project: GitProject, tmp_path: Path) -> None:
    first = project.git("rev-parse", "v1")
    repository = shallow(project, tmp_path / "clone")
    with pytest.raises(BadInputError) as raised:
        repository.resolve(first)
    assert str(raised.value) == (
        f"{first} is not in this clone, which is shallow: fetch the rest with `git fetch --unshallow`, in GitHub "
        "Actions with `fetch-depth: 0` at actions/checkout"
    )


def test_the_commits_between_two_are_in_order_with_both_ends(project: GitProject, repository: Repository) -> None:
    made = [project.git("rev-parse", "HEAD"), *(project.commit(message=str(number)) for number in range(4))]
    assert repository.commits(made[0], made[-1]) == tuple(made)
    assert repository.commits(made[2], made[3]) == (made[2], made[3])


def test_a_merge_is_one_step(project: GitProject, repository: Repository) -> None:
    good = project.git("rev-parse", "HEAD")
    project.git("checkout", "--quiet", "-b", "topic")
    on_branch = project.commit({"topic": "1"}, "on the branch")
    project.commit({"topic": "2"}, "more on the branch")
    project.git("checkout", "--quiet", "main")
    on_main = project.commit({"other": "1"}, "meanwhile")
    project.git("merge", "--quiet", "--no-ff", "--message", "merge", "topic")
    merge = project.git("rev-parse", "HEAD")
    bad = project.commit(message="after")
    assert repository.commits(good, bad) == (good, on_main, merge, bad)
    # Before the merge, main had nothing of the branch: only from there on a commit stands on this one.
    assert repository.commits(on_branch, bad) == (on_branch, merge, bad)


def test_commits_that_do_not_follow_each_other_are_refused(project: GitProject, repository: Repository) -> None:
    first, second = project.git("rev-parse", "v1"), project.git("rev-parse", "main")
    for good, bad in ((second, first), (first, first)):
        with pytest.raises(BadInputError) as raised:
            repository.commits(good, bad)
        assert str(raised.value) == f"{good[:12]} is not an ancestor of {bad[:12]}"


def test_in_a_shallow_clone_the_history_may_be_what_is_missing(project: GitProject, tmp_path: Path) -> None:
    clone = shallow(project, tmp_path / "clone")
    subprocess.run(["git", "-C", str(clone.root), "fetch", "--quiet", "--depth", "1", "origin", "v1"], check=True)
    first, second = project.git("rev-parse", "v1"), project.git("rev-parse", "main")
    with pytest.raises(BadInputError, match="as far as this shallow clone tells: fetch the rest with"):
        clone.commits(first, second)


def test_a_snapshot_without_changes_is_the_tree_of_the_commit(
    project: GitProject, repository: Repository, scratch: Scratch
) -> None:
    project.write({"build/output": "ignored"})
    assert repository.snapshot(scratch) == repository.tree(project.git("rev-parse", "HEAD"))


def test_a_snapshot_is_what_committing_everything_would_give(
    project: GitProject, repository: Repository, scratch: Scratch
) -> None:
    project.write({"acme/nets.py": "WIDTH = 3\n", "acme/new.py": "", "build/output": "ignored", "staged": "1"})
    project.git("add", "staged")
    (project.root / "pyproject.toml").unlink()
    snapshot = repository.snapshot(scratch)
    assert snapshot == repository.tree(project.commit())
    assert snapshot != repository.tree("HEAD~1")


def test_a_change_of_the_moment_of_staging_is_seen(
    project: GitProject, repository: Repository, scratch: Scratch
) -> None:
    """Same length, same time: git tells such a change only because it compares with when the index was written."""
    path = project.root / "acme" / "nets.py"
    index = project.root / ".git" / "index"
    moment = index.stat().st_mtime_ns
    os.utime(path, ns=(moment, moment))
    project.git("update-index", "--refresh")
    os.utime(index, ns=(moment, moment))
    path.write_text("WIDTH = 7\n", encoding="utf-8")
    os.utime(path, ns=(moment, moment))
    assert repository.snapshot(scratch) != repository.tree("HEAD")


def test_before_the_first_commit_there_are_files_all_the_same(new_project: NewProject, scratch: Scratch) -> None:
    project = new_project("young")
    project.write({"net.py": "1"})
    repository = find_repository(project.root)
    assert repository.head() == ""
    assert [entry.path.name for entry in repository.entries(repository.snapshot(scratch), scratch)] == ["net.py"]


def test_a_conflict_is_taken_as_it_lies_in_the_files(
    project: GitProject, repository: Repository, scratch: Scratch
) -> None:
    project.git("checkout", "--quiet", "-b", "topic", "v1")
    project.commit({"acme/nets.py": "WIDTH = 9\n"})
    with pytest.raises(subprocess.CalledProcessError):
        project.git("merge", "main")
    tree = repository.snapshot(scratch)
    assert "<<<<<<<" in (project.root / "acme" / "nets.py").read_text()
    assert tree not in {repository.tree("main"), repository.tree("topic")}


@pytest.mark.parametrize("revision", ["v1", "main"])
def test_a_tree_is_written_out_as_git_would_check_it_out(
    project: GitProject, repository: Repository, scratch: Scratch, tmp_path: Path, revision: str
) -> None:
    (project.root / "link").symlink_to("acme/nets.py")
    project.write({"run.sh": "#!/bin/sh\n"})
    (project.root / "run.sh").chmod(0o755)
    project.commit()
    written, cloned = tmp_path / "written", tmp_path / "cloned"
    written.mkdir()
    repository.write_out(repository.tree(revision), written, scratch)
    subprocess.run(["git", "clone", "--quiet", "--branch", revision, str(project.root), str(cloned)], check=True)
    assert files_of(written) == {name: file for name, file in files_of(cloned).items() if not name.startswith(".git/")}


def test_line_ends_follow_the_attributes_of_the_tree_not_of_the_checkout(
    project: GitProject, repository: Repository, scratch: Scratch, tmp_path: Path
) -> None:
    project.commit({".gitattributes": "*.txt text eol=crlf\n", "notes.txt": "a\nb\n"})
    old = repository.tree("HEAD")
    project.commit({".gitattributes": ""})
    folder = tmp_path / "old"
    folder.mkdir()
    repository.write_out(old, folder, scratch)
    assert (folder / "notes.txt").read_bytes() == b"a\r\nb\r\n"
    assert repository.tree_in(folder, scratch) == old


@pytest.mark.parametrize(
    ("change", "is_seen"),
    [
        (lambda folder: None, False),
        (lambda folder: (folder / "acme" / "nets.py").write_text("WIDTH = 9\n"), True),
        (lambda folder: (folder / "acme" / "nets.py").unlink(), True),
        (lambda folder: (folder / "acme" / "cache.pyc").write_text("made by a run"), False),
    ],
    ids=["nothing", "changed", "removed", "added"],
)
def test_what_was_written_out_is_known_again(
    repository: Repository, scratch: Scratch, tmp_path: Path, change: Callable[[Path], None], *, is_seen: bool
) -> None:
    folder, tree = tmp_path / "base", repository.tree("main")
    folder.mkdir()
    repository.write_out(tree, folder, scratch)
    change(folder)
    assert (repository.tree_in(folder, scratch) != tree) is is_seen


def test_a_sparse_checkout_is_not_what_is_measured(
    project: GitProject, repository: Repository, scratch: Scratch, tmp_path: Path
) -> None:
    project.commit({"docs/page.md": "text"})
    project.git("sparse-checkout", "set", "acme")
    assert not (project.root / "docs").exists()
    folder = tmp_path / "base"
    folder.mkdir()
    repository.write_out(repository.snapshot(scratch), folder, scratch)
    assert (folder / "docs" / "page.md").read_text() == "text"
