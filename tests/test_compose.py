"""Composition equals Hydra's own, cell by cell, whatever was composed before."""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweeplab.compose import Composer, Composition
from sweeplab.errors import ConfigFault
from sweeplab.explanation import explain
from sweeplab.grid import AxisParser, Rules, expand

# Each is the words of one command line; every cell of each is compared with Hydra's own composition.
LINES: list[list[str]] = [
    [],
    # plain values
    ["lr=0.1"],
    ["lr=1e-3,1e-5"],
    ["lr=1,1.0"],
    ["lr=1e-3", "lr=1e-2"],
    ["lr=null,0.1"],
    ["lr=nan", "weight_decay=inf", "gradient_clip=-inf"],
    ["seed=-1,1_000"],
    ["deterministic=true,False"],
    ["gradient_clip=1.0,null"],
    ["gradient_clip=???,1"],
    ["early_stopping.enabled=true", "early_stopping.patience=1,2"],
    ["early_stopping=null"],
    ["early_stopping.patience=2", "early_stopping=null,3"],
    ["runtime.output_dir=a,b", "seed=1"],
    ["model.hidden_sizes.0=512,16"],
    ["optimizer.betas.1=0.99,0.9"],
    # text
    ["name=a_word", "runtime.data_dir=/some/where", "runtime.output_dir=../else", "precision=bf16-mixed"],
    ["name='a word'", "runtime.data_dir='a, b'", "runtime.output_dir='c = d'", "select.monitor='{e: [f]}'"],
    ['name="it\'s"', "runtime.data_dir='say \"x\"'", "runtime.output_dir=a\\,b", "select.monitor='größe'"],
    ["name='1e-3'", "runtime.data_dir='true'", "runtime.output_dir='null'", "select.monitor=''"],
    ["name='\\${lr}'", "runtime.data_dir='a\\\\b'", "runtime.output_dir=a:b", "select.monitor='#x'"],
    ["name='a, b','c = d'"],
    # groups
    ["optimizer=sgdm"],
    ["optimizer=adam,sgdm", "lr=1e-3,1e-5"],
    ["lr=1e-5", "optimizer=sgdm,adam"],
    ["model=lenet,logistic", "dataset=synthetic"],
    ["dataset/augment=crop_flip,none"],
    ["dataset=synthetic", "dataset/augment=shift"],
    ["dataset=cifar10", "dataset/augment=crop_flip", "dataset.download=false"],
    ["debug=fast"],
    ["debug=fast,overfit", "max_epochs=7"],
    ["+optimizer@second=sgdm,adam"],
    ["scheduler=cosine", "scheduler.min_lr_ratio=0.1,0.2"],
    ["~scheduler"],
    ["~optimizer", "lr=1"],
    ["tracker=none"],
    ["tracker=wandb", "tracker.mode=offline"],
    ["experiment=grid"],
    ["experiment=grid", "optimizer=radam", "max_epochs=1"],
    ["experiment=listed,ruled"],
    # new and deleted keys
    ["+momentum=0.9,0.99"],
    ["++lr=0.5,0.25"],
    ["++new.deep.key=1,2"],
    ["+new={a:1,b:{c:2}}"],
    ["+new={a:1}", "+new.b=3,4"],
    ["+new=[1,2],[3]"],
    ["+optimizer.foreach=true,false", "lr=0.1,0.2"],
    ["optimizer=sgdm,nesterov", "++optimizer.momentum=0.8"],
    ["~optimizer.betas"],
    ["~optimizer.betas", "lr=1,2"],
    ["~optimizer.eps=1e-8"],
    # lists and mappings
    ["model.hidden_sizes=[]"],
    ["model.hidden_sizes=[64],[64,32]", "lr=1"],
    ["optimizer.betas=[0.8,0.9],[0.9,0.95]"],
    ["tags=[a,'b c',null,true,1e-3]"],
    ["early_stopping={patience:1}"],
    ["early_stopping={patience:1},{enabled:true}", "early_stopping.mode=max"],
    ["trusted_targets=[my_package]"],
    # interpolations
    ["optimizer.lr=0.5,0.25"],
    ["optimizer.lr=0.5", "lr=1,2"],
    ["optimizer.lr=${weight_decay}", "weight_decay=1,2"],
    ["max_epochs=${batch_size},${seed}", "batch_size=16"],
    ["name=run-${seed}-${optimizer.lr}", "seed=0,1", "lr=1"],
    ["weight_decay=${oc.env:SWEEPLAB_TEST_ABSENT,0.5}"],
    ["+copy=${optimizer}", "lr=1,2"],
    ["+copy=${model.hidden_sizes}", "model.hidden_sizes=[1],[2]"],
    ["+copy=${optimizer.lr}", "+copies='${copy}-${copy}'", "lr=1,2"],
    ["dataset.num_classes=3,4"],
    ["dataset.shape=[3,8,8]", "model=lenet,mlp"],
    ["+job=${hydra:job.name}"],
    ["+recipe=web", "lr=0.1,0.2", "seed=1"],
    ["+recipe=web", "early_stopping.patience=1,2"],
    ["+recipe=web", "web.which=small,large", "lr=3"],
    ["+recipe=web", "web.by_name.small=0.5,0.25"],
    ["+recipe=web", "web.base=5,6"],
    ["+recipe=web", "web.hop=7,8"],
    ["+recipe=web", "web.items.2=changed,again"],
    ["+recipe=web", "web.node={patience:9}", "seed=1,2"],
    ["+recipe=web", "optimizer=sgdm,adam", "batch_size=8"],
    ["+recipe=web", "optimizer.lr=null,2", "web.asked_for=1"],
    ["+recipe=none,web", "lr=1"],
    # sweeps in Hydra's functions
    ["seed=range(2)"],
    ["seed=range(0,8,4)"],
    ["lr=range(0.1,0.4,0.1)"],
    ["seed=range(2,0,-1)"],
    ["batch_size=choice(16,32)", "seed=5"],
    ["optimizer=choice(adam,sgdm)"],
    ["name=choice('a b','c,d')"],
    ["optimizer=glob('ada[dg]*')"],
    ["optimizer=glob(*,exclude=[lion,a*,n*,r*,sgdm])"],
    ["scheduler=glob([c*,one*])"],
    ["batch_size=sort(64,16,32)"],
    ["seed=sort(range(0,2),reverse=true)"],
    ["batch_size=shuffle(8,16,32)"],
    ["seed=shuffle(range(0,3))"],
    ["lr=tag(coarse,choice(0.1,0.2))"],
    ["seed=int(1.6),str(2)"],
    ["lr=float(1)"],
    # Hydra's own keys
    ["hydra.sweeper.exclude=['lr > 1']", "lr=1,2"],
    ["hydra.sweeper.per={optimizer.sgdm:{optimizer.momentum:'0.5,0.9'}}", "seed=0,1"],
    ["hydra.job.name=other", "+job=${hydra:job.name}", "lr=1,2"],
    ["hydra/launcher=basic", "lr=1,2"],
    ["hydra/sweeper=basic", "optimizer=adam,sgdm"],
]


