"""Fabricated runs that look like real ones: the figures are plausible, drawn by seed, and measured by nobody."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoobench.cases import Budget, Case, DeviceFacts, MemoryFormat, Mode, ModelRef, Precision
from zoobench.cases.catalogue import Entry
from zoobench.records import (
    Calibration,
    CaseRecord,
    Environment,
    Failure,
    FailureKind,
    Finding,
    Measurement,
    RunRecord,
    Severity,
    Unavailable,
)
from zoobench.records.comparison import (
    CaseResult,
    Comparison,
    ComparisonKind,
    Difference,
    ExactChange,
    Exit,
    GenerationPlan,
    Rule,
    Side,
    SideName,
    Times,
    Verdict,
)
from zoobench.records.store import StoredRun
from zoobench.stats.calibration import findings_of

MODELS = {
    # name: source, parameters in M, MACs in M, activations in M, milliseconds at batch 1, side of an image
    "lenet5": ("zoobench", 0.0617, 0.416, 0.0065, 0.11, 32),
    "alexnet_2012": ("zoobench", 60.97, 724.0, 0.65, 11.2, 227),
    "alexnet": ("torchvision", 61.1, 714.2, 0.48, 9.6, 224),
    "vgg16": ("torchvision", 138.4, 15470.0, 13.6, 98.0, 224),
    "googlenet": ("torchvision", 6.62, 1498.0, 3.2, 18.5, 224),
    "inception_v3": ("torchvision", 23.8, 5713.0, 8.9, 51.0, 299),
    "resnet18": ("torchvision", 11.69, 1814.0, 2.48, 15.1, 224),
    "resnet50": ("torchvision", 25.56, 4089.0, 11.1, 41.0, 224),
    "resnext50_32x4d": ("torchvision", 25.03, 4230.0, 14.4, 52.0, 224),
    "wide_resnet50_2": ("torchvision", 68.88, 11398.0, 14.4, 92.0, 224),
    "densenet161": ("torchvision", 28.68, 7728.0, 11.1, 98.6, 224),
    "squeezenet1_0": ("torchvision", 1.248, 819.0, 2.6, 12.1, 224),
    "squeezenet1_1": ("torchvision", 1.236, 349.0, 1.3, 6.6, 224),
    "mobilenet_v1_100": ("zoobench", 4.232, 568.7, 5.0, 11.0, 224),
    "mobilenet_v2": ("torchvision", 3.505, 300.8, 6.7, 14.2, 224),
    "mobilenet_v3_small": ("torchvision", 2.543, 56.5, 1.4, 7.1, 224),
    "mobilenet_v3_large": ("torchvision", 5.483, 216.6, 4.4, 12.4, 224),
    "shufflenet_v1_g3_x1_0": ("zoobench", 1.866, 137.9, 3.2, 10.4, 224),
    "shufflenet_v1_g3_x0_5": ("zoobench", 0.717, 40.2, 1.6, 7.6, 224),
    "shufflenet_v2_x1_0": ("torchvision", 2.279, 144.9, 2.0, 9.9, 224),
    "xception": ("zoobench", 22.86, 8357.0, 27.0, 97.0, 299),
    "mnasnet1_0": ("torchvision", 4.383, 314.4, 5.5, 13.1, 224),
}
PUBLISHED = {
    "alexnet_2012": ("alexnet", 0.593),
    "alexnet": ("alexnet", 0.565),
    "lenet5": ("lenet", None),
    "vgg16": ("vgg", 0.716),
    "googlenet": ("googlenet", 0.698),
    "inception_v3": ("inception-v3", 0.773),
    "resnet18": ("resnet", 0.698),
    "resnet50": ("resnet", 0.761),
    "resnext50_32x4d": ("resnext", 0.776),
    "wide_resnet50_2": ("wide-resnet", 0.785),
    "densenet161": ("densenet", 0.771),
    "squeezenet1_0": ("squeezenet", 0.581),
    "squeezenet1_1": ("squeezenet", 0.582),
    "mobilenet_v1_100": ("mobilenet-v1", 0.706),
    "mobilenet_v2": ("mobilenet-v2", 0.719),
    "mobilenet_v3_small": ("mobilenet-v3", 0.677),
    "mobilenet_v3_large": ("mobilenet-v3", 0.740),
    "shufflenet_v1_g3_x1_0": ("shufflenet-v1", 0.674),
    "shufflenet_v1_g3_x0_5": ("shufflenet-v1", 0.568),
    "shufflenet_v2_x1_0": ("shufflenet-v2", 0.694),
    "xception": ("xception", 0.790),
    "mnasnet1_0": ("mnasnet", 0.735),
}
"""Family, and about the top-1 accuracy that was published."""

CATALOGUE = tuple(
    Entry(
        source=source,
        name=name,
        family=PUBLISHED[name][0],
        image_size=size,
        min_image_size=32,
        top1_ratio=PUBLISHED[name][1],
        top1_source="" if name == "lenet5" else "torchvision IMAGENET1K_V1" if source == "torchvision" else "the paper",
    )
    for name, (source, *_, size) in MODELS.items()
)

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>",
    "--><!--<![CDATA[",
    "\"'`&amp;{{7*7}}${1}",
    "\u202eexe.zip\u2066 שלום \u2028\u2029",
    "x" * 5000,
    "[link](javascript:alert(3)) <https://example.org> **bold** | `code` ~~struck~~",
)
"""Texts that would break a page, a table or a sentence which took them for more than text."""

FP32_AND_AMP = (Precision.FP32, Precision.AMP_BF16)


def ref(name: str) -> ModelRef:
    return ModelRef(MODELS[name][0], name)


def make_case(name: str = "resnet18", **axes: object) -> Case:
    """A case of a model above; inference at batch 1 in fp32 on the CPU unless `axes` say otherwise."""
    plain = {"mode": Mode.INFER, "batch": 1, "precision": Precision.FP32, "device": "cpu", "threads": 2}
    model = axes.pop("model", None) or ref(name)
    size = MODELS[name][5]
    return Case(**{"model": model, "image_size": size, **plain, **axes})


def measurement(metric: str, *samples: float, **more: object) -> Measurement:
    return Measurement(metric=metric, samples=samples, method="fabricated", **more)


def make_record(case: Case, measurements: Iterable[Measurement] = (), **more: object) -> CaseRecord:
    """A record of exactly these measurements."""
    plain = {"budget": Budget(), "started_at": "2026-03-01T10:00:00.000+00:00", "duration_s": 4.0, "in_calls_s": 3.2}
    return CaseRecord(case=case, measurements=tuple(measurements), **{**plain, **more})


def failed(case: Case, message: str = "DefaultCPUAllocator: can't allocate 9 GB", **more: object) -> CaseRecord:
    failure = Failure(kind=FailureKind.OUT_OF_MEMORY, message=message, where="training step")
    return make_record(case, failure=failure, **more)


def realistic_record(
    case: Case, *, rounds: int = 20, scale: float = 1.0, rng: random.Random | None = None
) -> CaseRecord:
    """About what a case of that kind yields: twelve metrics, the time's samples with three covariates."""
    rng = rng or random.Random(case.id)
    _, parameters, macs, activations, milliseconds, _ = MODELS[_base(case.model.name)]
    typical_s = 1e-3 * milliseconds * case.batch**0.93 * scale * _factor(case, rng)
    weights = 4e6 * parameters
    above = 4e6 * activations * case.batch * (6.0 if case.mode is Mode.TRAIN else 0.5)
    measurements = [
        measurement("parameters", round(1e6 * parameters)),
        measurement("trainable_parameters", round(1e6 * parameters)),
        measurement("buffers", round(1e4 * parameters)),
        measurement("macs", round(1e6 * macs)),
        measurement("activations", round(1e6 * activations)),
        _timed("latency", typical_s, rounds, rng),
        measurement("first_call", 3.1 * typical_s),
        measurement("build_time", 0.05 + 0.002 * parameters),
        measurement("peak_allocated", round(weights + above)),
        measurement("peak_above_weights", round(above)),
        measurement("process_memory", round(1.1 * (weights + above))),
    ]
    if case.mode is Mode.TRAIN:
        shares = {"forward_latency": 0.31, "backward_latency": 0.61, "optimizer_latency": 0.08}
        measurements += [_timed(metric, share * typical_s, rounds, rng) for metric, share in shares.items()]
    unavailable = (Unavailable(metric="peak_reserved", reason="cpu keeps no pool of memory that can be asked"),)
    return make_record(case, measurements, unavailable=unavailable, findings=_findings(case))


