"""What stands against a comparison, said by itself: each guard a function of the evidence that is silent or speaks.

Refuses to change a figure or to leave one out: guards only speak.
"""

from collections.abc import Callable

from sweeplab.compare.guards.budget import equal_budget, search_space
from sweeplab.compare.guards.choice import best_of_many, edge_of_grid, selected_on_test
from sweeplab.compare.guards.evidence import Evidence
from sweeplab.compare.guards.guard import Remark, said_once
from sweeplab.compare.guards.noise import sampling_noise
from sweeplab.compare.guards.pairing import many_comparisons, paired_seeds, within_noise
from sweeplab.compare.guards.provenance import augmented_evaluation, regularisation, same_provenance, wall_clock
from sweeplab.compare.guards.replicates import lost_cells, too_few_seeds
from sweeplab.compare.guards.schedule import schedule_and_horizon
from sweeplab.compare.guards.training import did_not_train, unstable_end
from sweeplab.compare.guards.workloads import per_workload

__all__ = ["GUARDS", "Evidence", "Remark", "look"]

GUARDS: dict[str, Callable[[Evidence], list[Remark]]] = {
    "G1": selected_on_test,
    "G2": too_few_seeds,
    "G3": edge_of_grid,
    "G4": lost_cells,
    "G5": equal_budget,
    "G6": paired_seeds,
    "G7": within_noise,
    "G8": sampling_noise,
    "G9": schedule_and_horizon,
    "G10": did_not_train,
    "G11": unstable_end,
    "G12": search_space,
    "G13": best_of_many,
    "G14": regularisation,
    "G15": per_workload,
    "G16": wall_clock,
    "G17": many_comparisons,
    "G18": augmented_evaluation,
    "provenance": same_provenance,
}


def look(evidence: Evidence) -> list[Remark]:
    """What every guard has to say, in their order; what several settings share is said once, the first few named."""
    return said_once(remark for guard in GUARDS.values() for remark in guard(evidence))
