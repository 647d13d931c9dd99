"""Identity and names: what makes two cells one, and what never does."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeplab.cell import (
    Cell,
    axis_value,
    canonical,
    differences,
    flatten,
    identify,
    is_circumstance,
    label,
    science,
    setting_key,
)

# Written by hand, so that no changed default of conf/ touches it.
CONFIG: dict[str, Any] = {
    "lr": 0.001,
    "seed": 0,
    "deterministic": False,
    "gradient_clip": None,
    "optimizer": {"_target_": "torch.optim.Adam", "betas": [0.9, 0.999], "lr": 0.001},
    "dataset": {"_target_": "sweeplab.data.digits.Digits", "root": "data", "download": True, "val_size": 240},
    "name": None,
    "tags": [],
    "tracker": {"_target_": "sweeplab.tracking.none.NoTracker"},
    "runtime": {"output_dir": "outputs", "workers": 0},
    "trusted_targets": [],
    "circumstance": ["dataset.root", "dataset.download", "trusted_targets"],
}


def changed(dotted: str, value: Any, config: Mapping[str, Any] = CONFIG) -> dict[str, Any]:
    first, _, rest = dotted.partition(".")
    return {**config, first: changed(rest, value, config.get(first) or {}) if rest else value}


def backwards(value: Any) -> Any:
    """The same mappings with their keys in the opposite order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(below) for below in value] if isinstance(value, list) else value


# --- identity ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "2e4cfd5022ca"),
        ({"lr": 0.01}, "2847a937ca72"),
        ({"seed": 1, "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.001, "name": "größer"}}, "02857fbd4974"),
    ],
)
def test_ids_never_change(change, expected):
    """Ids are folder names of results that people keep: renew these only together with `SCHEMA_VERSION`.

    They were made by `sha256sum` from canonical JSON typed by hand, not by this code.
    """
    assert identify({**CONFIG, **change}) == expected


def test_an_id_is_the_hash_of_the_scientific_part_as_sorted_compact_json():
    """Anybody can compute an id without sweeplab."""
    counted = {key: CONFIG[key] for key in ("lr", "seed", "deterministic", "gradient_clip", "optimizer")}
    counted["dataset"] = {"_target_": "sweeplab.data.digits.Digits", "val_size": 240}
    text = json.dumps(counted, sort_keys=True, separators=(",", ":"))

    assert identify(CONFIG) == hashlib.sha256(text.encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    ("one", "other"),
    [(1e-3, 0.001), (1.0, 1), (-0.0, 0), (1e22, 10**22), ((1, 2.0), [1, 2]), ([0.5, {"a": 3.0}], [5e-1, {"a": 3}])],
)
def test_spellings_of_one_value_make_one_cell(one, other):
    assert identify(changed("lr", one)) == identify(changed("lr", other))


@pytest.mark.parametrize(
    ("one", "other"),
    [(True, 1), (False, 0), ("1", 1), (None, "null"), (None, False), ([], None), ([1], 1), (0.1, 0.1 + 2**-56)],
)
def test_different_values_make_different_cells(one, other):
    assert identify(changed("lr", one)) != identify(changed("lr", other))


def test_infinities_and_nan_have_an_identity_too():
    """YAML has .nan and .inf; JSON has neither, and an id must not depend on what a library makes of them."""
    ids = [identify(changed("lr", value)) for value in (math.nan, math.inf, -math.inf, None, "nan")]

    assert len(set(ids)) == len(ids)
    assert identify(changed("lr", float("nan"))) == ids[0]


def test_the_order_of_keys_does_not_count():
    assert list(backwards(CONFIG)) != list(CONFIG)
    assert identify(backwards(CONFIG)) == identify(CONFIG)


def test_the_order_of_a_list_counts():
    assert identify(changed("optimizer.betas", [0.999, 0.9])) != identify(CONFIG)


@pytest.mark.parametrize(
    "key",
    [
        "runtime.workers",
        "runtime.something_new",
        "tracker.project",
        "name",
        "tags",
        "dataset.root",
        "dataset.download",
        "trusted_targets",
        "hydra.job.num",
    ],
)
def test_circumstance_stays_out_of_the_identity(key):
    assert identify(changed(key, "changed")) == identify(CONFIG)


@pytest.mark.parametrize(
    "key",
    ["lr", "seed", "gradient_clip", "optimizer.betas", "dataset.val_size", "optimizer.new", "new", "runtimes", "named"],
)
def test_every_other_key_counts(key):
    assert identify(changed(key, "changed")) != identify(CONFIG)


def test_a_key_without_its_value_is_not_the_key_with_null():
    without = {key: value for key, value in CONFIG.items() if key != "gradient_clip"}

    assert identify(without) != identify(CONFIG)


def test_users_name_their_own_circumstance():
    """An entry under `circumstance` takes its key out of the identity, and naming it does not itself count."""
    config = changed("dataset.cache.size", 5)
    listed = {**config, "circumstance": [*CONFIG["circumstance"], "dataset.cache.size", "no.such.key"]}

    assert identify(listed) == identify(changed("dataset.cache.size", 6, listed))
    assert identify(config) != identify(changed("dataset.cache.size", 6))


