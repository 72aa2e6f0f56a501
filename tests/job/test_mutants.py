"""Job files changed at random: never a traceback, never without end; the exit code is 0, 2 or 3.

The changes are drawn with a fixed seed; a run of another seed: NANOMPI_MUTANTS=SEED. A job that survives its
changes is only checked without its data: what it asks for may be large.
"""

import os
import random
from pathlib import Path

import pytest

from nanompi.cli import main

JOBS = sorted((Path(__file__).parents[2] / "jobs").glob("*.yaml"))
SEED = int(os.environ.get("NANOMPI_MUTANTS", "1"))
WORDS = "~ null true off 0 -1 1e999 .nan .inf ² ٣ [] {} [[[[ }}} *a &a << --- ... ' | > % @ ` #".split()
WORDS += ['"', "~/x", "/", "../x"]
WORDS += ["", "0x" + "f" * 40, "9" * 5000, "&a [*a]", "!!python/name:os.system", "!!int x", "? :", "- - -"]
WORDS += ["{sweep: [1, 2]}", "{sweep: {from: 1, to: 2, num: 3}}", "{sweep: 1}", "{sweep: []}", "8 keV"]
WORDS += ["\0", "\x1b[2J", "\u2028", "\u202e", "\ufeff", "\t", "\r", "/dev/zero", "DM*-1", "DM*1 " * 300]
WORDS += ['"\\ud800"', '"\\0"', '"a\\nb"', "a" * 3000]
WAYS = "word word value value drop double swap indent cut insert".split()
PATHS = ["name", "steps.ptycho.engines", "steps.0.use", "input", "run.threads", "steps", "a.b", ""]


def mutant(source: random.Random, text: str) -> bytes:
    """A job file with one to four changes of lines, words or bytes."""
    for _ in range(source.randint(1, 4)):
        lines = text.split("\n")
        k = source.randrange(len(lines))
        way = source.choice(WAYS)
        if way == "word" and lines[k].split():
            old = source.choice(lines[k].split())
            lines[k] = lines[k].replace(old, source.choice(WORDS), 1)
        elif way == "value" and ":" in lines[k]:
            lines[k] = f"{lines[k].split(':')[0]}: {source.choice(WORDS)}"
        elif way == "drop":
            del lines[k]
        elif way == "double":
            lines.insert(k, lines[k])
        elif way == "swap":
            m = source.randrange(len(lines))
            lines[k], lines[m] = lines[m], lines[k]
        elif way == "indent":
            lines[k] = " " * source.randint(0, 5) + lines[k].lstrip()
        elif way == "cut":
            lines[k] = lines[k][: source.randint(0, len(lines[k]))]
        else:
            at = source.randint(0, len(lines[k]))
            lines[k] = lines[k][:at] + source.choice(WORDS) + lines[k][at:]
        text = "\n".join(lines) or "\n"
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if source.random() < 0.1 and data:
        data[source.randrange(len(data))] = source.randrange(256)
    return bytes(data)


def odd(source: random.Random, folder: Path) -> list[str]:
    """What goes wrong with one mutant and one edit of a good job; empty where all is well."""
    job = source.choice(JOBS)
    (folder / "m.yaml").write_bytes(mutant(source, job.read_text()))
    words = ["--set", f"{source.choice(PATHS)}={source.choice(WORDS)}"]
    out = []
    for argv in (["m.yaml"], [str(job), *words]):
        if (code := main(["check", "--no-data", *argv])) not in (0, 2, 3):
            out.append(f"{code}: {argv} {(folder / 'm.yaml').read_bytes()[:3000]!r}")
    return out


def tried(tmp_path, monkeypatch, capsys, seed: int, count: int):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [])  # a third of the time of a check
    source, wrong, codes = random.Random(seed), [], 0
    for _ in range(count):
        wrong += odd(source, tmp_path)
        said = capsys.readouterr()
        codes += "no faults" in said.out
        assert (said.out + said.err).replace("\n", "").replace("\t", "").isprintable()
    assert wrong == [] and codes > 0  # some are good, so that all the checks are reached


def test_a_few_mutants(tmp_path, monkeypatch, capsys):
    tried(tmp_path, monkeypatch, capsys, SEED, 40)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_many_mutants(tmp_path, monkeypatch, capsys, seed):
    tried(tmp_path, monkeypatch, capsys, 1000 * SEED + seed, 250)