def make_run(
    records: Iterable[CaseRecord],
    *,
    run_id: str = "20260301T100000.000Z-base",
    label: str = "base",
    commit: str = "1111111",
) -> StoredRun:
    device = DeviceFacts(name="cpu", is_available=True, model="Example CPU", precisions=("fp32", "amp-bf16"))
    environment = Environment(
        host={"cpu": "Example CPU", "cores": "2"},
        software={"python": "3.11.9", "torch": "2.14.1"},
        settings={"denormals": "flushed"},
        commit={"hash": commit, "is_dirty": "no"},
        devices=(device,),
    )
    run = RunRecord(
        run_id=run_id,
        started_at="2026-03-01T10:00:00.000+00:00",
        label=label,
        command=("python", "-m", "zoobench", "run"),
        environment=environment,
    )
    return StoredRun(run=run, records=tuple(records), notes=(), path=Path("results") / run_id)


QUIET = (
    measurement("other_load", 0.01, 0.0, 0.02),
    measurement("load_average", 0.25),
    measurement("performance_governor", 1.0, 1.0),
    measurement("threads_a_core", 1.0),
    measurement("allowed_share", 1.0),
    measurement("timer_resolution", 4e-8, 4e-8),
    measurement("timer_cost", 5e-8, 5e-8),
    measurement("known_time_error", 0.002, 0.0005, 0.0001),
    measurement("round_overhead", 1e-6, 1e-6, 2e-6),
    measurement("known_macs_error", 0.0),
    measurement("product_rate", 1.5e11, 1.6e11),
    measurement("thread_efficiency", 0.95, 0.97),
    measurement("known_bytes_error", 0.0, 0.0),
    measurement("faults_retained", 0.0, 0.0, 9.0),
    measurement("faults_system", 0.0, 0.0, 9.0),
    measurement("pace", 1.0, 1.01, 1.0, 1.01, 1.0, 1.01),
    measurement("launch_pace", 1e-4, 1.01e-4, 1e-4),
    measurement("steal", 0.0),
    measurement("repeated_latency", 1.0, 1.0, 1.01, 1.01, 1.0, 1.01, block_sizes=(2, 2, 1, 1)),
)
"""Of a machine on which there is nothing to change."""

