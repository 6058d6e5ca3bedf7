"""What to measure: a `Matrix` of axes expands into `Case`s, each measured within a `Budget`.

A case is one point of the matrix, complete in itself: from it alone the measurement can be repeated.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import msgspec

from zoobench.cases.errors import BadInputError, UnknownNameError


class Mode(enum.StrEnum):
    """What one call is: a forward pass under `inference_mode`, or a whole training step."""

    INFER = "infer"
    TRAIN = "train"


class Precision(enum.StrEnum):
    """Number formats. `amp-*` is `torch.autocast`; `fp16` and `bf16` convert the whole model."""

    FP32 = "fp32"
    TF32 = "tf32"
    AMP_FP16 = "amp-fp16"
    AMP_BF16 = "amp-bf16"
    FP16 = "fp16"
    BF16 = "bf16"


class MemoryFormat(enum.StrEnum):
    """Order of a tensor's dimensions in memory (torch.memory_format)."""

    CONTIGUOUS = "contiguous"
    CHANNELS_LAST = "channels_last"


class Compiler(enum.StrEnum):
    """How the model is executed."""

    EAGER = "eager"
    INDUCTOR = "inductor"


class Allocator(enum.StrEnum):
    """Whether the C library keeps freed memory (`retained`) or may return it to the kernel (`system`)."""

    RETAINED = "retained"
    SYSTEM = "system"


class ModelRef(msgspec.Struct, frozen=True, order=True):
    """Where a model comes from and its name there: `torchvision:resnet50`, `package.module:factory`."""

    source: str
    name: str

    def __str__(self) -> str:
        return f"{self.source}:{self.name}"


class ImageSize(NamedTuple):
    """Height and width of pictures, in pixels."""

    height: int
    width: int

    def __str__(self) -> str:
        return str(self.height) if self.height == self.width else f"{self.height}x{self.width}"


def parse_image_size(text: str) -> ImageSize:
    """`224`, or height × width as `480x640`.

    Raises: BadInputError.
    """
    height, separator, width = text.partition("x")
    if separator and not (height and width):
        raise BadInputError(f"image size {text!r} is not height x width, as 480x640")
    return ImageSize(parse_positive("image size", height), parse_positive("image size", width or height))


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to measure. Two cases are the same case if and only if their `id`s are equal.

    `image_size` is the height of the pictures, in pixels, and their width too unless `image_width` says otherwise.
    """

    model: ModelRef
    mode: Mode
    batch: int
    image_size: int
    precision: Precision
    device: str
    threads: int
    memory_format: MemoryFormat = MemoryFormat.CONTIGUOUS
    compiler: Compiler = Compiler.EAGER
    allocator: Allocator = Allocator.RETAINED
    image_width: int | None = None

    def __post_init__(self) -> None:
        if self.image_width == self.image_size:  # so that one case is not two
            msgspec.structs.force_setattr(self, "image_width", None)

    @property
    def resolution(self) -> ImageSize:
        """Size of one picture."""
        return ImageSize(self.image_size, self.image_width or self.image_size)

    @property
    def id(self) -> str:
        """Readable and stable; it identifies the case across runs, commits and machines."""
        axes = (
            str(self.model),
            self.mode,
            f"b{self.batch}",
            str(self.resolution),
            self.precision,
            self.device,
            self.memory_format,
            self.compiler,
            f"t{self.threads}",
            self.allocator,
        )
        return "/".join(axes)


def parse_case_id(text: str) -> Case:
    """The case of this id: the inverse of `Case.id`.

    Raises: BadInputError, UnknownNameError for an axis that has no such value.
    """
    model, *axes = text.rsplit("/", 9)  # a model's name may have slashes of its own
    source, separator, name = model.partition(":")
    if len(axes) != 9 or not (source and separator and name):  # noqa: PLR2004 - axes beside the model
        raise BadInputError(f"{text!r} is not the id of a case: {_ID_EXAMPLE} is one, and `zoobench show` prints them")
    mode, batch, resolution, precision, device, memory_format, compiler, threads, allocator = axes
    height, width = parse_image_size(resolution)
    return Case(
        model=ModelRef(source, name),
        mode=parse_choice("mode", mode, Mode),
        batch=_parse_marked("batch size", "b", batch),
        image_size=height,
        image_width=width,
        precision=parse_choice("precision", precision, Precision),
        device=device,
        threads=_parse_marked("threads", "t", threads),
        memory_format=parse_choice("memory format", memory_format, MemoryFormat),
        compiler=parse_choice("compiler", compiler, Compiler),
        allocator=parse_choice("allocator", allocator, Allocator),
    )


_ID_EXAMPLE = "torchvision:resnet18/infer/b1/224/fp32/cpu/contiguous/eager/t2/retained"


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How long a case may take and how precise it should become.

    Sampling stops when the interval of the median is within ± `precision_target` (a ratio of the median) with and
    without the last block of rounds, after at least `min_rounds` and `min_s`, or at `max_rounds` or before a block that
    would end past `max_s`, whichever is first; one round is always taken, unless `max_rounds` is 0: then the model is
    built and counted, and never called. Seconds count from the end of the first call, in which kernels are chosen,
    loaded and compiled. `time_limit_s` bounds the whole case, building included: past it the worker is killed.
    `processes` fresh ones measure the case one after the other and have the budget together (see `share`).
    """

    precision_target: float = 0.02
    min_rounds: int = 6
    max_rounds: int = 2000
    min_s: float = 2.0
    max_s: float = 8.0
    max_warmup_s: float = 2.0
    time_limit_s: float = 300.0
    processes: int = 1

    def share(self) -> Budget:
        """The part of it that the sampling loop of one process has: as much of rounds and seconds as each other one."""
        if self.processes == 1:
            return self
        return msgspec.structs.replace(
            self,
            min_rounds=math.ceil(self.min_rounds / self.processes),
            max_rounds=math.ceil(self.max_rounds / self.processes),
            min_s=self.min_s / self.processes,
            max_s=self.max_s / self.processes,
            max_warmup_s=self.max_warmup_s / self.processes,
            processes=1,
        )


