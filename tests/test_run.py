"""One cell, in this process: what is trained, chosen, tested and written."""

import json
import math

import pytest
import torch
from torch.nn import functional as F

from sweeplab import record
from sweeplab.build import build
from sweeplab.run import Surroundings, run_cell
from sweeplab.start import seed_everything, weights_hash
from sweeplab.stop import StopSignal
from sweeplab.verbs.plan import plan_of

FAST = (
    "dataset=synthetic",
    "dataset.separation=2",
    "model=mlp",
    "tracker=none",
    "runtime.accelerator=cpu",
)


@pytest.fixture
def run(tmp_path):
    """Trains the cell of a line of overrides; gives its result and its folder."""

    def _run(*lines, around=None):
        places = (f"runtime.output_dir={tmp_path}/out", f"runtime.data_dir={tmp_path}/data")
        epochs = [] if any(line.startswith("debug=") for line in lines) else ["max_epochs=3"]
        [cell] = plan_of([*FAST, *places, *epochs, *lines]).cells
        folder = record.cell_folder(f"{tmp_path}/out", cell.id)
        return run_cell(cell, folder, around or Surroundings()), folder

    return _run


def lines_of(folder):
    return [json.loads(line) for line in folder.metrics.read_text().splitlines()]


def loaders_of(config):
    return build(config["dataset"], trusted=[]).loaders(
        batch_size=config["batch_size"],
        eval_batch_size=config["eval_batch_size"],
        seed=config["seed"],
        device=torch.device("cpu"),
        workers=0,
        steps_per_call=1,
        limit_batches=None,
        overfit_batches=0,
        drop_last=False,
        select_data="held_out",
    )


def test_result_holds_every_promised_key(run):
    """Whoever reads a record relies on these names."""
    result, folder = run()

    promised = [
        "schema_version",
        "cell_id",
        "state",
        "config",
        "axes",
        "metrics",
        "last_metrics",
        "best_epoch",
        "steps",
        "epochs",
        "wall_time_s",
        "train_time_s",
        "peak_memory_bytes",
        "num_parameters",
        "confusion_matrix",
        "initial_weights_hash",
        "data_order_hash",
        "provenance",
        "error",
    ]
    assert set(promised) <= set(json.loads(folder.result.read_text()))
    assert result["state"] == "completed"
    assert result["error"] is None
    assert {"python", "torch", "lightning", "sweeplab", "device", "git_commit", "git_dirty"} <= {
        *result["provenance"],
        "git_commit",
        "git_dirty",
    }
    assert record.read_state(folder) == "completed"


