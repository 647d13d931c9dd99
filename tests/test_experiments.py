"""Every file in conf/experiment: what it plans, and that it trains on files of the true form."""

import gzip
import json
import math
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from sweeplab import record
from sweeplab.cell import Cell
from sweeplab.steps import steps_per_epoch
from sweeplab.verbs.plan import plan_of

CONF = Path(__file__).parents[1] / "conf" / "experiment"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
OURS = {"optimizers_on_digits", "optimizers_on_fashion_mnist"}
PUBLISHED = [name for name in NAMES if name not in OURS and not name.endswith("_fair")]

# cells, optimizer steps in an epoch, epochs of the longest cell: from the sources, or counted by hand
SIZES = {
    "radam_cifar10": (2, 390, 75),
    "radam_cifar10_fair": (2 * 6, 351, 75),
    "vgg16_cats_vs_dogs": (4, 586, 5),
    "vgg16_cats_vs_dogs_fair": (3 * 4 * 6, 586, 20),
    "impact_of_optimizers": (12, 1563, 50),
    "impact_of_optimizers_fair": (2 * 5 * 6 * 6, 1407, 50),
    "adam_generalization": (7, 2000, 31),
    "adam_generalization_fair": (7 * 4 * 6, 1800, 21),
    "adam_paper_logreg_mnist": (3 * 8, 469, 45),
    "adam_paper_logreg_mnist_fair": (3 * 8 * 6, 430, 45),
    "adam_paper_logreg_imdb": (4 * 8, 196, 160),
    "adam_paper_logreg_imdb_fair": (4 * 8 * 6, 176, 160),
    "adam_paper_mlp_mnist": (5 * 6, 469, 200),
    "adam_paper_mlp_mnist_fair": (5 * 6 * 6, 430, 200),
    "adam_paper_cnn_cifar10": (3 * 6, 391, 45),
    "adam_paper_cnn_cifar10_fair": (3 * 6 * 6, 352, 45),
    "optimizers_on_digits": (12 * 7 * 5, 38, 20),
    "optimizers_on_fashion_mnist": (6 * 4 * 3, 430, 2),
}

every_experiment = pytest.mark.parametrize("name", NAMES)


def test_every_published_experiment_has_a_fair_twin():
    assert {f"{name}_fair" for name in PUBLISHED} <= set(NAMES)
    assert len(PUBLISHED) == 8


@every_experiment
def test_plans_the_cells_and_steps_of_its_source(name, plan):
    found = plan(f"experiment={name}")
    num_cells, num_steps, max_epochs = SIZES[name]
    assert len(found.cells) == num_cells
    assert {steps_per_epoch(cell.config) for cell in found.cells} == {num_steps}
    assert max(cell.config["max_epochs"] for cell in found.cells) == max_epochs
    assert found.warnings == []


@every_experiment
def test_says_where_it_comes_from(name, plan):
    assert plan(f"experiment={name}").config["provenance"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_says_what_kind_and_how_it_differs(name, plan):
    config = plan(f"experiment={name}").config
    assert config["known_deviations"]
    assert config["published"]["source"]
    assert config["published"]["kind"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OURS])
def test_each_published_figure_is_one_cell_and_each_order_has_its_names(name, plan):
    """A figure that met no cell, or several settings, would stand beside the wrong number or none."""
    from sweeplab.published import matched

    found = plan(f"experiment={name}")
    published = matched(found.config["published"], found.cells)
    assert published["figures"] or published["orderings"]
    assert [len(figure["cells"]) for figure in published["figures"]] == [1] * len(published["figures"])
    assert all(cells for order in published["orderings"] for cells in order["cells"].values())
    if not name.endswith("_fair") and published["figures"]:
        assert sorted(cell for figure in published["figures"] for cell in figure["cells"]) == sorted(
            cell.id for cell in found.cells
        )


@pytest.mark.parametrize("name", PUBLISHED)
def test_fair_twin_holds_out_data_and_has_six_seeds(name, plan):
    cells = plan(f"experiment={name}_fair").cells
    assert {cell.config["select"]["data"] for cell in cells} == {"held_out"}
    assert {cell.config["seed"] for cell in cells} == set(range(6))
    budgets = {}
    for cell in cells:
        key = cell.choices["model"], cell.choices["optimizer"]
        budgets.setdefault(key, []).append(cell.config["max_epochs"])
    assert len({tuple(epochs) for epochs in budgets.values()}) == 1


def test_published_figures_do_not_make_the_identity(plan):
    """One's own cells with the same settings are the same cells."""
    [cell, *_] = plan("experiment=radam_cifar10").cells
    [other, *_] = plan("experiment=radam_cifar10", "published=null", "provenance=null", "known_deviations=[]").cells
    assert cell.id == other.id