@pytest.fixture(scope="module", autouse=True)
def resolvers() -> Iterator[None]:
    OmegaConf.register_new_resolver("test_sum", lambda *numbers: sum(numbers))
    OmegaConf.register_new_resolver("test_cached", lambda value: [value], use_cache=True)
    OmegaConf.register_new_resolver("test_pair", lambda value: {"one": value, "other": [value, None]})
    yield
    for name in ("test_sum", "test_cached", "test_pair"):
        OmegaConf.clear_resolver(name)


@pytest.fixture(scope="module")
def hydra_cells(loader, master):
    """Configurations and choices of a line's cells, made by Hydra's basic sweeper and loader alone."""

    known_master = cache(master)

    @cache
    def one(hydra_words: tuple[str, ...], job: tuple[str, ...]) -> Composition:
        config = loader.load_sweep_config(known_master(hydra_words), list(job))
        HydraConfig.instance().set_config(config)
        choices = {str(group): choice for group, choice in config.hydra.runtime.choices.items()}
        plain = OmegaConf.to_container(config, resolve=True)
        assert isinstance(plain, dict)
        del plain["hydra"]
        return Composition(plain, {group: choice for group, choice in choices.items() if "hydra/" not in group})

    def compose(words: Sequence[str]) -> list[Composition]:
        parser = OverridesParser.create(config_loader=loader)
        random.seed(0)  # what shuffle() draws from
        overrides = parser.parse_overrides([word for word in words if not word.startswith("hydra")])
        [jobs] = BasicSweeper.split_arguments(overrides, None)
        hydra_words = tuple(word for word in words if word.startswith("hydra"))
        return [one(hydra_words, tuple(job)) for job in jobs]

    return compose


