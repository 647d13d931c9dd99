"""Guards G2 and G4: how many seeds stand behind a figure, and which were lost."""

from by_hand import evidence, grid, said

from sweeplab.compare.guards import look

AXES = ["optimizer", "seed"]


def test_one_seed_everywhere_is_said_once():
    [words] = said("G2", evidence(grid(optimizer=["adam", "sgd"], seed=[0]), AXES))
    assert words.startswith("n=1 in every setting: no uncertainty")


def test_settings_of_one_or_two_seeds_are_named():
    rows = [
        *grid(optimizer=["adam"], seed=[0, 1, 2]),
        *grid(optimizer=["sgd"], seed=[0]),
        *grid(optimizer=["lion"], seed=[0, 1]),
    ]
    assert said("G2", evidence(rows, AXES)) == [
        "sgd: n=1, no uncertainty",
        "lion: n=2: a standard deviation, but no interval below n=3",
    ]


def test_three_seeds_are_silent():
    assert said("G2", evidence(grid(optimizer=["adam", "sgd"], seed=[0, 1, 2]), AXES)) == []


def test_lost_cells_are_counted_of_all():
    rows = grid(optimizer=["adam", "sgd"], seed=range(5))
    rows[4]["state"] = "diverged"
    rows[9] |= {"state": "out_of_memory", "val/accuracy": None}
    rows[8] |= {"state": "diverged", "val/accuracy": None}
    found = [remark for remark in look(evidence(rows, AXES)) if remark.guard == "G4"]
    assert [remark.words for remark in found] == [
        "adam (1 diverged of 5), sgd (1 diverged, 1 out of memory of 5): lost cells; means are over those completed"
    ]
    assert [remark.cells for remark in found] == [("c4", "c8", "c9")]


def test_setting_that_lost_all_has_no_figure():
    rows = [{"optimizer": "adam"}, {"optimizer": "sgd", "state": "failed"}]
    assert said("G4", evidence(rows, AXES[:1])) == ["sgd (1 failed of 1): every cell lost; no figure"]


def test_cells_to_come_are_told_apart_from_lost_ones():
    rows = [{"optimizer": "adam"}, {"optimizer": "sgd", "state": "running"}, {"optimizer": "lion", "state": "pending"}]
    assert said("G4", evidence(rows, AXES[:1])) == ["2 of 3 cells have not ended yet: these figures will change"]


def test_complete_sweep_is_silent():
    assert said("G4", evidence(grid(optimizer=["adam", "sgd"], seed=[0, 1]), AXES)) == []
