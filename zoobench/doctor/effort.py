"""How long the doctor's checks may take."""

from __future__ import annotations

import msgspec


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for each check; of the case that is measured again and again, in each of an even number of processes."""

    load_s: float
    product_s: float
    paging_s: float
    pace_s: float
    processes: int
    case_s: float


FULL = Effort(load_s=2.0, product_s=1.0, paging_s=2.0, pace_s=6.0, processes=10, case_s=2.0)
"""With its processes' starts, about 45 s on two quiet cores."""

QUICK = Effort(load_s=0.5, product_s=0.2, paging_s=0.4, pace_s=1.5, processes=6, case_s=0.5)
"""About 15 s."""