TROUBLED = (
    measurement("other_load", 0.5, 0.4, 0.6),
    measurement("load_average", 3.5),
    measurement("performance_governor", 0.0, 1.0),
    measurement("threads_a_core", 2.0),
    measurement("allowed_share", 0.5),
    measurement("timer_resolution", 0.001, 0.001),
    measurement("timer_cost", 2e-6, 2e-6),
    measurement("known_time_error", -1.0, -1.0, -1.0),
    measurement("round_overhead", 5e-5, 5e-5, 5e-5),
    measurement("known_macs_error", 1.0),
    measurement("product_rate", 1.5e11, 1.6e11),
    measurement("thread_efficiency", 0.5, 0.5),
    measurement("known_bytes_error", 0.0, -0.25),
    measurement("faults_retained", 1500.0, 1500.0),
    measurement("faults_system", 13_581.0, 13_581.0),
    measurement("pace", 1.0, 1.0, 1.25, 1.25, 1.5, 1.5),
    measurement("launch_pace", 1e-4, 1e-4, 1.7e-4, 1.7e-4),
    measurement("steal", 0.125),
    measurement("repeated_latency", 1.0, 1.5, 2.0, 2.0, block_sizes=(1, 1, 1, 1)),
)
"""Of a machine on which every judge has something to say."""


def make_calibration(measurements: Iterable[Measurement] = QUIET, **more: object) -> Calibration:
    """As `zoobench doctor` makes it from these."""
    measured = tuple(measurements)
    facts = {"processor": "Example CPU", "threads": "2", "torch": "2.14.1", "instruction_set": "AVX512"}
    plain = {"made_at": "2026-03-01T09:00:00+00:00", "facts": facts, "findings": findings_of(measured)}
    return Calibration(measurements=measured, **{**plain, **more})


def make_times(base_s: float = 0.0142, ratio: float = 1.0, width: float | None = 0.02, **more: object) -> Times:
    """Times whose interval is ±`width` of the ratio, or has none."""
    plain: dict[str, object] = {"base_s": base_s, "head_s": base_s * ratio, "ratio": ratio, "n": 12}
    ends = (None, None) if width is None else (ratio * (1 - width), ratio * (1 + width))
    hidden = None if ends[1] is None else ends[1] - 1
    return Times(
        **{**plain, "low": ends[0], "high": ends[1], "detectable_ratio": hidden, "spread_ratio": 0.012, **more}
    )