@pytest.mark.parametrize("circumstance", [None, []])
def test_circumstance_may_be_empty(circumstance):
    assert science({"lr": 1, "name": "x", "circumstance": circumstance}) == {"lr": 1}


def test_science_changes_nothing_in_the_configuration_it_reads():
    before = json.dumps(CONFIG)
    kept = science(CONFIG)

    assert json.dumps(CONFIG) == before
    assert "root" not in kept["dataset"]


def test_a_value_that_yaml_could_not_give_has_no_canonical_form():
    with pytest.raises(TypeError, match="holds text, numbers, booleans, lists and mappings, got complex"):
        canonical({"lr": 1j})


@pytest.mark.parametrize(("key", "expected"), [("runtime.workers", True), ("tags", True), ("runtimes.x", False)])
def test_the_words_for_circumstance_are_whole_keys(key, expected):
    assert is_circumstance(key) is expected


# --- canonical form, on anything that YAML can hold ----------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
configs = st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=6)


@given(values)
def test_the_canonical_form_is_its_own_canonical_form(value):
    assert canonical(canonical(value)) == canonical(value)


@given(values)
def test_the_canonical_form_is_strict_json(value):
    text = json.dumps(canonical(value), allow_nan=False)

    assert canonical(json.loads(text)) == canonical(value)


@given(values)
def test_the_canonical_form_keeps_booleans_apart_from_numbers(value):
    def booleans(node: Any) -> int:
        if isinstance(node, dict):
            return sum(map(booleans, node.values()))
        return sum(map(booleans, node)) if isinstance(node, list) else isinstance(node, bool)

    assert booleans(canonical(value)) == booleans(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_canonical_form_of_a_number_is_that_number(value):
    assert canonical(value) == value


@given(configs)
def test_key_order_never_counts(config):
    assert identify(backwards(config)) == identify(config)


@given(configs, st.text(min_size=1, max_size=8), st.integers())
def test_circumstance_never_counts(config, key, value):
    assert identify({**config, "runtime": {key: value}, "name": key}) == identify(
        {key: value for key, value in config.items() if key not in ("runtime", "name")}
    )


@given(configs)
def test_an_id_is_twelve_hex_digits(config):
    assert len(identify(config)) == 12
    assert set(identify(config)) <= set("0123456789abcdef")


# --- differences ----------------------------------------------------------------------------------------------------


def test_differences_say_which_keys_count():
    other = changed("lr", 0.01, changed("runtime.workers", 4, changed("dataset.root", "elsewhere")))

    assert differences(CONFIG, other) == [
        ("lr", 0.001, 0.01, True),
        ("dataset.root", "data", "elsewhere", False),
        ("runtime.workers", 0, 4, False),
    ]


def test_a_key_that_one_side_lacks_is_shown_as_absent():
    other = changed("optimizer", {"_target_": "torch.optim.Adam", "betas": [0.9, 0.999], "lr": 0.001, "eps": 1e-8})

    assert differences(CONFIG, other) == [("optimizer.eps", "(absent)", 1e-8, True)]
    assert differences(other, CONFIG) == [("optimizer.eps", 1e-8, "(absent)", True)]


def test_spellings_are_no_difference():
    assert differences(changed("lr", 1.0), changed("lr", 1)) == []


words = st.text("abc", max_size=2)
plain = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2))
pairs = st.tuples(*[st.dictionaries(words, plain, max_size=2)] * 2)


@given(pairs)
def test_ids_differ_exactly_when_a_counted_key_does(pair):
    """What `explain` shows is the whole truth about two ids."""
    differs = any(counted for *_, counted in differences(*pair))

    assert differs == (identify(pair[0]) != identify(pair[1]))


def test_flatten_keeps_lists_and_empty_mappings_as_leaves():
    assert flatten({"a": {"b": [1, {"c": 2}], "d": {}}, "e": 1}) == {"a.b": [1, {"c": 2}], "a.d": {}, "e": 1}


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({"optimizer": "adam", "lr": 0.001, "seed": 0}, "adam lr=0.001 seed=0"),
        ({"optimizer.momentum": 0.9, "gradient_clip": None}, "momentum=0.9"),
        ({"lr": 1e-5, "deterministic": True}, "lr=1e-05 deterministic=True"),
        ({"model.hidden_sizes": [64, 32]}, "hidden_sizes=[64, 32]"),
        ({}, "cell"),
    ],
)
def test_a_label_reads_well(axes, expected):
    assert label(axes) == expected
    assert Cell("0", {}, axes).label == expected


def test_a_setting_is_a_cell_without_its_seed():
    axes = {"optimizer": "adam", "lr": 1e-3}

    assert setting_key({**axes, "seed": 0}) == setting_key({"seed": 7, "lr": 0.001, "optimizer": "adam"})
    assert setting_key({**axes, "seed": 0}) != setting_key({**axes, "lr": 1e-4, "seed": 0})


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("optimizer", "adam"),
        ("optimizer.lr", 0.1),
        ("model", {"width": 3}),
        ("optimizer.momentum", None),
        ("absent.deep", None),
        ("nothing", None),
    ],
)
def test_a_cell_stands_on_an_axis_by_its_choice_or_its_value(key, expected):
    config = {"optimizer": {"lr": 0.1}, "model": {"width": 3}, "nothing": None}

    assert axis_value(key, config, {"optimizer": "adam"}) == expected
