"""What a configuration may name and say, and the objects made of it."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sweeplab.build import build, find_faults
from sweeplab.definition import find_definition
from sweeplab.errors import ConfigFault
from sweeplab.signature import find_signature
from sweeplab.source import find_module
from sweeplab.target import find_target_faults, is_trusted

ROOT = Path(__file__).parent.parent
TRUSTED = ["sweeplab.", "torch.", "torchvision.", "torchmetrics.", "pytorch_lightning.", "pytorch_optimizer."]
ADAM = {"_target_": "torch.optim.Adam", "_partial_": True, "lr": 1e-3, "betas": [0.9, 0.999]}
LINEAR = {"_target_": "torch.nn.Linear", "in_features": 3, "out_features": 2}


@pytest.fixture
def config():
    """The shipped root keys with torch's own classes as choices."""
    shipped = OmegaConf.load(ROOT / "conf" / "config.yaml")
    del shipped["defaults"], shipped["hydra"]
    choices = {"optimizer": dict(ADAM), "model": {"_target_": "torch.nn.Sequential", "_args_": [dict(LINEAR)]}}
    return OmegaConf.to_container(shipped, resolve=True) | choices


def put(config, key, value):
    *path, last = key.split(".")
    for part in path:
        config = config[part]
    config[last] = value


def test_the_shipped_values_have_no_fault(config):
    assert find_faults(config) == []


def test_all_faults_are_found_at_once_and_each_says_where(config):
    config["lr"] = -0.1
    config["optimizer"]["betaz"] = [0.9, 0.999]
    config["model"]["_args_"].append({"_target_": "os.system", "command": "true"})

    assert find_faults(config) == [
        "lr must be > 0, got -0.1 (set it as lr=1e-3)",
        "torch.optim.Adam has no argument 'betaz' (did you mean 'betas'?) · allowed: lr, betas, eps, weight_decay, "
        "amsgrad, foreach, maximize, capturable, differentiable, fused, decoupled_weight_decay · in optimizer",
        f"_target_ 'os.system' is not trusted · allowed: {', '.join(TRUSTED)} (a package of your own: trusted_targets)"
        " · in model._args_[1]",
    ]


@pytest.mark.parametrize(
    ("key", "bad", "allowed"),
    [
        ("lr", [0, -1e-3, float("nan"), float("inf"), "1e-3", None, True, [1e-3]], "> 0"),
        ("weight_decay", [-1e-9, float("nan"), None, False], ">= 0"),
        ("batch_size", [0, -1, 1.0, 32.5, "32", None, True], "a whole number >= 1"),
        ("eval_batch_size", [0, 1.5, None], "a whole number >= 1"),
        ("max_epochs", [0, 2.0, None, True], "a whole number >= 1"),
        ("limit_batches", [0, 0.5, False], "a whole number >= 1, or null for all"),
        ("overfit_batches", [-1, 0.1, True, None], "a whole number >= 0, 0 for all data"),
        ("seed", [-1, 0.0, None, True, "0"], "a whole number >= 0"),
        ("precision", [32, "32", "fp16", None], "one of 32-true, bf16-mixed, 16-mixed, bf16-true, 16-true, 64-true"),
        ("deterministic", [0, 1, "true", None], "true or false"),
        ("channels_last", [0, 1, "yes", None], "true or false"),
        ("gradient_clip", [0, -1.0, float("inf"), True, "1"], "> 0, or null"),
        ("select.mode", ["maximum", None, True], "max or min"),
        ("select.monitor", ["accuracy", "val/", "val/f1", "train/loss", None, 1], "one of val/accuracy, val/loss"),
        ("early_stopping.enabled", [1, None, "on"], "true or false"),
        (
            "early_stopping.monitor",
            ["test/loss", "loss", None],
            "one of val/accuracy, val/loss, train/accuracy, train/loss",
        ),
        ("early_stopping.mode", ["auto", None], "min or max"),
        ("early_stopping.patience", [-1, 1.5, True, None], "a whole number of epochs >= 0"),
        ("early_stopping.min_delta", [-0.1, None, True], ">= 0"),
        ("early_stopping.baseline", [float("nan"), "0.5", True], "a finite number, or null"),
        ("name", ["", "a/b", "..", ".hidden", 3, "a\\b"], "the name of one folder, or null"),
        ("tags", ["word", [1], None, [""]], "a list of words"),
        ("runtime.output_dir", ["", None, 1], "a folder"),
        ("runtime.data_dir", ["", None], "a folder"),
        ("runtime.accelerator", ["cuda", None], "one of auto, cpu, gpu, mps"),
        ("runtime.devices", [0, "auto", True, 1.0], "a whole number >= 1"),
        ("runtime.workers", [-1, 1.5, None, False], "a whole number >= 0"),
        ("runtime.cells_at_once", [0, "all", None, True, 2.0], "auto, or a whole number >= 1"),
        ("runtime.threads_per_cell", [0, "max", None, True], "auto, or a whole number >= 1"),
        ("runtime.on_finished", ["skip", None, True], "reuse or rerun"),
        ("runtime.timeout_s", [0, -1, "60", True], "seconds > 0, or null"),
        ("runtime.grace_s", [-1, None, True, float("inf")], "seconds >= 0"),
        ("runtime.keep_checkpoints", [1, None], "true or false"),
        ("trusted_targets", ["torch.", [""], ["."], ["a b"], [3], None], "a list of dotted prefixes such as mypkg."),
        ("circumstance", ["dataset.root", [1], None], "a list of dotted keys"),
    ],
)
def test_a_value_out_of_its_range_is_a_fault(config, key, bad, allowed):
    for value in bad:
        put(config, key, value)
        faults = [fault for fault in find_faults(config) if fault.startswith(f"{key} ")]

        assert len(faults) == 1
        assert faults[0].startswith(f"{key} must be {allowed}")
        assert f"got {value!r}" in faults[0]


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ("lr", [1, 1e-8, 1e3]),
        ("weight_decay", [0, 0.0, 0.1]),
        ("limit_batches", [None, 1]),
        ("gradient_clip", [None, 1, 0.5]),
        ("select.monitor", ["val/loss", "val/accuracy"]),
        ("early_stopping.monitor", ["train/loss", "val/accuracy"]),
        ("early_stopping.baseline", [None, -1, 0.5]),
        ("name", [None, "lr sweep-1=a,b", "a..b"]),
        ("tags", [[], ["a", "b"]]),
        ("runtime.cells_at_once", ["auto", 1, 64]),
        ("runtime.timeout_s", [None, 0.5, 60]),
        ("runtime.grace_s", [0, 0.5]),
        ("trusted_targets", [[*TRUSTED, "mypkg", "mypkg.models."]]),
    ],
)
def test_a_value_in_its_range_is_none(config, key, good):
    for value in good:
        put(config, key, value)

        assert find_faults(config) == []


