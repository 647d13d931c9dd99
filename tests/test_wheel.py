"""The wheel holds all that is needed: installed into an empty folder, it runs a cell from another directory."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            folder,
            ROOT,
        ],
        check=True,
        timeout=300,
    )
    [built] = folder.glob("*.whl")
    return built


def test_wheel_carries_configuration_and_plugins(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())

    for path in ROOT.glob("conf/**/*.yaml"):
        assert f"sweeplab/{path.relative_to(ROOT)}" in names
    for path in ROOT.glob("hydra_plugins/*.py"):
        assert str(path.relative_to(ROOT)) in names
    for path in (ROOT / "sweeplab" / "example").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert str(path.relative_to(ROOT)) in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "outputs/"))]


def test_installed_wheel_runs_a_sweep_from_another_directory(wheel, tmp_path):
    """The environment lends its libraries, but not this checkout."""
    venv, elsewhere = tmp_path / "venv", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=120)
    python = venv / "bin" / "python"
    site = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel],
        check=True,
        timeout=120,
    )
    # a plain path entry: unlike a .pth file's own lines, those of the lending folder are not followed
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-m", "sweeplab", "-m", "lr=1e-3,1e-2", "debug=fast", "tracker=none"],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    where = subprocess.run(
        [python, "-c", "import sweeplab; print(sweeplab.__file__)"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert str(venv) in where
    assert done.returncode == 0, done.stdout + done.stderr
    results = [json.loads(path.read_bytes()) for path in elsewhere.glob("outputs/cells/*/result.json")]
    assert [result["state"] for result in results] == ["completed"] * 2
