"""The exceptions a user may meet.

SweeplabError
├── ConfigFault     something asked for cannot be; every fault found, in one message
├── RecordFault     a file under outputs/ that should be readable is not
├── DataFault       a data set is missing, incomplete or corrupt
└── EmptyComparison nothing to compare
"""

from collections.abc import Sequence


class SweeplabError(Exception):
    """Root of all our own errors: its text is written for the user and needs no traceback."""


class ConfigFault(SweeplabError):
    """Something asked for cannot be; met before anything is trained or written (exit code 2)."""

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults = [faults] if isinstance(faults, str) else list(faults)
        super().__init__("\n".join(self.faults))


_SHOWN_FAULTS = 20


def refuse(faults: Sequence[str]) -> None:
    """Raise what is wrong, if anything: the first faults, and how many more there are.

    Raises:
        ConfigFault: there is at least one.
    """
    if len(faults) > _SHOWN_FAULTS:
        faults = [*faults[:_SHOWN_FAULTS], f"… and {len(faults) - _SHOWN_FAULTS} more"]
    if faults:
        raise ConfigFault(faults)


class RecordFault(SweeplabError):
    """A file of a cell or a sweep is unreadable, from another version, or not ours."""


class DataFault(SweeplabError):
    """A data set is missing, incomplete or corrupt; says which files are expected where and how to get them."""


class EmptyComparison(SweeplabError):
    """No cell at all to compare."""
