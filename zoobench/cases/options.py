"""What a user can ask for, from the command line and from `[tool.zoobench]` in pyproject.toml: one table for both."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from zoobench.cases import catalogue, plans
from zoobench.cases.axes import AXES, Case, DeviceFacts, Matrix, Value, default_matrix, parse_positive
from zoobench.cases.errors import BadInputError, UnknownNameError
from zoobench.cases.plans import Budget
from zoobench.cases.units import parse_ratio, parse_seconds

AUTOMATIC = "auto"
ISOLATIONS = ("process", "none")


class OptionRow(msgspec.Struct, frozen=True):
    """A row of the table: `--zoobench-NAME` for pytest, `--NAME` for `zoobench run`, `NAME` in pyproject."""

    name: str
    metavar: str
    help: str


OPTIONS: tuple[OptionRow, ...] = (
    OptionRow("preset", "NAME", f"what to measure: {', '.join(plans.NAMES)} (default: {plans.DEFAULT})"),
    OptionRow("models", "A,B", "models instead of the preset's; patterns such as 'resnet*', package.module:factory"),
    OptionRow("families", "A,B", "families of models instead of the preset's models"),
    *(OptionRow(axis.option, axis.metavar, axis.help) for axis in AXES),
    OptionRow("precision-target", "RATIO", "stop at a median's interval of ± this share of it (default: the suite's)"),
    OptionRow("max-seconds", "S", "time for the calls of a case (default: the suite's)"),
    OptionRow("time-limit", "S", "a case that takes longer, building included, is ended (default: the suite's)"),
    OptionRow("processes", "N", "fresh processes that a case is measured in, a share of its seconds each (default: 1)"),
    OptionRow("label", "TEXT", "part of the run's id (default: the preset)"),
    OptionRow("isolation", "KIND", "process (default): one for each case; none: here, for debugging"),
    OptionRow("resume", "RUN_ID", "measure only what this run lacks, and add it"),
    OptionRow("results", "DIR", "folder of runs (default: results)"),
)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for; an unset axis of `matrix` is the suite's or the preset's to fill."""

    preset: str = plans.DEFAULT
    matrix: Matrix = Matrix()
    device: str = AUTOMATIC
    precision_target: float | None = None
    max_s: float | None = None
    time_limit_s: float | None = None
    processes: int | None = None
    label: str = plans.DEFAULT
    is_isolated: bool = True
    resume: str | None = None
    results: Path = Path("results")

    def budget(self, suite: Budget) -> Budget:
        """The suite's budget with what was asked for in its place."""
        target = suite.precision_target if self.precision_target is None else self.precision_target
        max_s = suite.max_s if self.max_s is None else self.max_s
        limit_s = suite.time_limit_s if self.time_limit_s is None else self.time_limit_s
        return msgspec.structs.replace(
            suite,
            precision_target=target,
            max_s=max_s,
            min_s=min(suite.min_s, max_s),
            time_limit_s=limit_s,
            processes=suite.processes if self.processes is None else self.processes,
        )

    def narrow(self, suite: Matrix, device: DeviceFacts) -> Iterator[Case]:
        """The cases of a fixed matrix that were asked for; an axis that the suite leaves open has one plain value.

        Raises: UnknownNameError for a model or family that is not known.
        """
        asked = self.matrix.models or self.matrix.families
        models = {entry.ref for entry in catalogue.select(self.matrix)} if asked else None
        for case in expanded(msgspec.structs.replace(suite.over(default_matrix(usable_threads())), device=device.name)):
            if self.matrix.fits(case) and (models is None or case.model in models):
                yield case

    def resolve(self, suite: Matrix, device: DeviceFacts, *, is_counted: bool = False) -> Matrix:
        """All axes set: what was asked for, over the suite, over the preset.

        Modes are the exception: a suite measures those of its own that were asked for, and no others. So are all axes
        but the nets' where cases are only counted: a count is made once, not at each batch and precision that are
        asked for to be timed. `device` is chosen already: the one asked for, else the suite's.
        """
        asked, preset = self.matrix, plans.preset(self.preset, device)
        wanted = asked.over(preset).modes or ()
        modes = tuple(mode for mode in suite.modes or wanted if mode in wanted)
        if is_counted:
            asked, preset = asked.of_nets(), preset.of_nets()
        filled = asked.over(suite).over(preset).over(default_matrix(usable_threads()))
        return msgspec.structs.replace(filled, modes=modes, device=device.name)