@pytest.fixture(scope="module")
def our_cells(loader):
    """The same by our own composer, one for all lines: what it remembers of one must not show in another."""
    composers: dict[tuple[str, ...], Composer] = {}

    def compose(words: Sequence[str]) -> list[Composition]:
        hydra_words = tuple(word for word in words if word.startswith("hydra"))
        composer = composers.setdefault(hydra_words, Composer(loader, "config", hydra_words))
        random.seed(0)
        lines = [word for word in words if not word.startswith("hydra")]
        points = expand(lines, {}, Rules(), AxisParser(loader)).points
        return [composer.compose(list(point.values())) for point in points]

    return compose


def assert_same(ours: Sequence[Composition], theirs: Sequence[Composition]) -> None:
    # As text: NaN is not equal to itself, and True and 1 must not pass for each other.
    assert [repr(cell.config) for cell in ours] == [repr(cell.config) for cell in theirs]
    assert [cell.choices for cell in ours] == [cell.choices for cell in theirs]


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_every_cell_equals_hydras_own(words, our_cells, hydra_cells):
    assert_same(our_cells(words), hydra_cells(words))


# Lines that depend on each other in every way the pool has: values, groups, references, additions, deletions.
POOL = [
    "lr=0.1",
    "lr=0.2",
    "seed=1",
    "weight_decay=${lr}",
    "optimizer=sgdm",
    "optimizer=adam",
    "optimizer.lr=0.5",
    "+recipe=web",
    "early_stopping.patience=1",
    "early_stopping.patience=${seed}",
    "+copy=${optimizer}",
    "+copy=[${lr}]",
    "~early_stopping.mode",
    "debug=fast",
    "max_epochs=9",
]
cells_of_pool = st.lists(st.sampled_from(POOL), max_size=5, unique_by=lambda word: word.partition("=")[0])


@settings(max_examples=8)
@given(cells=st.lists(cells_of_pool, min_size=2, max_size=3))
def test_what_was_composed_before_never_shows(cells, our_cells, hydra_cells):
    """One composer for every cell of every example, in an order that nobody chose."""
    for words in cells:
        assert_same(our_cells(words), hydra_cells(words))


def test_a_cell_does_not_change_when_another_does(loader):
    """Configurations share nothing: what a caller does to one shows in no other."""
    composer = Composer(loader, "config", [])
    first = composer.compose(["optimizer=sgdm", "lr=1"])
    before = repr(first)
    first.config["model"]["hidden_sizes"].append("changed")
    first.config["optimizer"]["lr"] = "changed"
    first.choices["optimizer"] = "changed"
    composer.compose(["optimizer=sgdm", "lr=2"])

    assert repr(composer.compose(["optimizer=sgdm", "lr=1"])) == before


