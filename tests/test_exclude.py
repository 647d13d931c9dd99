"""Cells left out: by partial match, by expression, and never by a typing error."""

import pytest

from sweeplab.compose import Composition
from sweeplab.errors import ConfigFault
from sweeplab.exclude import exclusions, look_up
from sweeplab.expression import UnknownName

SGDM = Composition(
    {
        "lr": 1e-5,
        "batch_size": 128,
        "deterministic": True,
        "gradient_clip": None,
        "optimizer": {"_target_": "torch.optim.SGD", "momentum": 0.9},
        "model": {"hidden_sizes": [64, 32]},
    },
    {"optimizer": "sgdm", "dataset/augment": "none"},
)
ADAM = Composition(
    {"lr": 1e-3, "batch_size": 1, "deterministic": False, "optimizer": {"betas": [0.9, 0.999]}}, {"optimizer": "adam"}
)


@pytest.mark.parametrize(
    ("rule", "sgdm", "adam"),
    [
        ({"optimizer": "sgdm"}, True, False),
        ({"optimizer": "sgdm", "lr": 1e-5}, True, False),
        ({"optimizer": "sgdm", "lr": 1e-3}, False, False),
        ({"optimizer": ["sgdm", "adam"]}, True, True),
        ({"optimizer": ["adam", "radam"], "lr": [0.1, 0.001]}, False, True),
        ({"lr": 0.00001}, True, False),
        ({"batch_size": 128.0}, True, False),
        ({"optimizer.momentum": 0.9}, True, False),
        ({"dataset/augment": "none"}, True, False),
        ({"gradient_clip": None}, True, False),
        # a list is any of its values, and also itself
        ({"model.hidden_sizes": [64, 32]}, True, False),
        ({"model.hidden_sizes": [[64], [64, 32]]}, True, False),
        ({"model.hidden_sizes": [32, 64]}, False, False),
        # true is not 1
        ({"deterministic": True}, True, False),
        ({"deterministic": 1}, False, False),
        ({"batch_size": True}, False, False),
        # text is not a number
        ({"lr": "1e-5"}, False, False),
        ("lr < 1e-4 and batch_size >= 128", True, False),
        ("optimizer == 'adam' or lr == 1e-5", True, True),
        ("optimizer.momentum > 0.5", True, False),
        ("not deterministic", False, True),
        ("model.hidden_sizes[0] == 64", True, False),
    ],
    ids=str,
)
def test_a_rule_leaves_out_what_it_describes(rule, sgdm, adam):
    [exclusion] = exclusions([rule])

    assert exclusion.matches(SGDM) is sgdm
    assert exclusion.matches(ADAM) is adam


@pytest.mark.parametrize("rule", [{"optimizer.momentum": 0.9}, {"optimizer": "sgdm", "gradient_clip": 1}])
def test_a_key_that_only_some_cells_have_is_no_typing_error(rule):
    [exclusion] = exclusions([rule])

    assert exclusion.matches(ADAM) is False
    assert exclusion.names == set(rule)
    exclusion.check_names([ADAM, SGDM])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"optimzer": "adam"},
            r"no cell has the key 'optimzer' \(did you mean 'optimizer'\?\) · in the rule optimzer=adam",
        ),
        ("lrr < 1", r"no cell has the key 'lrr' \(did you mean 'lr'\?\) · in the rule lrr < 1"),
        ({"lr": 1, "optimizer.momentun": 2}, r"'optimizer.momentun' \(did you mean 'optimizer.momentum'\?\)"),
        ({"lr.deep": 1}, r"no cell has the key 'lr.deep'"),
    ],
)
def test_a_key_that_no_cell_has_is_a_typing_error(rule, message):
    [exclusion] = exclusions([rule])

    with pytest.raises(ConfigFault, match=f"hydra.sweeper.exclude: .*{message}"):
        exclusion.check_names([SGDM, ADAM])


@pytest.mark.parametrize("rule", [{}, 5, None, ["lr", 1]])
def test_a_rule_is_a_mapping_or_an_expression(rule):
    with pytest.raises(ConfigFault, match=r"takes mappings \{optimizer: sgd, lr: 1e-5\} or expressions, got"):
        exclusions([rule])


def test_an_expression_that_cannot_be_read_is_a_fault():
    with pytest.raises(ConfigFault, match="has a fault at character"):
        exclusions(["lr <"])


def test_a_group_answers_with_its_choice_and_its_keys_with_their_values():
    assert look_up(SGDM, "optimizer") == "sgdm"
    assert look_up(SGDM, "optimizer.momentum") == 0.9
    assert look_up(SGDM, "model") == {"hidden_sizes": [64, 32]}
    with pytest.raises(UnknownName):
        look_up(SGDM, "optimizer.momentum.deep")
