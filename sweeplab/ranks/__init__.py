"""The processes that train one cell together, each on a device of its own and with its part of every batch.

Rank 0 is the cell: it alone claims it, writes its record and is told to stop. It starts the others by its own command
line, `python -m sweeplab.cell FOLDER`, and holds the port by which all of them meet from then on, so that no two cells
can have the same. They write nothing; a failure goes to rank 0 through a pipe. When one of them is lost, the cell fails
as a whole. Importing this needs no torch: the others start while rank 0 still imports it.
"""

from sweeplab.ranks.follower import RANK, follow
from sweeplab.ranks.group import Failure, Ranks, cell_of, forget_outer_job
from sweeplab.ranks.leader import Leader, start

__all__ = ["RANK", "Failure", "Leader", "Ranks", "cell_of", "follow", "forget_outer_job", "start"]
