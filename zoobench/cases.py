"""What to measure: a `Matrix` of axes expands into `Case`s, each measured within a `Budget`.

A case is one point of the matrix, complete in itself: from it alone the measurement can be repeated.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from zoobench.errors import BadInputError, UnknownNameError


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


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to measure. Two cases are the same case if and only if their `id`s are equal."""

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

    @property
    def id(self) -> str:
        """Readable and stable; it identifies the case across runs, commits and machines."""
        axes = (
            str(self.model),
            self.mode,
            f"b{self.batch}",
            str(self.image_size),
            self.precision,
            self.device,
            self.memory_format,
            self.compiler,
            f"t{self.threads}",
            self.allocator,
        )
        return "/".join(axes)


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How long a case may take and how precise it should become.

    Sampling stops when the interval of the median is within ± `precision_target` (a ratio of the median) after at
    least `min_rounds` and `min_s`, or at `max_rounds` or `max_s`, whichever is first; one round is always taken.
    `time_limit_s` bounds the whole case, building included: past it the worker is killed.
    """

    precision_target: float = 0.02
    min_rounds: int = 6
    max_rounds: int = 2000
    min_s: float = 2.0
    max_s: float = 8.0
    max_warmup_s: float = 2.0
    time_limit_s: float = 300.0


SMOKE_BUDGET = Budget(min_rounds=1, max_rounds=1, min_s=0.0, max_s=60.0, max_warmup_s=0.0)
"""One warm-up call and one round: whether a case runs at all."""


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Axes of a benchmark. `None` leaves an axis to whatever this matrix is laid `over`."""

    models: tuple[str, ...] | None = None
    families: tuple[str, ...] | None = None
    modes: tuple[Mode, ...] | None = None
    batch_sizes: tuple[int, ...] | None = None
    image_size: int | None = None
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
                precision=precision,
                device=_required("device", self.device),
                threads=_required("threads", self.threads),
                memory_format=memory_format,
                compiler=compiler,
                allocator=allocator,
            )


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


def _first_set(value: Value | None, fallback: Value | None) -> Value | None:
    return fallback if value is None else value


def _required(axis: str, value: Value | None) -> Value:
    if value is None:
        raise BadInputError(f"the matrix says nothing about {axis}, and no preset fills it in")
    return value
