"""Guard of many workloads: raw metrics of different models and data sets have no common scale."""

from sweeplab.compare.guards.evidence import Evidence, names
from sweeplab.compare.guards.guard import Remark, listed
from sweeplab.compare.ranks import MIN_WORKLOADS


def per_workload(evidence: Evidence) -> list[Remark]:
    """Guard G15: figures stand per workload; only ranks and normalised scores go across them."""
    if not evidence.workload_axes:
        return []
    found = list(dict.fromkeys(names(evidence.cells, evidence.workload_axes)))
    words = (
        f"N={len(found)} workloads ({listed(found)}): figures stand per workload, and no raw metric is averaged over"
        " them; across them only ranks and normalised scores"
    )
    if len(found) < MIN_WORKLOADS:
        words += f"; below {MIN_WORKLOADS} workloads no critical difference"
    return [Remark("G15", "info", "workloads", words)]