def test_choosing_on_test_data_is_refused_with_the_reason(config):
    config["select"]["monitor"] = "test/accuracy"

    assert find_faults(config) == [
        "select.monitor must be one of val/accuracy, val/loss, got 'test/accuracy' "
        "(choosing an epoch on test data would make the test result no estimate of anything)"
    ]


def test_missing_keys_and_missing_values_are_faults(config):
    del config["seed"], config["runtime"]
    config["lr"] = "???"
    config["model"]["width"] = "???"
    config["optimizer"]["eps"] = "${nowhere}"
    faults = find_faults(config)

    assert "seed is missing · allowed: a whole number >= 0" in faults
    assert "runtime.devices is missing · allowed: a whole number >= 1" in faults
    assert "lr must be given, got ??? (set it as lr=...)" in faults
    assert "model.width must be given, got ??? (set it as model.width=...)" in faults
    assert "optimizer.eps must be resolved, got '${nowhere}'" in faults
    assert not [fault for fault in faults if fault.startswith("lr must be >")]


@pytest.mark.parametrize(
    ("node", "faults"),
    [
        (ADAM, []),
        ({**ADAM, "_partial_": False}, ["torch.optim.Adam needs params"]),
        (
            {**ADAM, "Betas": 1},
            ["torch.optim.Adam has no argument 'Betas' (did you mean 'betas'?) · allowed: lr, betas"],
        ),
        ({**ADAM, "quux": 1}, ["torch.optim.Adam has no argument 'quux' · allowed: lr, betas"]),
        ({**ADAM, "params": []}, []),
        (LINEAR, []),
        ({**LINEAR, "_args_": [3], "in_features": 3}, ["torch.nn.Linear has no argument 'in_features'"]),
        ({"_target_": "torch.nn.Linear", "_args_": [3, 2]}, []),
        ({"_target_": "torch.nn.Linear"}, ["torch.nn.Linear needs in_features, out_features"]),
        ({"_target_": "torch.nn.Linear", "_args_": [3], "bias": True}, ["torch.nn.Linear needs out_features"]),
        (
            {"_target_": "torch.nn.ReLU", "_args_": [1, 2]},
            ["torch.nn.ReLU takes at most 1 positional arguments, got 2"],
        ),
        ({"_target_": "torch.nn.Sequential", "_args_": [1, 2, 3, 4]}, []),
        ({"_target_": "torchvision.models.resnet18", "anything": 1}, []),
        ({"_target_": "torch.zeros", "anything": 1}, []),
        ({"_target_": "torch.nn.Linear", "_args_": "32"}, ["_args_ must be a list, got '32'"]),
        ({"_target_": "torch.nn.Linear", "_partial_": "yes"}, ["_partial_ must be true or false, got 'yes'"]),
        ({**LINEAR, "_convert_": "all", "_recursive_": False}, []),
        (
            {"_target_": "torch.optim.Adm"},
            ["torch.optim has no 'Adm' (did you mean 'Adam'?) (_target_ 'torch.optim.Adm')"],
        ),
        ({"_target_": "torch.optim"}, ["_target_ must be a class or function, got the module 'torch.optim'"]),
    ],
)
def test_arguments_are_held_against_the_signature(config, node, faults):
    config["model"] = node
    found = find_faults(config)

    assert len(found) == len(faults)
    for fault, start in zip(found, faults, strict=True):
        assert fault.startswith(start)
        assert fault.endswith(" · in model")