SMOKE_BUDGET = Budget(min_rounds=1, max_rounds=1, min_s=0.0, max_s=60.0, max_warmup_s=0.0)
"""One warm-up call, one that settles in the new layout if it is short, and one round: whether a case runs at all."""

COUNT_ONLY = Budget(max_rounds=0)
"""No call: facts of the model alone."""


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Axes of a benchmark. `None` leaves an axis to whatever this matrix is laid `over`."""

    models: tuple[str, ...] | None = None
    families: tuple[str, ...] | None = None
    modes: tuple[Mode, ...] | None = None
    batch_sizes: tuple[int, ...] | None = None
    image_size: int | None = None
    image_width: int | None = None
    precisions: tuple[Precision, ...] | None = None
    memory_formats: tuple[MemoryFormat, ...] | None = None
    compilers: tuple[Compiler, ...] | None = None
    allocators: tuple[Allocator, ...] | None = None
    device: str | None = None
    threads: int | None = None

    def over(self, base: Matrix) -> Matrix:
        """This matrix, its unset axes filled in from `base`.

        Asking for families replaces the models of `base`, and the other way round: the two name the same axis.
        """
        filled = {name: _first_set(getattr(self, name), getattr(base, name)) for name in self.__struct_fields__}
        if self.families is not None and self.models is None:
            filled["models"] = None
        if self.models is not None and self.families is None:
            filled["families"] = None
        return Matrix(**filled)

    def of_nets(self) -> Matrix:
        """The axes that counts depend on, the nets and their pictures, and the one that has a single value anyway."""
        return Matrix(
            models=self.models,
            families=self.families,
            image_size=self.image_size,
            image_width=self.image_width,
            threads=self.threads,
        )

    def fits(self, case: Case) -> bool:
        """Whether every axis set here has the case's value; models and families are the catalogue's to judge."""
        axes = {
            "modes": case.mode,
            "batch_sizes": case.batch,
            "precisions": case.precision,
            "memory_formats": case.memory_format,
            "compilers": case.compiler,
            "allocators": case.allocator,
        }
        wanted_resolution = (self.image_size, self.image_width or self.image_size)
        return (
            all(getattr(self, axis) is None or value in getattr(self, axis) for axis, value in axes.items())
            and (self.image_size is None or case.resolution == wanted_resolution)
            and self.threads in (None, case.threads)
        )

    def expand(self, models: tuple[ModelRef, ...], image_size_of: Callable[[ModelRef], int]) -> Iterator[Case]:
        """Every case, cheapest first within a model, so that dear ones can be foreseen.

        `models` is what `models` and `families` stand for in the zoo's catalogue; `image_size_of` gives the native
        side of a model's images in pixels, used where the matrix sets none. Every other axis must be set.
        """
        for model, precision, memory_format, compiler, allocator, mode, batch in itertools.product(
            models,
            _required("precisions", self.precisions),
            self.memory_formats or (MemoryFormat.CONTIGUOUS,),
            self.compilers or (Compiler.EAGER,),
            self.allocators or (Allocator.RETAINED,),
            sorted(_required("modes", self.modes)),
            sorted(_required("batch_sizes", self.batch_sizes)),
        ):
            yield Case(
                model=model,
                mode=mode,
                batch=batch,
                image_size=self.image_size or image_size_of(model),
                image_width=self.image_width,
                precision=precision,
                device=_required("device", self.device),
                threads=_required("threads", self.threads),
                memory_format=memory_format,
                compiler=compiler,
                allocator=allocator,
            )


class DeviceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a device is and can do. `is_available` false comes with the `reason`.

    `precisions` are those it can run, `native_precisions` those it has instructions for; the rest is emulated.
    """

    name: str
    is_available: bool
    reason: str = ""
    model: str = ""
    precisions: tuple[str, ...] = ()
    native_precisions: tuple[str, ...] = ()
    amp: str = "amp-bf16"
    facts: dict[str, str] = {}


class Plan(NamedTuple):
    """A matrix and the budget of each of its cases. A suite of several is fixed: options only narrow it."""

    matrix: Matrix
    budget: Budget


AnyEnum = TypeVar("AnyEnum", bound=enum.StrEnum)
Value = TypeVar("Value")


def parse_choice(kind: str, text: str, choices: type[AnyEnum]) -> AnyEnum:
    """The member of `choices` that `text` names.

    Raises: UnknownNameError, which lists what is known.
    """
    try:
        return choices(text)
    except ValueError:
        raise UnknownNameError(kind, text, [choice.value for choice in choices]) from None


def parse_positive(kind: str, text: str) -> int:
    """A whole number above zero.

    Raises: BadInputError.
    """
    try:
        number = int(text)
    except ValueError:
        raise BadInputError(f"{kind} {text!r} is not a whole number") from None
    if number < 1:
        raise BadInputError(f"{kind} {number} is too small: it must be at least 1")
    return number


def _parse_marked(kind: str, mark: str, text: str) -> int:
    if not text.startswith(mark):
        raise BadInputError(f"{kind} {text!r} in the id of a case does not begin with {mark}, as {mark}2")
    return parse_positive(kind, text.removeprefix(mark))


def _first_set(value: Value | None, fallback: Value | None) -> Value | None:
    return fallback if value is None else value


def _required(axis: str, value: Value | None) -> Value:
    if value is None:
        raise BadInputError(f"the matrix says nothing about {axis}, and no preset fills it in")
    return value