# ── learning rates ──────────────────────────────────────────────────────────────────────────────


def rates(cell: Cell, num_steps: int, max_epochs: int = 1) -> list[float]:
    """Learning rate of each step, as optimizer and schedule of a cell give it."""
    import torch

    from sweeplab.build import build

    weight = torch.zeros(2, 2, requires_grad=True)
    optimizer = build(cell.config["optimizer"], trusted=[])([weight])
    scheduler = build(cell.config["scheduler"], trusted=[])(
        optimizer, steps_per_epoch=num_steps // max_epochs, max_epochs=max_epochs
    )
    found = []
    for _ in range(num_steps):
        found.append(optimizer.param_groups[0]["lr"])
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return found


def test_radam_has_the_rates_of_its_source(plan):
    adam, radam = plan("experiment=radam_cifar10").cells
    found = rates(radam, 390 * 20, 20)
    stated = {1: 2e-6, 500: 1e-3, 2500: 5.6e-4, 5000: 1e-5, 5001: 1e-5, 7800: 1e-5}
    assert {step: found[step - 1] for step in stated} == pytest.approx(stated)
    assert set(rates(adam, 10)) == {1e-3}


def test_fair_twin_of_radam_decays_over_the_whole_training_for_both(plan):
    cells = plan("experiment=radam_cifar10_fair").cells
    one, other = (next(c for c in cells if c.choices["optimizer"] == name) for name in ("keras_adam", "keras_radam"))
    num_steps = 351 * 4
    found = rates(one, num_steps, 4)
    assert found == rates(other, num_steps, 4)
    assert found[-1] == pytest.approx(1e-5)
    assert max(found) == pytest.approx(1e-3, rel=1e-2)


def test_keras_decay_of_cats_and_dogs_does_next_to_nothing(plan):
    for cell in plan("experiment=vgg16_cats_vs_dogs").cells:
        found = rates(cell, 2930, 5)
        lr = cell.config["lr"]
        assert (found[0], found[-1]) == (lr, pytest.approx(lr / (1 + 1e-6 * 2929)))


def test_adam_paper_has_rates_over_the_root_of_the_step(plan):
    for name in ("adam_paper_logreg_mnist", "adam_paper_logreg_imdb"):
        [cell, *_] = plan(f"experiment={name}").cells
        found = rates(cell, 400, 4)
        assert [found[n - 1] for n in (1, 4, 100, 400)] == pytest.approx(
            [cell.config["lr"] / r for r in (1, 2, 10, 20)]
        )


@pytest.mark.parametrize("name", ["impact_of_optimizers", "adam_generalization", "adam_paper_mlp_mnist"])
def test_others_have_a_constant_rate(name, plan):
    for cell in plan(f"experiment={name}").cells[:3]:
        assert set(rates(cell, 5)) == {cell.config["lr"]}


# ── two steps of each, on files of the true form ────────────────────────────────────────────────


def write_cifar10(root: Path) -> None:
    rng = np.random.default_rng(0)
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        batch = {b"data": rng.integers(0, 256, (40, 3072), dtype=np.uint8), b"labels": [i % 10 for i in range(40)]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))


def write_mnist(root: Path) -> None:
    rng = np.random.default_rng(0)
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for split, n in (("train", 200), ("t10k", 40)):
        images, labels = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), np.arange(n, dtype=np.uint8) % 10
        head = struct.pack(">4I", 0x0803, n, 28, 28)
        (folder / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images.tobytes()))
        (folder / f"{split}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(struct.pack(">2I", 0x0801, n) + labels.tobytes())
        )


def write_fashion_mnist(root: Path) -> None:
    write_mnist(root)
    (root / "MNIST").rename(root / "FashionMNIST")


