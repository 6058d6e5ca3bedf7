"""What to measure: a `Matrix` of axes expands into `Case`s, each measured within a `Budget`."""

from zoobench.cases.case import COUNT_ONLY as COUNT_ONLY
from zoobench.cases.case import SMOKE_BUDGET as SMOKE_BUDGET
from zoobench.cases.case import Allocator as Allocator
from zoobench.cases.case import AnyEnum as AnyEnum
from zoobench.cases.case import Budget as Budget
from zoobench.cases.case import Case as Case
from zoobench.cases.case import Compiler as Compiler
from zoobench.cases.case import DeviceFacts as DeviceFacts
from zoobench.cases.case import ImageSize as ImageSize
from zoobench.cases.case import Matrix as Matrix
from zoobench.cases.case import MemoryFormat as MemoryFormat
from zoobench.cases.case import Mode as Mode
from zoobench.cases.case import ModelRef as ModelRef
from zoobench.cases.case import Plan as Plan
from zoobench.cases.case import Precision as Precision
from zoobench.cases.case import Value as Value
from zoobench.cases.case import parse_case_id as parse_case_id
from zoobench.cases.case import parse_choice as parse_choice
from zoobench.cases.case import parse_image_size as parse_image_size
from zoobench.cases.case import parse_positive as parse_positive
