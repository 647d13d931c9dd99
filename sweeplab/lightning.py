"""Lightning, imported in about three quarters of the time. Importing this module is doing it.

Nothing that is imported is garbage, and looking for some meanwhile takes a second. torchmetrics imports the whole of
`scipy.signal`, nearly another, to give a window function an old name that nobody here asks for.
"""

import gc
import sys
from types import ModuleType

_was_collecting = gc.isenabled()
gc.disable()
_placeholder = ModuleType("scipy.signal")
_placeholder.hamming = None  # type: ignore[attr-defined]
_found = sys.modules.setdefault("scipy.signal", _placeholder)
try:
    import pytorch_lightning  # noqa: F401
finally:
    if _found is _placeholder:
        del sys.modules["scipy.signal"]
    if _was_collecting:
        gc.enable()
