"""Steps of tomography on their own: a run of one rank that has just what they ask for."""

from types import SimpleNamespace

import numpy as np

from nanompi.data.blocks import Info
from nanompi.data.data import Data
from nanompi.device.cpu import Cpu
from nanompi.run.result import Result


def run_of(precision="double", threads=1) -> SimpleNamespace:
    """A run of one rank; `said` are the lines of its log, `warned` its warnings"""
    said, warned = [], []
    team = SimpleNamespace(
        rank=0,
        root=True,
        on_root=lambda work: work(),
        sum=lambda *arrays: None,
        max=lambda value: value,
        gather=lambda value: [value],
    )
    log = {"said": said, "say": said.append, "warned": warned, "warn": warned.append}
    return SimpleNamespace(team=team, device=Cpu(precision, threads=threads), data={}, result=Result(), **log)


def done(step, run, data: Data, block: np.ndarray, places=None) -> np.ndarray:
    """What a block step makes of one block"""
    step.start(run, data)
    places = {data.axes[0]: np.arange(len(block))} if step.each == "pixel" and not places else places or {}
    info = piece(data, data.axes, run.device, **places)
    made = step.block(block, info)
    return made["data"] if isinstance(made, dict) else made


def piece(data, axes, device=None, again=False, **places) -> Info:
    """What a step sees of a block with these axes; places : numbers along those that are not whole"""
    return Info(data, np.arange(1), places, device or Cpu(threads=1), axes, again)
