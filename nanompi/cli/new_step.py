"""Write a step of your own, a function in a file, and a test that runs it on one block and on three."""

import sys
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from nanompi.errors import JobError, ResourceError

STEP = '''\
"""A step of my own; in a job: `- {python: NAME.py:NAME}`; `nanompi methods NAME.py:NAME` shows it."""


def NAME(block, info, *, percentile: float = 5.0):
    """Subtract from each frame the level below which this part of its pixels lies.

    percentile : part of the pixels, in %
    """
    # block: (k, row, column), k of the frames, read-only; the result has one entry for each of them.
    # info.xp is numpy, info.index the numbers of these frames, info.data tells of all.
    level = info.xp.percentile(block, percentile, axis=(1, 2), keepdims=True)
    return (block - level).astype("float32")
'''

TEST = '''\
"""Run it by `python -m pytest test_NAME.py`."""

import numpy as np
from NAME import NAME

from nanompi.methods.own.trial import applied, differences

BRIGHT = np.arange(20, 80, 5)[:, None, None]  # frames that differ: one mean for all of a block would show
FRAMES = np.random.default_rng(1).poisson(BRIGHT, (12, 32, 32)).astype(np.uint16)


def test_one_block_and_three_give_the_same():
    assert differences(NAME, FRAMES) == ""


def test_the_level_is_gone():
    made = applied(NAME, FRAMES, percentile=50)
    assert made.shape == FRAMES.shape
    assert abs(np.median(made, axis=(1, 2))).max() < 1e-3
'''


def arguments(parser):
    """Arguments of `nanompi new-step`."""
    parser.add_argument("name", help="of the function and of its file: drop_background")


def main(args) -> int:
    """Exit code 0; 2 for a name that no function can have, or a file that is there already."""
    if not args.name.isidentifier() or iskeyword(args.name):
        raise JobError(
            f'"{args.name}" is no name of a function: letters, digits and _, such as drop_background'
        )
    if args.name in sys.stdlib_module_names or find_spec(args.name):
        raise JobError(f"a file {args.name}.py would hide the module {args.name}; take another name")
    files = {Path(f"{args.name}.py"): STEP, Path(f"test_{args.name}.py"): TEST}
    if there := [str(file) for file in files if file.exists()]:
        raise JobError(f"{there[0]} is there already; take another name")
    for file, text in files.items():
        try:
            file.write_text(text.replace("NAME", args.name), encoding="utf-8")
        except OSError as e:
            raise ResourceError(f"{file}: cannot be written: {e.strerror}") from None
    step, test = files
    print(f"{step} and {test} are written. Try it: python -m pytest {test}")
    print(f"In a job: - {{python: {step}:{args.name}, percentile: 5}}")
    return 0
