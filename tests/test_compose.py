"""Composition equals Hydra's own, cell by cell, whatever was composed before."""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from sweeplab.compose import Composer, Composition, explain
from sweeplab.errors import ConfigFault
from sweeplab.grid import AxisParser, Rules, expand

# Each is the words of one command line; every cell of each is compared with Hydra's own composition.
LINES: list[list[str]] = [
    [],
    # plain values
    ["lr=0.1"],
    ["lr=1e-3,1e-5"],
    ["lr=1,1.0,0.5"],
    ["lr=1e-3", "lr=1e-2"],
    ["lr=null,0.1"],
    ["lr=nan,inf,-inf"],
    ["lr=???"],
    ["seed=-1,0x10,1_000"],
    ["deterministic=true,false,True"],
    ["gradient_clip=1.0,null"],
    ["early_stopping.enabled=true", "early_stopping.patience=1,2"],
    ["early_stopping=null"],
    ["early_stopping=null", "early_stopping.patience=2"],
    ["early_stopping.patience=2", "early_stopping=null,3"],
    ["runtime.output_dir=a,b", "seed=0,1"],
    ["model.hidden_sizes.0=512,16"],
    ["optimizer.betas.1=0.99,0.9"],
    # text
    ["name=a_word"],
    ["name='a word'", "seed=1,2"],
    ["name='a, b','c = d'"],
    ["name=\"it's\",'say \"x\"'"],
    ["name=a=b"],
    ["name='1e-3','true','null'"],
    ["name=''"],
    ["name=größe"],
    ["name=a\\,b"],
    ["name='\\${lr}'"],
    ["runtime.data_dir=/some/where,../else"],
    ["precision=bf16-mixed,32-true"],
    # groups
    ["optimizer=sgdm"],
    ["optimizer=adam,sgdm,radam", "lr=1e-3,1e-5"],
    ["lr=1e-3,1e-5", "optimizer=sgdm,adam"],
    ["model=lenet,logistic", "dataset=digits,synthetic"],
    ["dataset/augment=crop_flip,none"],
    ["dataset=synthetic", "dataset/augment=shift"],
    ["dataset=cifar10", "dataset/augment=crop_flip", "dataset.download=false"],
    ["debug=fast"],
    ["debug=fast,overfit", "max_epochs=7"],
    ["debug=null,fast"],
    ["+optimizer@second=sgdm,adam"],
    ["scheduler=cosine", "scheduler.min_lr_ratio=0.1,0.2"],
    ["~scheduler"],
    ["~optimizer", "lr=1,2"],
    ["tracker=none,wandb"],
    ["tracker=wandb", "tracker.mode=offline"],
    ["experiment=grid"],
    ["experiment=grid", "optimizer=radam", "max_epochs=1,2"],
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
    ["~gradient_clip"],
    ["~optimizer.eps=1e-8"],
    # lists and mappings
    ["model.hidden_sizes=[]"],
    ["model.hidden_sizes=[64],[64,32]", "lr=1,2"],
    ["optimizer.betas=[0.8,0.9],[0.9,0.95]"],
    ["tags=[a,'b c',null,true,1e-3]"],
    ["early_stopping={patience:1}"],
    ["early_stopping={patience:1},{enabled:true}", "early_stopping.mode=max"],
    ["trusted_targets=[my_package]"],
    # interpolations
    ["optimizer.lr=0.5,0.25"],
    ["optimizer.lr=0.5", "lr=1,2"],
    ["optimizer.lr=${weight_decay}", "weight_decay=1,2"],
    ["max_epochs=${batch_size},${seed}", "batch_size=16,64"],
    ["name=run-${seed}-${optimizer.lr}", "seed=0,1", "lr=1,2"],
    ["weight_decay=${oc.env:SWEEPLAB_TEST_ABSENT,0.5}"],
    ["+copy=${optimizer}", "lr=1,2"],
    ["+copy=${model.hidden_sizes}", "model.hidden_sizes=[1],[2]"],
    ["+copy=${optimizer.lr}", "+copies='${copy}-${copy}'", "lr=1,2"],
    ["dataset.num_classes=3,4"],
    ["dataset.shape=[3,8,8]", "model=lenet,mlp"],
    ["+job=${hydra:job.name}"],
    ["recipe@_global_=web"],
    ["+recipe=web", "lr=0.1,0.2", "seed=1,2"],
    ["+recipe=web", "early_stopping.patience=1,2"],
    ["+recipe=web", "early_stopping=null,5"],
    ["+recipe=web", "web.which=small,large", "lr=3,4"],
    ["+recipe=web", "web.by_name.small=0.5,0.25"],
    ["+recipe=web", "web.base=5,6"],
    ["+recipe=web", "web.hop=7,8"],
    ["+recipe=web", "web.items.2=changed,again"],
    ["+recipe=web", "web.node={patience:9}", "seed=1,2"],
    ["+recipe=web", "optimizer=sgdm,adam", "batch_size=8,9"],
    ["+recipe=web", "optimizer.lr=null,2", "web.asked_for=1"],
    ["+recipe=none,web", "lr=1,2"],
    # sweeps in Hydra's functions
    ["seed=range(3)"],
    ["seed=range(0,10,4)"],
    ["lr=range(0.1,0.5,0.1)"],
    ["seed=range(3,0,-1)"],
    ["batch_size=choice(16,32)", "seed=range(0,2)"],
    ["optimizer=choice(adam,sgdm)"],
    ["name=choice('a b','c,d')"],
    ["optimizer=glob(ad*)"],
    ["optimizer=glob(*,exclude=[lion,a*])"],
    ["scheduler=glob([c*,one*])"],
    ["batch_size=sort(64,16,32)"],
    ["seed=sort(range(0,4),reverse=true)"],
    ["batch_size=shuffle(8,16,32,64)"],
    ["seed=shuffle(range(0,6))"],
    ["lr=tag(coarse,choice(0.1,0.2))"],
    ["seed=int(1.6),str(2)"],
    ["lr=cast(1)", "seed=1"][1:],
    ["name=str([1,2])", "lr=float(1)"],
    ["tags=extend_list(a,b)", "seed=0,1"],
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

    @cache
    def one(hydra_words: tuple[str, ...], job: tuple[str, ...]) -> Composition:
        config = loader.load_sweep_config(master(hydra_words), list(job))
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


def same(ours: Sequence[Composition], theirs: Sequence[Composition]) -> None:
    # As text: NaN is not equal to itself, and True and 1 must not pass for each other.
    assert [repr(cell.config) for cell in ours] == [repr(cell.config) for cell in theirs]
    assert [cell.choices for cell in ours] == [cell.choices for cell in theirs]


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_every_cell_equals_hydras_own(words, our_cells, hydra_cells):
    same(our_cells(words), hydra_cells(words))