def expanded(matrix: Matrix) -> Iterator[Case]:
    """Every case of a matrix whose axes are set, its models looked up in the catalogue.

    Raises: UnknownNameError for a model or family that is not known.
    """
    sizes = {entry.ref: entry.image_size for entry in catalogue.select(matrix)}
    return matrix.expand(tuple(sizes), sizes.__getitem__)


def parse_options(texts: Mapping[str, str]) -> Options:
    """Options from their texts, by the names of the table.

    Raises: UnknownNameError, BadInputError: one line that names the option's value and what would be right.
    """
    for name in texts:
        if name not in _NAMES:
            raise UnknownNameError("option", name, _NAMES)
    preset = texts.get("preset", plans.DEFAULT)
    if preset not in plans.NAMES:
        raise UnknownNameError("preset", preset, plans.NAMES)
    isolation = texts.get("isolation", ISOLATIONS[0])
    if isolation not in ISOLATIONS:
        raise UnknownNameError("isolation", isolation, ISOLATIONS)
    return Options(
        preset=preset,
        matrix=_parse_matrix(texts),
        device=texts.get("device", AUTOMATIC),
        precision_target=_map(texts.get("precision-target"), lambda text: parse_ratio("precision-target", text)),
        max_s=_map(texts.get("max-seconds"), lambda text: parse_seconds("max-seconds", text)),
        time_limit_s=_map(texts.get("time-limit"), lambda text: parse_seconds("time-limit", text)),
        processes=_parse_processes(texts.get("processes"), isolation),
        label=texts.get("label", preset),
        is_isolated=isolation == ISOLATIONS[0],
        resume=texts.get("resume"),
        results=Path(texts.get("results", "results")),
    )


def read_project_options(folder: Path) -> dict[str, str]:
    """The table `[tool.zoobench]` of the folder's pyproject.toml as option texts; empty without one.

    Raises: BadInputError if the file is no TOML, or has something else than a table there.
    """
    path = folder / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        table = _table(_table(tomllib.loads(path.read_text(encoding="utf-8")), "tool"), "zoobench")
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise BadInputError(f"{path} cannot be read: {error}") from None
    return {name.replace("_", "-"): _as_text(value) for name, value in table.items()}


def usable_threads() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _table(document: dict[str, Any], name: str) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise ValueError(f"{name} is {table!r}, it must be a table")  # noqa: TRY004 - the file's mistake, not the type's
    return table


_NAMES = tuple(row.name for row in OPTIONS)


def _parse_matrix(texts: Mapping[str, str]) -> Matrix:
    """Every axis but the device, which is chosen when it is known what the machine has."""
    asked: dict[str, Any] = {name: _names(name, texts[name]) for name in ("models", "families") if name in texts}
    for axis in AXES:
        if axis.option in texts and axis.option != "device":
            asked |= axis.asked(texts[axis.option])
    return Matrix(**asked)


def _names(option: str, text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise BadInputError(f"{option} is empty: name at least one")
    return names


def parse_case(model: str, texts: Mapping[str, str | None]) -> Case:
    """One case of a model by texts of its axes, by their names; what is not given is the axis's default.

    Raises: BadInputError, UnknownNameError.
    """
    for name in texts:
        if name not in _AXIS_NAMES:
            raise UnknownNameError("axis", name, _AXIS_NAMES)
    entry = catalogue.find(model)
    defaults: dict[str, Any] = {"image_size": entry.image_size, "threads": usable_threads()}
    for axis in AXES:
        text = texts.get(axis.name)
        defaults |= axis.fields(text) if text is not None else {axis.name: axis.default} if axis.default else {}
    return Case(model=entry.ref, **defaults)


_AXIS_NAMES = tuple(axis.name for axis in AXES)


def _parse_processes(text: str | None, isolation: str) -> int | None:
    processes = _map(text, lambda text: parse_positive("processes", text))
    if processes is not None and processes > 1 and isolation != ISOLATIONS[0]:
        raise BadInputError(f"{processes} processes are fresh ones: with isolation {isolation} there is none")
    return processes


def _map(text: str | None, parse: Callable[[str], Value]) -> Value | None:
    return None if text is None else parse(text)


def _as_text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
