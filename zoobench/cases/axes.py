"""What is measured, axis by axis: each axis once, and the case and the matrix that they span.

`AXES` is the one table. Ids of cases, options of pytest and of the command line, `[tool.zoobench]`, columns of the
frame, filters of the page, titles and the keyword arguments of `measure_case` derive from it. A new axis is a field of
`Case`, one of `Matrix`, one of `CaseAxes`, and a row here.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple, TypedDict, TypeVar

import msgspec

from zoobench.cases.errors import BadInputError, UnknownNameError


class ModelRef(msgspec.Struct, frozen=True, order=True):
    """Where a model comes from and its name there: `torchvision:resnet50`, `package.module:factory`."""

    source: str
    name: str

    def __str__(self) -> str:
        return f"{self.source}:{self.name}"


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

    @property
    def traits(self) -> PrecisionTraits:
        """What the format means, from the table of precisions."""
        return PRECISIONS[self]


def precisions_of(products: Collection[str]) -> tuple[str, ...]:
    """The precisions that a device has which multiplies in these."""
    return tuple(precision.value for precision, traits in PRECISIONS.items() if traits.product in products)


class PrecisionTraits(NamedTuple):
    """Names of torch's number types: of weights and images, and of autocast if it is on.

    `product` is the precision in which matrix products are computed: the one whose ceiling bounds them. A training step
    `scales_loss` where gradients could underflow.
    """

    weights: str
    autocast: str | None
    product: str
    scales_loss: bool = False

    @property
    def is_half(self) -> bool:
        """Whether products are of numbers of 16 bits."""
        return self.product in {"fp16", "bf16"}


PRECISIONS = {
    Precision.FP32: PrecisionTraits("float32", None, "fp32"),
    Precision.TF32: PrecisionTraits("float32", None, "tf32"),
    Precision.AMP_FP16: PrecisionTraits("float32", "float16", "fp16", scales_loss=True),
    Precision.AMP_BF16: PrecisionTraits("float32", "bfloat16", "bf16"),
    Precision.FP16: PrecisionTraits("float16", None, "fp16"),
    Precision.BF16: PrecisionTraits("bfloat16", None, "bf16"),
}


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


class ImageSize(NamedTuple):
    """Height and width of images, in pixels."""

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


AnyEnum = TypeVar("AnyEnum", bound=enum.StrEnum)
Value = TypeVar("Value")


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """One axis of a case.

    `name` is its field in `Case`, its column in the frame and its keyword in `measure_case`; `matrix` the field of
    `Matrix` that holds its values. `mark` stands before a number in ids. An axis of a `list` has several values in a
    matrix; it is `work` if a call becomes longer along it, so that cases are ordered by it last. `default` is the value
    where nobody sets one; without `is_required` a matrix may leave the axis open. Titles leave out the `usual` text.
    A `setting` divides a report: models of different settings are not compared. `filtered` axes are texts on the page,
    by which the reader filters.
    """

    name: str
    noun: str
    matrix: str
    option: str
    help: str
    parse: Callable[[str], Any]
    metavar: str = "A,B"
    mark: str = ""
    default: Any = None
    is_list: bool = True
    is_work: bool = False
    is_required: bool = False
    is_setting: bool = False
    is_filtered: bool = True
    usual: str | None = None

    @property
    def is_image(self) -> bool:
        """Whether it is the size of the images: two fields of a case, height and width."""
        return self.name == IMAGE_SIZE

    @property
    def is_number(self) -> bool:
        """Whether its values are whole numbers."""
        return self.is_image or bool(self.mark)

    @property
    def column_names(self) -> tuple[str, ...]:
        """Its columns in the frame."""
        return ("image_size", "image_width") if self.is_image else (self.name,)

    def text(self, case: Case) -> str:
        """The case's value, as it is written in ids and options."""
        return str(case.resolution if self.is_image else getattr(case, self.name))

    def columns(self, case: Case) -> dict[str, int | str]:
        """The case's value in the frame: a number, or text."""
        if self.is_image:
            return {"image_size": case.resolution.height, "image_width": case.resolution.width}
        value = getattr(case, self.name)
        return {self.name: value if isinstance(value, int) else str(value)}

    def fields(self, text: str) -> dict[str, Any]:
        """Fields of `Case` from a text without its mark.

        Raises: BadInputError, UnknownNameError.
        """
        value = self.parse(text)
        return (
            {"image_size": value.height, "image_width": value.width} if self.name == IMAGE_SIZE else {self.name: value}
        )

    def asked(self, text: str) -> dict[str, Any]:
        """Fields of `Matrix` from the text of an option.

        Raises: BadInputError, UnknownNameError.
        """
        if not self.is_list:
            return self.fields(text)
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not parts:
            raise BadInputError(f"{self.option} is empty: name at least one")
        return {self.matrix: tuple(dict.fromkeys(map(self.parse, parts)))}

    def values_in(self, matrix: Matrix) -> tuple[Any, ...]:
        """The matrix's values in order, or the default where it may leave the axis open.

        Raises: BadInputError.
        """
        values = getattr(matrix, self.matrix)
        if self.is_required:
            values = _required(self.matrix, values)
        values = values or (self.default,)
        return tuple(sorted(values)) if self.is_work else values


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to measure. Two cases are the same case if and only if their `id`s are equal.

    `image_size` is the height of the images in pixels, and their width too unless `image_width` is given.
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
        """Height and width of one image."""
        return ImageSize(self.image_size, self.image_width or self.image_size)

    @property
    def id(self) -> str:
        """Readable and stable; it identifies the case across runs, commits and machines."""
        return "/".join((str(self.model), *(axis.mark + axis.text(self) for axis in AXES)))