def make_result(name: str, verdict: Verdict, times: Times | None = None, **more: object) -> CaseResult:
    """What was decided about the plain case of that model, at a batch of 8 if it is named so: `resnet18 b8`."""
    model, _, batch = name.partition(" b")
    return CaseResult(id=make_case(model, batch=int(batch or 1)).id, verdict=verdict, times=times, **more)


def every_verdict() -> tuple[CaseResult, ...]:
    """A case of each verdict, and more than one of those that are folded."""
    parameters = ExactChange(metric="parameters", base=11_689_512, head=11_700_000, is_worse=True)
    peak = ExactChange(metric="predicted_peak", base=44_000_000, head=41_943_040, is_worse=False)
    calls = ExactChange(metric="operators_of_another_version", base=0, head=71.5, is_worse=None)
    return (
        make_result("alexnet", Verdict.SAME, make_times(0.0096, 1.004, 0.012)),
        make_result("vgg16", Verdict.BROKEN, reason="fails in building: no module named 'torch.nn.quantised'"),
        make_result("googlenet", Verdict.REMOVED, reason="has no such case"),
        make_result(
            "inception_v3",
            Verdict.OUTPUT_CHANGED,
            make_times(0.051, 1.001),
            reason="outputs differ by 0.31 of the largest value, 0.0001 is rounding",
        ),
        make_result("resnet50", Verdict.SLOWER, make_times(0.041, 1.072, 0.011, p_slower=0.0039, is_confirmed=True)),
        make_result("squeezenet1_1", Verdict.SLOWER, make_times(0.0066, 1.31, 0.02, p_slower=3e-5, dropped=2)),
        make_result("resnet18", Verdict.WORSE, make_times(0.0151, 0.999), exact_changes=(parameters, calls)),
        make_result("densenet161", Verdict.NOT_COMPARABLE, reason="no replicate is left of 6 (steal)"),
        make_result("mobilenet_v2", Verdict.UNDECIDED, make_times(0.0142, 1.03, 0.06, p_slower=0.21)),
        make_result("mobilenet_v2 b8", Verdict.UNDECIDED, make_times(0.07, 1.01, None, n=3, dropped=5)),
        make_result("xception", Verdict.NEW, reason="has no such case"),
        make_result("shufflenet_v2_x1_0", Verdict.FIXED, reason="fails in forward: shape mismatch"),
        make_result("mnasnet1_0", Verdict.FASTER, make_times(0.0131, 0.88, 0.012, p_faster=0.0039)),
        make_result("wide_resnet50_2", Verdict.BETTER, make_times(0.092, 1.002), exact_changes=(peak,)),
        make_result("lenet5", Verdict.SAME, make_times(0.00011, 1.011, 0.03), injected_ratio=0.02),
    )


def make_side(name: SideName, **more: object) -> Side:
    asked = {"asked": "main", "commit": "11" * 20} if name is SideName.BASE else {"asked": "working tree"}
    side = {"commit": "22" * 20, "is_dirty": name is SideName.HEAD, **asked, **more}
    return Side(name=name, environment=make_run([]).run.environment, **side)


def make_comparison(cases: Iterable[CaseResult] | None = None, **more: object) -> Comparison:
    """A comparison of two commits with every verdict, two controls, and something in every field."""
    plan = GenerationPlan(
        cases=15, screen_generations=6, confirm_generations=9, blocks=4, block_s=0.15, expected_s=570.0,
        spread_ratio=0.012, smallest_ratio=0.063,
    )  # fmt: skip
    plain: dict[str, object] = {
        "kind": ComparisonKind.COMMITS,
        "comparison_id": "20260302T100000.000Z-compare",
        "started_at": "2026-03-02T10:00:00.000+00:00",
        "base": make_side(SideName.BASE),
        "head": make_side(SideName.HEAD),
        "rule": Rule(margin_ratio=0.05),
        "exit": Exit.REGRESSION,
        "headline": "2 cases are slower: squeezenet1_1 (+31.0 %), resnet50 (+7.2 %); 2 of 15 are the same.",
        "plan": plan,
        "controls": (
            CaseResult(id="control:convolutions", verdict=Verdict.SAME, times=make_times(0.02, 1.002, 0.01)),
            CaseResult(id="control:normalisations", verdict=Verdict.SAME, times=make_times(0.01, 0.999, 0.01)),
        ),
        "differences": (
            Difference(fact="software python", base="3.11.9", head="3.12.1", matters=True),
            Difference(fact="host load_before", base="0.10", head="0.35", matters=False),
        ),
        "noise_ratio": 0.012,
        "problems": ("control control:convolutions is slower: the sides were not treated alike",),
        "notes": ("generation 3 was begun anew: the head's worker was killed",),
    }
    return Comparison(cases=tuple(every_verdict() if cases is None else cases), **{**plain, **more})


