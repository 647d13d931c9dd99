"""The script of README.md that trains a sweep as an array of Slurm jobs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the script is one of bash")


@pytest.fixture
def script(tmp_path):
    """The block of README.md that Slurm would be given."""
    blocks = re.findall(r"^```(?:bash|sh)\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    found = [block for block in blocks if "#SBATCH" in block]
    assert len(found) == 1, "README.md should have one script for sbatch"
    path = tmp_path / "worker.sh"
    path.write_text(found[0], encoding="utf-8")
    return path


def test_it_is_bash(script):
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert script.read_text().startswith("#!/bin/bash\n#SBATCH ")


@pytest.mark.parametrize("option", ["--array=", "--requeue", "--signal=TERM@60", "--gres=gpu:1", "--open-mode=append"])
def test_it_asks_slurm_for_what_it_needs(script, option):
    assert re.search(rf"^#SBATCH {re.escape(option)}", script.read_text(), re.MULTILINE)


def test_it_starts_a_worker_on_the_folder_it_is_given(script, tmp_path):
    """A name with blanks is one name."""
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/bash\nprintf "<%s>" "$@"\n')
    srun.chmod(0o755)
    around = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["bash", script, "out/a sweep"], capture_output=True, text=True, env=around, check=True)
    without = subprocess.run(["bash", script], capture_output=True, text=True, env=around, check=False)

    assert done.stdout == "<python><-m><sweeplab><worker><out/a sweep>"
    assert without.returncode != 0
    assert without.stdout == ""