class CaseAxes(TypedDict, total=False):
    """The axes of a case as keyword arguments; texts and numbers as in the options of `zoobench run`."""

    mode: str
    batch: int
    image_size: int | str
    precision: str
    device: str
    memory_format: str
    compiler: str
    threads: int
    allocator: str


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
        """The axes that counts depend on: models, image size and threads."""
        return Matrix(
            models=self.models,
            families=self.families,
            image_size=self.image_size,
            image_width=self.image_width,
            threads=self.threads,
        )

    def fits(self, case: Case) -> bool:
        """Whether every axis set here has the case's value; models and families are the catalogue's to judge."""
        wanted = ((getattr(self, axis.matrix), getattr(case, axis.name)) for axis in AXES if axis.is_list)
        wanted_resolution = (self.image_size, self.image_width or self.image_size)
        return (
            all(values is None or value in values for values, value in wanted)
            and (self.image_size is None or case.resolution == wanted_resolution)
            and self.threads in (None, case.threads)
        )

    def expand(self, models: tuple[ModelRef, ...], image_size_of: Callable[[ModelRef], int]) -> Iterator[Case]:
        """Every case, cheapest first within a model, so that what an expensive one takes can be forecast.

        `models` is what `models` and `families` stand for in the zoo's catalogue; `image_size_of` gives the native
        side of a model's images in pixels, used where the matrix sets none. Every other axis must be set.
        """
        lists = sorted((axis for axis in AXES if axis.is_list), key=lambda axis: axis.is_work)
        values = [axis.values_in(self) for axis in lists]
        for model, *combination in itertools.product(models, *values):
            axes = dict(zip((axis.name for axis in lists), combination, strict=True))
            yield Case(
                model=model,
                image_size=self.image_size or image_size_of(model),
                image_width=self.image_width,
                device=_required("device", self.device),
                threads=_required("threads", self.threads),
                **axes,
            )


IMAGE_SIZE = "image_size"