def forget():
    for cached in (find_module, find_definition, find_signature, find_target_faults):
        cached.cache_clear()


def test_a_package_that_is_not_installed_is_named_with_the_way_to_get_it(config, monkeypatch):
    """A None in sys.modules is Python's own mark for a package that cannot be imported."""
    monkeypatch.setitem(sys.modules, "pytorch_optimizer", None)
    config["optimizer"] = {"_target_": "pytorch_optimizer.Lion", "_partial_": True}
    config["model"] = {"_target_": "mypkg_not_there.Net"}
    config["trusted_targets"].append("mypkg_not_there.")
    forget()
    faults = find_faults(config)
    forget()

    assert faults == [
        "pytorch_optimizer.Lion needs the package pytorch_optimizer, which is not installed: "
        "pip install 'sweeplab[optimizers]' · in optimizer",
        "mypkg_not_there.Net needs the package mypkg_not_there, which is not installed: "
        "install it, or check the spelling · in model",
    ]


def test_a_package_that_is_not_python_says_where(config, tmp_path, monkeypatch):
    (tmp_path / "broken_choice.py").write_text("class Net:\n    def (self): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    config["model"] = {"_target_": "broken_choice.Net"}
    config["trusted_targets"] = [*TRUSTED, "broken_choice"]

    assert find_faults(config) == [
        f"broken_choice.Net cannot be read: invalid syntax ({tmp_path / 'broken_choice.py'}, line 2) · in model"
    ]


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        ("torch.optim.Adam", "torch.", True),
        ("torch", "torch.", True),
        ("torchvision.models.vgg16", "torch.", False),
        ("mypkg", "mypkg", True),
        ("mypkg.x", "mypkg", True),
        ("mypkg2.x", "mypkg", False),
        ("mypkg.x", "mypkg.x.", True),
        ("mypkg.xy", "mypkg.x", False),
    ],
)
def test_a_prefix_ends_at_a_dot(path, prefix, expected):
    assert is_trusted(path, ["other.", prefix]) is expected


HOSTILE = [
    "os.system",
    "posix.system",
    "builtins.eval",
    "builtins.exec",
    "subprocess.Popen",
    "torch.os.system",
    "torch.sys.exit",
    "torch.builtins.eval",
    "torch.utils.data.dataloader.os.system",
    "torch.hub.load",
    "torch.load",
    "torch.serialization.load",
    "torch.save",
    "torch.jit.load",
    "torch.ops.load_library",
    "torch.classes.load_library",
    "torch.utils.cpp_extension.load_inline",
    "torch.utils.cpp_extension.subprocess.run",
    "torch.utils.collect_env.run",
    "torch.multiprocessing.Process",
    "torch.distributed.launcher.elastic_launch",
    "torch.nn.Module.__subclasses__",
    "torch._dynamo.exec",
    "torchvision.datasets.utils.download_url",
    "torchvision.datasets.mnist.subprocess.run",
    "pytorch_lightning.LightningModule.load_from_checkpoint",
    "pytorch_lightning.cli.LightningCLI",
    "sweeplab.build.build",
    "sweeplab.launch.subprocess.run",
    "sweeplab.cli.main",
    "${oc.env:HOME}",
    "torch.optim.Adam; import os",
    "torch..optim.Adam",
    ".os.system",
    "torch.",
    "torch",
    "",
]


def wrappings(target, trace):
    node = {"_target_": target, "_args_": [f"touch {trace}"]}
    yield node
    yield {**node, "_partial_": True}
    yield {"_target_": "torch.nn.Sequential", "_args_": [{"_target_": "torch.nn.Identity", "inner": node}]}
    yield {"_target_": "torch.nn.Identity", "inner": [1, [{"deep": [node]}]]}
    yield {"_target_": "torch.nn.Identity", "_recursive_": False, "inner": node}
    yield {"_target_": "torch.nn.Identity", "_convert_": node}
    yield {"_target_": node}
    yield {"_target_": [target]}
    yield {"_target_": None, "inner": node}


