"""What came out of a measurement: frozen records, raw samples included, nothing that computes."""

from zoobench.records.record import COPY as COPY
from zoobench.records.record import MATRIX_PRODUCT as MATRIX_PRODUCT
from zoobench.records.record import SCHEMA as SCHEMA
from zoobench.records.record import VALID as VALID
from zoobench.records.record import Breakdown as Breakdown
from zoobench.records.record import Calibration as Calibration
from zoobench.records.record import CaseRecord as CaseRecord
from zoobench.records.record import Ceiling as Ceiling
from zoobench.records.record import Environment as Environment
from zoobench.records.record import Facts as Facts
from zoobench.records.record import Failure as Failure
from zoobench.records.record import FailureKind as FailureKind
from zoobench.records.record import Finding as Finding
from zoobench.records.record import Flaw as Flaw
from zoobench.records.record import Layer as Layer
from zoobench.records.record import LayerKind as LayerKind
from zoobench.records.record import Measurement as Measurement
from zoobench.records.record import MetricResult as MetricResult
from zoobench.records.record import RunRecord as RunRecord
from zoobench.records.record import Severity as Severity
from zoobench.records.record import Shape as Shape
from zoobench.records.record import Unavailable as Unavailable
from zoobench.records.record import flaws_of as flaws_of
from zoobench.records.record import kind_of_convolution as kind_of_convolution
from zoobench.records.record import validity_of as validity_of