def test_training_equals_a_plain_loop(run):
    """Lightning, chunks of minibatches and sums on the device must not change a single bit of what is learnt."""
    result, folder = run("optimizer=adam", "lr=0.01", "seed=3")
    config = result["config"]
    loaders = loaders_of(config)
    seed_everything(3, "initial weights")
    model = build(config["model"], trusted=[]).to(memory_format=torch.channels_last)
    hashed = weights_hash(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    expected = []
    for epoch in range(3):
        loaders.train.set_epoch(epoch)
        total = correct = count = 0.0
        for [(x, y)] in loaders.train:
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            correct += (logits.argmax(1) == y).sum().item()
            count += len(y)
        with torch.no_grad():
            [(x, y)] = list(loaders.val)
            val = F.cross_entropy(model(x), y).item()
        expected.append({"train/loss": total / count, "train/accuracy": correct / count, "val/loss": val})

    measured = [{key: line[key] for key in expected[0]} for line in lines_of(folder)]
    assert hashed == result["initial_weights_hash"]
    for one, other in zip(measured, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def test_steps_count_optimizer_updates(run):
    """384 examples in batches of 100 are 4 steps an epoch: the last, smaller batch counts."""
    result, folder = run("batch_size=100")

    assert result["steps"] == 3 * math.ceil(384 / 100)
    assert [line["step"] for line in lines_of(folder)] == [4, 8, 12]


def test_tested_weights_are_those_that_validation_chose(run):
    """The kept checkpoint, evaluated by hand, gives the recorded test figures and the best validation figure."""
    result, folder = run("lr=0.05", "max_epochs=6", "runtime.keep_checkpoints=true", "dataset.separation=1")
    config = result["config"]
    [checkpoint] = folder.checkpoints.glob("*.ckpt")
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    model = build(config["model"], trusted=[])
    model.load_state_dict(
        {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
    )
    model.eval()
    loaders = loaders_of(config)
    with torch.no_grad():
        [(x, y)] = list(loaders.test)
        predicted = model(x).argmax(1)
    lines = lines_of(folder)
    best = max(lines, key=lambda line: line["val/accuracy"])

    assert result["metrics"]["test/accuracy"] == pytest.approx((predicted == y).float().mean().item())
    assert result["metrics"]["val/accuracy"] == best["val/accuracy"]
    assert result["best_epoch"] == best["epoch"]
    assert result["last_metrics"]["val/accuracy"] == lines[-1]["val/accuracy"]
    counts = torch.zeros(4, 4, dtype=int)
    for true, guess in zip(y, predicted, strict=True):
        counts[true, guess] += 1
    assert result["confusion_matrix"] == counts.tolist()


def test_checkpoints_are_gone_unless_asked_for(run):
    """10,000 cells must not leave 10,000 files of weights."""
    _, folder = run()

    assert not folder.checkpoints.exists()


def test_test_figures_are_not_seen_before_the_choice(run):
    """No line of the epochs holds a test figure."""
    result, folder = run()

    assert not [key for line in lines_of(folder) for key in line if key.startswith("test/")]
    assert "test/accuracy" in result["metrics"]
    assert "test/accuracy" not in result["last_metrics"]


def test_same_seed_gives_the_same_record(run, tmp_path):
    """All but times and places is equal, bit by bit."""
    first, _ = run("optimizer=radam")
    second, folder = run("optimizer=radam", around=Surroundings(rerun=True))

    for key in ("metrics", "last_metrics", "initial_weights_hash", "data_order_hash", "confusion_matrix", "steps"):
        assert first[key] == second[key]
    assert second["attempt"] == 2
    assert (folder.path / "attempts" / "1" / "result.json").exists()


@pytest.mark.parametrize("other", ["optimizer=sgdm", "lr=0.5", "optimizer=adamw"])
def test_cells_of_one_seed_are_paired(run, other):
    """Initial weights and data order depend on seed, model and data set, never on the optimizer."""
    first, _ = run("dataset/augment=crop_flip")
    second, _ = run("dataset/augment=crop_flip", other)

    assert first["initial_weights_hash"] == second["initial_weights_hash"]
    assert first["data_order_hash"] == second["data_order_hash"]


def test_another_seed_is_another_start(run):
    """Otherwise seeds would not be replicates."""
    first, _ = run()
    second, _ = run("seed=1")

    assert first["initial_weights_hash"] != second["initial_weights_hash"]
    assert first["data_order_hash"] != second["data_order_hash"]


def test_infinite_loss_ends_the_cell_as_diverged_at_that_step(run):
    """A plain loop with the same start finds the first loss that is not finite at the same step."""
    result, _ = run("optimizer=sgd", "lr=1e12", "max_epochs=20")
    config = result["config"]
    loaders = loaders_of(config)
    seed_everything(0, "initial weights")
    model = build(config["model"], trusted=[])
    optimizer = torch.optim.SGD(model.parameters(), lr=1e12)
    step = 0
    first = None
    for epoch in range(20):
        loaders.train.set_epoch(epoch)
        for [(x, y)] in loaders.train:
            loss = F.cross_entropy(model(x), y)
            step += 1
            if first is None and not torch.isfinite(loss):
                first = step
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    if first is None:
        pytest.fail("the loop was meant to diverge")
    assert result["state"] == "diverged"
    assert result["steps"] == first
    assert "not finite" in result["error"]["message"]


def test_schedule_is_stepped_after_every_update(run):
    """Keras' time decay: lr / (1 + decay * step), read at the last step of each epoch."""
    _, folder = run("scheduler=time_decay", "scheduler.decay=0.1", "lr=0.5", "optimizer=sgd")

    for line in lines_of(folder):
        assert line["lr"] == pytest.approx(0.5 / (1 + 0.1 * (line["step"] - 1)))


def test_plateau_schedule_listens_to_validation(run):
    """With no epoch good enough, each epoch after the patience divides the rate."""
    _, folder = run(
        "scheduler=reduce_on_plateau",
        "scheduler.patience=0",
        "scheduler.factor=0.1",
        "lr=1e-9",
        "optimizer=sgd",
        "max_epochs=4",
    )
    rates = [line["lr"] for line in lines_of(folder)]

    assert rates[0] == pytest.approx(1e-9)
    assert rates == sorted(rates, reverse=True)


def test_early_stopping_ends_training(run):
    """Nothing improves at a vanishing rate: `patience` epochs after the first, training ends."""
    result, _ = run(
        "early_stopping.enabled=true",
        "early_stopping.patience=2",
        "early_stopping.min_delta=0.1",
        "lr=1e-9",
        "max_epochs=20",
    )

    assert result["state"] == "completed"
    assert result["epochs"] == 3


def test_early_stopping_gives_up_when_the_baseline_is_not_beaten(run):
    """A loss below 0 cannot be: `patience` epochs are given, whatever the improvement."""
    result, _ = run(
        "early_stopping.enabled=true", "early_stopping.patience=3", "early_stopping.baseline=-1", "max_epochs=20"
    )

    assert result["epochs"] == 3


def test_gradient_clip_bounds_the_step_of_sgd(run):
    """With lr=1 and a norm of at most 0.01, n steps move the weights by at most n times 0.01."""
    result, folder = run(
        "optimizer=sgd", "lr=1", "gradient_clip=0.01", "max_epochs=1", "model=logistic", "runtime.keep_checkpoints=true"
    )
    [checkpoint] = folder.checkpoints.glob("*.ckpt")
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    seed_everything(0, "initial weights")
    model = build(result["config"]["model"], trusted=[])
    moved = sum((state[f"model.{key}"] - value).square().sum() for key, value in model.state_dict().items()).sqrt()

    assert 0 < moved <= result["steps"] * 0.01 + 1e-6


def test_overfit_preset_drives_the_training_loss_to_zero(run):
    """If one batch cannot be learnt by heart, something is broken."""
    result, _ = run("debug=overfit", "lr=0.01")

    assert result["last_metrics"]["train/loss"] < 0.01


def test_fast_preset_takes_three_batches(run):
    """The whole way in seconds."""
    result, _ = run("debug=fast")

    assert result["steps"] == 3


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_train(run, precision):
    """The recorded loss falls from that of guessing."""
    result, _ = run(f"precision={precision}")

    assert result["state"] == "completed", result["error"]
    assert result["metrics"]["train/loss"] < math.log(4)


def test_a_cell_that_raises_leaves_its_reason(run, tmp_path, monkeypatch):
    """Failure is a row: class, message and traceback are in the record."""
    (tmp_path / "broken_model.py").write_text("def make(**kwargs):\n    raise ValueError('no such layer')\n")
    monkeypatch.syspath_prepend(tmp_path)
    result, folder = run("model._target_=broken_model.make", "trusted_targets=[broken_model]")

    assert result["state"] == "failed"
    assert (
        result["error"]["message"].splitlines()[0].endswith("no such layer")
        or "no such layer" in result["error"]["message"]
    )
    assert "Traceback" in result["error"]["traceback"]
    assert record.read_result(folder)["state"] == "failed"


def test_memory_errors_have_a_state_of_their_own(run, tmp_path, monkeypatch):
    """Out of memory asks for another batch size, not for a look at the code."""
    source = "import torch\ndef make(**kwargs):\n    raise torch.OutOfMemoryError('CUDA out of memory')\n"
    (tmp_path / "hungry_model.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    result, _ = run("model._target_=hungry_model.make", "trusted_targets=[hungry_model]")

    assert result["state"] == "out_of_memory"


def test_told_to_stop_it_stops_and_says_so(run):
    """The epochs that were finished stay in the record."""
    stop = StopSignal()

    def notify(epoch, max_epochs, metrics):
        if epoch == 2:
            stop.state = record.INTERRUPTED

    result, folder = run("max_epochs=50", around=Surroundings(stop=stop, notify=notify))

    assert result["state"] == "interrupted"
    assert result["epochs"] == 2
    assert record.read_state(folder) == "interrupted"


def test_a_finished_cell_is_not_trained_again(run):
    """Its record is given back as it is."""
    first, folder = run()
    before = folder.result.read_bytes()
    second, _ = run()

    assert folder.result.read_bytes() == before
    assert second["metrics"] == first["metrics"]


def test_secrets_do_not_reach_the_record(run, tmp_path, monkeypatch):
    """A key in an exception's message is hidden before it is written."""
    monkeypatch.setenv("WANDB_API_KEY", "canary-0123456789abcdef0123456789abcdef")
    source = "import os\ndef make(**kwargs):\n    raise ValueError('denied for ' + os.environ['WANDB_API_KEY'])\n"
    (tmp_path / "leaky_model.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    _, folder = run("model._target_=leaky_model.make", "trusted_targets=[leaky_model]")

    written = b"".join(path.read_bytes() for path in folder.path.rglob("*") if path.is_file())
    assert b"denied for" in written
    assert b"canary-0123" not in written


@pytest.mark.gpu
def test_a_cell_trains_on_the_gpu(run):
    """And names it."""
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    result, _ = run("runtime.accelerator=gpu")

    assert result["state"] == "completed", result["error"]
    assert result["provenance"]["device"] == torch.cuda.get_device_name()


def test_the_record_does_not_wait_for_the_tracker(run, tmp_path, monkeypatch):
    """A tracker that hangs or dies at its end finds the result written."""
    (tmp_path / "late_tracker.py").write_text(
        "class Late:\n"
        "    def __init__(self, cell):\n"
        "        self.folder = cell.folder\n"
        "    def log(self, metrics, *, epoch, step):\n"
        "        pass\n"
        "    def finish(self, *, state, summary):\n"
        "        found = (self.folder / 'result.json').exists()\n"
        "        (self.folder / 'seen.txt').write_text(f'{state} {found}')\n"
        "        raise RuntimeError('the server has gone')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    result, folder = run(
        "tracker._target_=late_tracker.Late", "tracker._partial_=true", "trusted_targets=[late_tracker]"
    )

    assert (folder.path / "seen.txt").read_text() == "completed True"
    assert result["state"] == "completed"


# --- penalties, the epoch that is tested, preprocessing, optimizers that tell of themselves -------------------------


def test_objective_is_the_loss_and_the_penalty_of_the_weights(run):
    """Keras's l2 joins what is minimised; the loss by itself stays what it is everywhere else."""
    result, folder = run("l2=0.01", "model=logistic", "runtime.keep_checkpoints=true", "select.epoch=last")
    weights = torch.load(folder.checkpoints / "last.ckpt", weights_only=True)["state_dict"]
    penalty = 0.01 * float((weights["model.linear.weight"] ** 2).sum())
    metrics = result["metrics"]
    assert penalty > 0.001
    for split in ("val", "test"):
        assert metrics[f"{split}/objective"] - metrics[f"{split}/loss"] == pytest.approx(penalty, rel=1e-4)
    assert metrics["train/objective"] > metrics["train/loss"]


def test_without_a_penalty_there_is_no_objective(run):
    result, _ = run()
    assert not [name for name in result["metrics"] if name.endswith("objective")]


def test_penalty_pulls_as_decay_of_twice_its_size(run):
    """The gradient of l2 * w^2 is 2 * l2 * w: torch's weight_decay of 2 * l2, where nothing but kernels decays."""
    kernels = "parameter_groups=[{parameters:'*.weight',weight_decay:0.02}]"
    one, _ = run("optimizer=sgdm", "lr=0.1", "l2=0.01")
    other, _ = run("optimizer=sgdm", "lr=0.1", kernels)
    for name in ("train/loss", "val/loss", "test/loss"):
        assert one["metrics"][name] == pytest.approx(other["metrics"][name], rel=1e-4)


def test_last_epoch_is_tested_where_that_is_asked_for(run):
    lines = ("optimizer=sgdm", "lr=3", "dataset.separation=1", "max_epochs=6")
    best, folder = run(*lines)
    last, _ = run(*lines, "select.epoch=last")
    epochs = lines_of(folder)
    assert best["best_epoch"] < 6  # otherwise the two could not be told apart
    assert last["best_epoch"] == 6
    assert last["metrics"]["val/accuracy"] == epochs[-1]["val/accuracy"]
    assert best["metrics"]["val/accuracy"] == max(line["val/accuracy"] for line in epochs)
    assert last["metrics"]["test/loss"] != best["metrics"]["test/loss"]


def test_validation_may_be_the_test_split(run):
    result, _ = run("select.data=test", "select.epoch=last")
    metrics = result["metrics"]
    assert metrics["val/loss"] == pytest.approx(metrics["test/loss"], rel=1e-6)
    assert metrics["val/accuracy"] == metrics["test/accuracy"]
    assert result["steps"] == 3 * 16  # all 512 examples, 32 at a time


def test_switch_of_swats_is_among_the_metrics(run):
    result, folder = run("optimizer=swats", "optimizer.tolerance=10", "optimizer.granularity=global")
    [first, *_] = lines_of(folder)
    assert first["optimizer/switched_share"] == 1.0
    assert first["optimizer/sgd_lr"] > 0
    assert result["metrics"]["optimizer/first_switch_step"] >= 2


def test_whitening_is_fitted_once_for_all_cells(run):
    one, folder = run("preprocess=zca", "seed=0")
    run("preprocess=zca", "seed=1")
    assert one["state"] == "completed"
    root = folder.path.parents[2] / "data"
    assert len(list(root.rglob("zca-*.npy"))) == 1


def test_initial_weights_follow_the_scheme_and_the_seed(run):
    hashes = {
        (scheme, seed): run(f"init={scheme}", f"seed={seed}", "max_epochs=1")[0]["initial_weights_hash"]
        for scheme in ("default", "glorot_uniform")
        for seed in (0, 1)
    }
    assert len(set(hashes.values())) == 4


def test_pattern_that_fits_no_parameter_fails_the_cell_in_words(run):
    result, _ = run("parameter_groups=[{parameters:'stem.*',l2:0.1}]")
    assert result["state"] == "failed"
    assert "'stem.*' fits no parameter of this model" in result["error"]["message"]