def write_cats_and_dogs(root: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    folder = root / "cats_vs_dogs"
    folder.mkdir(parents=True)
    for i in range(5):
        for kind in ("cat", "dog"):
            pixels = rng.integers(0, 256, (60 + i, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{kind}.{i}.jpg")


def write_imdb(root: Path) -> None:
    rng = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(400)])
    for split in ("train", "test"):
        for kind in ("pos", "neg"):
            folder = root / "aclImdb" / split / kind
            folder.mkdir(parents=True)
            for i in range(50):
                (folder / f"{i}_7.txt").write_text(" ".join(rng.choice(words, 100)), encoding="utf-8")


# files of a data set, and what a smaller number of them asks for
SMALL = {
    "cifar10": (write_cifar10, ["dataset.num_train=200", "dataset.num_test=40", "dataset.val_size=20"]),
    "mnist": (write_mnist, ["dataset.num_train=200", "dataset.num_test=40", "dataset.val_size=20"]),
    "fashion_mnist": (write_fashion_mnist, ["dataset.num_train=200", "dataset.num_test=40", "dataset.val_size=20"]),
    "cats_vs_dogs": (write_cats_and_dogs, ["dataset.num_train=6", "dataset.test_size=4", "dataset.val_size=2"]),
    "imdb": (
        write_imdb,
        ["dataset.num_train=100", "dataset.num_test=100", "dataset.val_size=20", "dataset.num_words=300"],
    ),
    "digits": (lambda root: None, []),
}


@pytest.fixture
def one_thread():
    """Several processes run tests at once, and their threads would wait for each other's cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small_plan(name: str, root: Path):
    [first, *_] = plan_of([f"experiment={name}"]).cells
    write, lines = SMALL[first.choices["dataset"]]
    write(root / "data")
    batch_size = 2 if first.choices["model"] in ("vgg16_gap", "alexnet_cifar") else 6
    places = [f"runtime.output_dir={root}/out", f"runtime.data_dir={root}/data", "runtime.accelerator=cpu"]
    fast = [f"batch_size={batch_size}", "eval_batch_size=8", "max_epochs=1", "limit_batches=2", "tracker=none"]
    return plan_of([f"experiment={name}", *lines, *places, *fast])


def one_of_each(cells, *groups):
    """The first cell for each choice in these groups."""
    found = {}
    for cell in cells:
        found.setdefault(tuple(cell.choices.get(group) for group in groups), cell)
    return list(found.values())


def initial_loss(cell: Cell) -> float:
    """Cross entropy of the untrained model on a validation batch."""
    import torch
    from torch.nn import functional as F

    from sweeplab.build import build
    from sweeplab.start import seed_everything
    from sweeplab.training import BATCHING, build_model

    config = cell.config
    data = build(config["dataset"], trusted=[])
    loaders = data.loaders(
        seed=0,
        device="cpu",
        workers=0,
        steps_per_call=1,
        select_data=config["select"]["data"],
        **{key: config[key] for key in BATCHING},
    )
    seed_everything(0, "initial weights")
    model, preprocess = build_model(config), build(config["preprocess"], trusted=[])
    if hasattr(preprocess, "fit"):
        preprocess.fit(loaders.examples, data.array_folder)
    x, y = next(iter(loaders.val))
    with torch.no_grad():
        return float(F.cross_entropy(model(preprocess(x)), y))


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@every_experiment
def test_trains_two_steps_from_the_loss_of_a_guess(name, tmp_path):
    from sweeplab.run import Surroundings, run_cell

    found = small_plan(name, tmp_path)
    # a twin is made of the same parts
    cells = one_of_each(found.cells, "model", *([] if name.endswith("_fair") else ["optimizer", "scheduler"]))
    results = [run_cell(cell, record.cell_folder(f"{tmp_path}/out", cell.id), Surroundings()) for cell in cells]
    assert [(result["state"], result["error"]) for result in results] == [("completed", None)] * len(results)
    assert {result["steps"] for result in results} == {2}
    for model in {cell.choices["model"] for cell in found.cells}:
        [cell, *_] = [cell for cell in found.cells if cell.choices["model"] == model]
        num_classes = cell.config["dataset"]["num_classes"]
        assert initial_loss(cell) == pytest.approx(math.log(num_classes), abs=0.35)
        same = [result for result in results if result["config"]["model"] == cell.config["model"]]
        assert len({result["initial_weights_hash"] for result in same}) == 1
        assert len({result["data_order_hash"] for result in same}) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_rate_of_1e_15_trains_nothing(tmp_path):
    """The failure of adam_generalization has this cause, and is kept as the failure that it was."""
    from sweeplab.run import Surroundings, run_cell

    found = small_plan("adam_generalization", tmp_path)
    [cell] = [cell for cell in found.cells if cell.choices["optimizer"] == "nadam"]
    folder = record.cell_folder(f"{tmp_path}/out", cell.id)
    result = run_cell(cell, folder, Surroundings())
    [line] = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert result["metrics"]["val/loss"] == pytest.approx(initial_loss_of_all(cell), abs=1e-6)
    assert line["lr"] == 1e-15


def initial_loss_of_all(cell: Cell) -> float:
    """Validation loss of the same cell after no step at all: a rate of next to nothing on the plainest optimizer."""
    from sweeplab.run import Surroundings, run_cell

    config = {**cell.config, "lr": 1e-30, "optimizer": {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 1e-30}}
    still = Cell("0" * 12, config, cell.axes, cell.choices)
    folder = record.cell_folder(config["runtime"]["output_dir"], still.id)
    return run_cell(still, folder, Surroundings())["metrics"]["val/loss"]