class Counting:
    """Hydra's loader, with its compositions counted."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self.num_loads = 0

    def __getattr__(self, name: str) -> Any:
        self.num_loads += name == "load_configuration"
        return getattr(self._loader, name)


def test_cells_that_differ_in_plain_values_share_one_composition_by_hydra(loader):
    """Composing takes Hydra a tenth of a second: a thousand cells of six groups must not take it a thousand times."""
    counting = Counting(loader)
    composer: Any = Composer(counting, "config", [])  # type: ignore[arg-type]
    for optimizer in ("adam", "sgdm"):
        for seed in range(50):
            composer.compose([f"optimizer={optimizer}", f"seed={seed}", f"lr={seed}", f"optimizer.weight_decay={seed}"])

    assert counting.num_loads == 2


def test_a_choice_that_cannot_be_is_tried_once(loader):
    """A typing error in a grid of a thousand cells is shown at once, not after a thousand compositions."""
    counting = Counting(loader)
    composer: Any = Composer(counting, "config", [])  # type: ignore[arg-type]
    for seed in range(20):
        with pytest.raises(ConfigFault, match="unknown choice optimizer=adm"):
            composer.compose(["optimizer=adm", f"seed={seed}"])

    assert counting.num_loads == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["foo=1"], r"unknown key 'foo' in foo=1 · all keys: .* a new key is added with \+foo=1"),
        (["lrr=1"], r"unknown key 'lrr' in lrr=1 \(did you mean 'lr'\?\)"),
        (["optimizer.beta=1"], r"unknown key 'optimizer.beta' .*\(did you mean 'optimizer.betas'\?\)"),
        (["optimizr=adam"], r"unknown key 'optimizr' .*\(did you mean 'optimizer'\?\)"),
        (
            ["optimizer=adm"],
            r"unknown choice optimizer=adm \(did you mean 'adam'\?\) · allowed: adadelta, .*, uncorrected_adam · in ",
        ),
        (
            ["dataset/augment=flop"],
            r"unknown choice dataset/augment=flop.* · allowed: crop_flip, flip, .*, none, shift",
        ),
        (["lr.deep=1"], r"unknown key 'lr.deep'"),
        (["early_stopping=null", "early_stopping.patience=2"], r"early_stopping.patience"),
        (["lr=???"], r"Missing mandatory value: lr"),
        (["lr=${absent}"], r"Interpolation key 'absent' not found"),
        (["lr=${no_such:1}"], r"Unsupported interpolation type no_such"),
        (["debug=null"], r"must be a string or a list. Got NoneType"),
        (["~absent"], r"Could not delete from config. 'absent' does not exist"),
        (["~optimizer.eps=5"], r"Could not delete from config. The value of 'optimizer.eps' is 1e-08 and not 5"),
        (["+lr=1"], r"Could not append to config. An item is already at 'lr'"),
        (["recipe@_global_=web"], r"Could not override 'recipe@_global_'. No match in the defaults list"),
    ],
    ids=str,
)
def test_what_hydra_refuses_is_refused_in_one_line(words, message, our_cells, hydra_cells):
    with pytest.raises(Exception):  # noqa: B017, PT011 (Hydra and OmegaConf raise four trees of their own)
        hydra_cells(words)
    for _ in range(2):  # what was refused once must not pass for composed
        with pytest.raises(ConfigFault, match=message) as caught:
            our_cells(words)
        [fault] = caught.value.faults
        assert "\n" not in fault
        assert "object_type" not in fault


def test_every_wrong_line_of_a_cell_is_found(loader):
    """One wrong word must not hide the next, nor the values of the words that are right."""
    composer = Composer(loader, "config", [])

    faults, composed = composer.diagnose(["lrr=1", "optimizer=adm", "model=lenett", "seed=-1", "debug=null", "~no"])

    for part in ("'lrr'", "optimizer=adm", "model=lenett", "debug=null: ", "'no'"):
        assert sum(part in fault for fault in faults) == 1, (part, faults)
    assert len(faults) == 5
    assert -1 in [composition.config["seed"] for composition in composed]


def test_a_key_of_a_wrong_choice_is_not_held_against_the_line(loader):
    """`optimizer.momentum` is a key of sgdm: with the choice unknown, nobody can say that it is wrong."""
    composer = Composer(loader, "config", [])

    faults, _ = composer.diagnose(["optimizer=sgdmm", "optimizer.momentum=0.5"])

    assert len(faults) == 1
    assert "unknown choice optimizer=sgdmm" in faults[0]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigFault(["one", "other"]), "one\nother"),
        (ValueError("  first\n\n second "), "first · second"),
        (ValueError(), "ValueError"),
        (ValueError("what\n    full_key: a.b\n    object_type=dict"), "what"),
    ],
)
def test_exceptions_are_told_in_one_line(error, expected):
    assert explain(error) == expected
