"""The GPUs of this machine, found without importing torch."""

import os
import shutil
import subprocess


def visible_gpus() -> list[str]:
    """NVIDIA GPUs this process may use, as `CUDA_VISIBLE_DEVICES` names them; found without importing torch."""
    outer = os.environ.get("CUDA_VISIBLE_DEVICES")
    if outer is not None:
        return [name.strip() for name in outer.split(",") if name.strip() not in ("", "-1")]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        listed = subprocess.run(  # noqa: S603 (a fixed command, found on the path)
            [program, "--query-gpu=uuid", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in listed.stdout.splitlines() if line.strip().startswith(("GPU-", "MIG-"))]
