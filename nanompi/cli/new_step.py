"""Write a step of your own, and a test of it.

A function of a block in a file, with a test that runs it on one block and on three; or with --shell a program
that gets the data as a file and gives a file back, in Python to begin with: any language that reads HDF5 will
do."""

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


PROGRAM = '''\
"""A program as a step; in a job: `- {shell: "{python} NAME.py {percentile} {in} {out}", percentile: 5}`."""

import sys

import h5py
import numpy as np


def NAME(values, percentile):
    """Subtract from each image the level below which this part of its pixels lies."""
    level = np.percentile(values, percentile, axis=(-2, -1), keepdims=True)
    return (values - level).astype(np.float32)


def main(percentile, given, made):
    """given : HDF5 with `data` (@axes, @units), coordinates and `facts`; made : `data` of the same axes"""
    with h5py.File(given) as file, h5py.File(made, "w") as out:
        values = file["data"]
        print(f"{values.shape} {values.dtype}, axes {list(values.attrs['axes'])}")  # goes to the log
        out["data"] = NAME(values[()], float(percentile))


if __name__ == "__main__":
    main(*sys.argv[1:])
'''

TEST_PROGRAM = '''\
"""Run it by `python -m pytest test_NAME.py`."""

from pathlib import Path

import numpy as np

from nanompi.methods.own.trial import given_back

FRAMES = np.random.default_rng(1).poisson(np.arange(20, 80, 5)[:, None, None], (12, 32, 32)).astype(np.uint16)


def test_the_level_is_gone():
    made = given_back(["{python}", Path(__file__).parent / "NAME.py", "50", "{in}", "{out}"], FRAMES)
    assert made.shape == FRAMES.shape
    assert abs(np.median(made, axis=(1, 2))).max() < 1e-3
'''


def arguments(parser):
    """Arguments of `nanompi new-step`."""
    parser.add_argument("name", help="of the function or program, and of its file: drop_background")
    parser.add_argument("--shell", action="store_true", help="a program for `shell:`, in place of a function")


def main(args) -> int:
    """Exit code 0; 2 for a name that no function can have, or a file that is there already."""
    if not args.name.isidentifier() or iskeyword(args.name):
        raise JobError(
            f'"{args.name}" is no name of a function: letters, digits and _, such as drop_background'
        )
    if args.name in sys.stdlib_module_names or find_spec(args.name):
        raise JobError(f"a file {args.name}.py would hide the module {args.name}; take another name")
    texts = (PROGRAM, TEST_PROGRAM) if args.shell else (STEP, TEST)
    files = dict(zip((Path(f"{args.name}.py"), Path(f"test_{args.name}.py")), texts))
    if there := [str(file) for file in files if file.exists()]:
        raise JobError(f"{there[0]} is there already; take another name")
    for file, text in files.items():
        try:
            file.write_text(text.replace("NAME", args.name), encoding="utf-8")
        except OSError as e:
            raise ResourceError(f"{file}: cannot be written: {e.strerror}") from None
    step, test = files
    print(f"{step} and {test} are written. Try it (pip install pytest): python -m pytest {test}")
    of_shell = f'- {{shell: "{{python}} {step} {{percentile}} {{in}} {{out}}", percentile: 5}}'
    print(f"In a job: {of_shell if args.shell else f'- {{python: {step}:{args.name}, percentile: 5}}'}")
    return 0