AXES: tuple[Axis, ...] = (
    Axis(
        name="mode",
        noun="mode",
        matrix="modes",
        option="modes",
        help=", ".join(Mode),
        parse=lambda text: parse_choice("mode", text, Mode),
        default=Mode.INFER,
        is_work=True,
        is_required=True,
    ),
    Axis(
        name="batch",
        noun="batch size",
        matrix="batch_sizes",
        option="batch-sizes",
        metavar="N,N",
        help="images a call",
        parse=lambda text: parse_positive("batch size", text),
        mark="b",
        default=1,
        is_work=True,
        is_required=True,
        is_filtered=False,
    ),
    Axis(
        name=IMAGE_SIZE,
        noun="image size",
        matrix=IMAGE_SIZE,
        option="image-size",
        metavar="N|HxW",
        help="side, or height and width, of the images in pixels (default: each model's own)",
        parse=parse_image_size,
        is_list=False,
        is_filtered=False,
    ),
    Axis(
        name="precision",
        noun="precision",
        matrix="precisions",
        option="precisions",
        help=", ".join(Precision),
        parse=lambda text: parse_choice("precision", text, Precision),
        default=Precision.FP32,
        is_required=True,
    ),
    Axis(
        name="device",
        noun="device",
        matrix="device",
        option="device",
        metavar="NAME",
        help="cpu, cuda, cuda:1, or auto (default): cuda where there is one",
        parse=str,
        default="cpu",
        is_list=False,
        is_setting=True,
        usual="cpu",
    ),
    Axis(
        name="memory_format",
        noun="memory format",
        matrix="memory_formats",
        option="memory-format",
        help=", ".join(MemoryFormat),
        parse=lambda text: parse_choice("memory format", text, MemoryFormat),
        default=MemoryFormat.CONTIGUOUS,
        is_setting=True,
        usual=MemoryFormat.CONTIGUOUS,
    ),
    Axis(
        name="compiler",
        noun="compiler",
        matrix="compilers",
        option="compilers",
        help=", ".join(Compiler),
        parse=lambda text: parse_choice("compiler", text, Compiler),
        default=Compiler.EAGER,
        is_setting=True,
        usual=Compiler.EAGER,
    ),
    Axis(
        name="threads",
        noun="threads",
        matrix="threads",
        option="threads",
        metavar="N",
        help="threads of the host (default: all that this process may use)",
        parse=lambda text: parse_positive("threads", text),
        mark="t",
        is_list=False,
        is_setting=True,
        is_filtered=False,
    ),
    Axis(
        name="allocator",
        noun="allocator",
        matrix="allocators",
        option="allocator",
        help=f"{', '.join(Allocator)}: whether freed memory stays with the process (CPU)",
        parse=lambda text: parse_choice("allocator", text, Allocator),
        default=Allocator.RETAINED,
        is_setting=True,
        usual=Allocator.RETAINED,
    ),
)
"""In the order in which they stand in ids, tables and help."""

_ID_EXAMPLE = "torchvision:resnet18/infer/b1/224/fp32/cpu/contiguous/eager/t2/retained"


def parse_case_id(text: str) -> Case:
    """The case of this id: the inverse of `Case.id`.

    Raises: BadInputError, UnknownNameError for an axis that has no such value.
    """
    model, *values = text.rsplit("/", len(AXES))  # a model's name may have slashes of its own
    source, separator, name = model.partition(":")
    if len(values) != len(AXES) or not (source and separator and name):
        raise BadInputError(f"{text!r} is not the id of a case: {_ID_EXAMPLE} is one, and `zoobench show` prints them")
    fields: dict[str, Any] = {}
    for axis, value in zip(AXES, values, strict=True):
        if not value.startswith(axis.mark):
            raise BadInputError(
                f"{axis.noun} {value!r} in the id of a case does not begin with {axis.mark}, as {axis.mark}2"
            )
        fields |= axis.fields(value.removeprefix(axis.mark))
    return Case(model=ModelRef(source, name), **fields)


AXIS_COLUMNS: dict[str, bool] = {column: axis.is_number for axis in AXES for column in axis.column_names}
"""Columns of the frame, and whether each is a number."""


def axis_columns(case: Case) -> dict[str, int | str]:
    """The case's axes as columns of the frame."""
    return dict(itertools.chain.from_iterable(axis.columns(case).items() for axis in AXES))


def unusual_axes(case: Case) -> list[str]:
    """Texts of the axes that are not as usual."""
    return [axis.text(case) for axis in AXES if axis.usual is not None and axis.text(case) != axis.usual]


def setting_of(case: Case) -> tuple[str, ...]:
    """The axes by which a report divides cases into settings; models of one setting are compared."""
    return tuple(axis.text(case) for axis in AXES if axis.is_setting)


def default_matrix(threads: int) -> Matrix:
    """The values of axes that nobody sets."""
    required: dict[str, Any] = {axis.matrix: (axis.default,) for axis in AXES if axis.is_required}
    return Matrix(threads=threads, **required)


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