def default_cases(
    models: Sequence[str] = tuple(MODELS), batches: Sequence[int] = (1, 8), device: str = "cpu"
) -> Iterable[Case]:
    """The cases of the default preset."""
    for name in models:
        for precision in FP32_AND_AMP:
            for mode in (Mode.INFER, Mode.TRAIN):
                for batch in batches:
                    yield make_case(name, mode=mode, precision=precision, batch=batch, device=device)


def default_run(batches: Sequence[int] = (1, 8), *, device: str = "cpu", scale: float = 1.0, **head: str) -> StoredRun:
    """A run of the default preset in which two cases failed."""
    records = [realistic_record(case, scale=scale) for case in default_cases(batches=batches, device=device)]
    doomed = {"vgg16", "wide_resnet50_2"}
    largest = max(batches)
    return make_run(
        (
            failed(record.case)
            if record.case.model.name in doomed
            and record.case.mode is Mode.TRAIN
            and record.case.batch == largest
            and record.case.precision is Precision.FP32
            else record
            for record in records
        ),
        **head,
    )


def large_run(records: int, *, rounds: int = 50) -> Iterable[CaseRecord]:
    """That many records, for the benchmark of the report: every model at many widths, batches and settings."""
    per_variant = 8 * len(FP32_AND_AMP) * 2 * 2 * 2
    variants = math.ceil(records / (per_variant * len(MODELS)))
    rng = random.Random(0)
    made = 0
    for name in MODELS:
        for variant in range(variants):
            model = ModelRef(MODELS[name][0], f"{name}_w{variant}" if variant else name)
            for case in _grid(name, model):
                if made == records:
                    return
                made += 1
                is_failed = made % 97 == 0
                yield failed(case) if is_failed else realistic_record(case, rounds=rounds, rng=rng)


def _grid(name: str, model: ModelRef) -> Iterable[Case]:
    for memory_format in MemoryFormat:
        for threads in (1, 2):
            for precision in FP32_AND_AMP:
                for mode in (Mode.INFER, Mode.TRAIN):
                    for exponent in range(8):
                        axes = {"mode": mode, "precision": precision, "batch": 2**exponent, "threads": threads}
                        yield make_case(name, model=model, memory_format=memory_format, **axes)


def _base(name: str) -> str:
    return name if name in MODELS else name.rpartition("_w")[0]


def _factor(case: Case, rng: random.Random) -> float:
    amp = 1.0 if case.precision is Precision.FP32 else rng.uniform(0.6, 1.7)
    return amp * (3.1 if case.mode is Mode.TRAIN else 1.0)


def _timed(metric: str, typical_s: float, rounds: int, rng: random.Random) -> Measurement:
    samples = tuple(typical_s * rng.lognormvariate(0, 0.03) for _ in range(rounds))
    return measurement(metric, *samples, covariates=_covariates(samples) if metric == "latency" else {})


def _covariates(samples: Sequence[float]) -> dict[str, tuple[float, ...]]:
    zeros = tuple(0.0 for _ in samples)
    return {
        "pace": tuple(1.01 for _ in samples),
        "page_faults": zeros,
        "involuntary_switches": zeros,
        "cpu_s": tuple(1.9 * sample for sample in samples),
        "run_delay_s": zeros,
        "steal_s": zeros,
        "continued": zeros,
    }


def _findings(case: Case) -> tuple[Finding, ...]:
    if case.precision is Precision.FP32:
        return ()
    values: dict[str, float | str] = {"device": case.device, "precision": case.precision.value}
    return (Finding(code="emulated-precision", severity=Severity.WARNING, values=values),)
