"""How long cells will take: from finished cells of the same model, data set and batch size, and from no others."""

import pytest

from sweeplab import record
from sweeplab.estimate import Estimate, estimate, finished, kind, seconds_per_epoch


def result(config, *, epochs=1, seconds=1.0, state=record.COMPLETED):
    return {"state": state, "epochs": epochs, "wall_time_s": seconds, "config": config}


def test_a_cell_takes_the_median_time_of_an_epoch_of_its_likes_times_its_epochs(make_cell, finish, tmp_path):
    """Likes: 1, 2 and 9 s an epoch, so 2; four epochs are 8 s, eight are 16."""
    for seed, (epochs, seconds) in enumerate([(2, 2.0), (3, 6.0), (1, 9.0)]):
        finish(tmp_path, make_cell(seed=seed, max_epochs=epochs), epochs=epochs, wall_time_s=seconds)
    cells = [make_cell(seed=10, max_epochs=4), make_cell(lr=0.5, max_epochs=8)]

    assert estimate(cells, str(tmp_path)) == Estimate(seconds=24.0, known=2, unknown=0)


def test_a_cell_without_likes_is_counted_as_unknown(make_cell, finish, tmp_path):
    finish(tmp_path, make_cell(), epochs=1, wall_time_s=3.0)
    others = [
        make_cell(batch_size=64),
        make_cell(model={"_target_": "torch.nn.Identity", "width": 2}),
        make_cell(dataset={"_target_": "sweeplab.data.synthetic.Synthetic"}),
    ]

    assert estimate([make_cell(seed=1, max_epochs=2), *others], str(tmp_path)) == Estimate(6.0, known=1, unknown=3)


def test_nothing_is_known_without_records(make_cell, tmp_path):
    assert estimate([make_cell()], str(tmp_path / "none")) == Estimate(0, known=0, unknown=1)


def test_what_cannot_change_a_result_does_not_change_its_kind(make_cell):
    """Data that were moved train as fast as before."""
    moved = {"_target_": "sweeplab.data.digits.Digits", "root": "elsewhere"}

    assert kind(make_cell(dataset=moved, lr=5, seed=7, batch_size=32.0).config) == kind(make_cell().config)


@pytest.mark.parametrize("state", [record.DIVERGED, *record.FAILURE_STATES])
def test_only_cells_that_ended_well_tell_a_time(state, make_cell):
    config = make_cell().config

    assert seconds_per_epoch([result(config, state=state), result(config, seconds=5.0)]) == {kind(config): 5.0}


@pytest.mark.parametrize("lacking", [{"epochs": 0}, {"seconds": None}, {"seconds": 0.0}])
def test_a_record_without_time_or_epochs_tells_nothing(lacking, make_cell):
    assert seconds_per_epoch([result(make_cell().config, **lacking)]) == {}


def test_damaged_records_are_passed_over(make_cell, finish, tmp_path):
    cells = [make_cell(seed=seed) for seed in (0, 1)]
    folders = [finish(tmp_path, cell, epochs=1, wall_time_s=1.0) for cell in cells]
    folders[0].result.write_bytes(folders[0].result.read_bytes()[:-2])

    assert [found["cell_id"] for found in finished(str(tmp_path))] == [cells[1].id]