@pytest.mark.parametrize("target", HOSTILE)
def test_a_hostile_target_is_refused_wherever_it_stands(config, target, tmp_path):
    trace = tmp_path / "ran"
    for node in wrappings(target, trace):
        config["model"] = node

        assert [
            fault for fault in find_faults(config) if fault.startswith("_target_ ") or "has no 'subprocess'" in fault
        ]
        with pytest.raises(ConfigFault, match="_target_ "):
            build(node, trusted=TRUSTED)

    assert not trace.exists()


def test_a_trusted_module_does_not_lend_its_trust_to_what_it_imports(tmp_path, monkeypatch):
    """`from subprocess import run` in one's own package makes no target of it, by whatever name."""
    (tmp_path / "lender.py").write_text(
        "import os as operating\nfrom subprocess import run as start\nfrom posixpath import *\n"
        "call = operating.system\nrunner = eval\nclass Mine:\n    go = operating.system\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("operating.system", "start", "call", "runner", "Mine.go", "join"):
        faults = find_target_faults(f"lender.{name}", (), 0, is_partial=True, trusted=("lender",))

        assert len(faults) == 1
        assert faults[0].startswith(f"_target_ 'lender.{name}' leads to ") or "reaches inside" in faults[0]
    assert find_target_faults("lender.Mine", (), 0, is_partial=False, trusted=("lender",)) == ()


def test_values_that_are_not_plain_data_are_refused(config):
    """A container of another kind could hide a target."""
    config["model"]["inner"] = OmegaConf.create({"_target_": "os.system"})

    assert any(fault.startswith("model.inner must be plain data, got {'_target_'") for fault in find_faults(config))


def test_finding_faults_imports_nothing_heavy_and_nothing_named(config, tmp_path):
    """Planning must not wait for torch, nor run a package before it is trained with."""
    (tmp_path / "loud_choice.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Net:\n    def __init__(self, *, width): ...\n"
    )
    config["dataset"] = {"_target_": "loud_choice.Net", "widht": 3}
    config["trusted_targets"].append("loud_choice")
    script = (
        "import sys\nfrom sweeplab.build import find_faults\nimport sweeplab.expression, sweeplab.signature\n"
        f"print(*find_faults({config!r}), sep='\\n')\n"
        "heavy = {'torch', 'torchvision', 'pytorch_lightning', 'hydra', 'wandb', 'numpy', 'pandas', 'loud_choice'}\n"
        "print(heavy & set(sys.modules))\n"
    )
    path = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=path, check=True)

    assert done.stdout.splitlines() == [
        "loud_choice.Net has no argument 'widht' (did you mean 'width'?) · allowed: width · in dataset",
        "loud_choice.Net needs width · in dataset",
        "set()",
    ]
    assert not (tmp_path / "ran").exists()


def test_a_node_becomes_the_object_it_names():
    import torch

    node = {"_target_": "torch.nn.Sequential", "_args_": [LINEAR, {"_target_": "torch.nn.ReLU"}]}
    before = copy.deepcopy(node)
    built = build(node, trusted=TRUSTED)

    assert isinstance(built, torch.nn.Sequential)
    assert [type(part) for part in built] == [torch.nn.Linear, torch.nn.ReLU]
    assert built[0].weight.shape == (2, 3)
    assert node == before


def test_a_partial_node_becomes_a_factory_and_lists_arrive_plain():
    import torch

    make = build(ADAM, trusted=TRUSTED)
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = make([parameter])

    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.param_groups[0]["lr"] == 1e-3
    assert type(make.keywords["betas"]) is list
    assert optimizer.param_groups[0]["params"][0] is parameter


def test_values_given_when_building_are_handed_on_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "receiver.py").write_text(
        "class Receiver:\n    def __init__(self, first, second, *, third, fourth):\n"
        "        self.all = first, second, third, fourth\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    first, third = object(), {"_target_": "os.system"}
    node = {"_target_": "receiver.Receiver", "_args_": [{"a": [1]}], "fourth": [2]}
    plain = build(node, first, trusted=["receiver"], third=third)
    partial = build({**node, "_partial_": True}, first, trusted=["receiver"], third=third)()

    for built in (plain, partial):
        assert built.all == ({"a": [1]}, first, third, [2])
        assert built.all[2] is third
        assert type(built.all[0]) is dict


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ({}, "a node to build needs a _target_, got the keys none"),
        ({"lr": 1}, "a node to build needs a _target_, got the keys lr"),
        ({**ADAM, "betaz": 1}, r"torch\.optim\.Adam has no argument 'betaz'"),
        ({"_target_": "numpy.array", "_args_": [1]}, "_target_ 'numpy.array' is not trusted"),
    ],
)
def test_a_faulty_node_is_not_built(node, message):
    with pytest.raises(ConfigFault, match=message):
        build(node, trusted=TRUSTED)
