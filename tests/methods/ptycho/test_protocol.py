"""Every registered engine offers what the chain and the checkpoints call, by these names and arguments."""

import inspect

import pytest

from nanompi.methods import discover
from nanompi.methods.ptycho.engines.protocol import Engine, Restorable
from nanompi.step import METHODS

discover()
ENGINES = list(METHODS["engine"].values())


def names(function) -> list[str]:
    """Of the arguments."""
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize("cls", ENGINES, ids=lambda cls: cls.name)
def test_an_engine_is_one(cls):
    one = cls(iterations=3)
    assert isinstance(one, Engine) and one.iterations == 3 and one.kind == "engine"
    for protocol in (Engine, *[Restorable] * hasattr(one, "restore")):
        assert isinstance(one, protocol)
        for name, wanted in vars(protocol).items():
            if inspect.isfunction(wanted) and not name.startswith("_"):
                assert names(getattr(cls, name)) == names(wanted), name
    assert all(isinstance(name, str) for name in getattr(one, "keeps", ()))
    if hasattr(one, "heed"):
        assert len(names(cls.heed)) == 4


def test_what_is_none_is_told():
    class Half:
        name, kind, iterations = "half", "engine", 1

        def start(self, p):
            """Nothing to iterate."""

    assert not isinstance(Half(), Engine)
    assert len(ENGINES) >= 5
