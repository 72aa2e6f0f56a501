"""The READMEs as stories: their blocks run in order, those of one file in one folder.

sh      : a script of bash; a block of `text` right behind it shows lines that it prints, apart from numbers
python  : run by Python, or where its first line is `# NAME.py`, written to that file
yaml, toml : where the first line is `# NAME`, written to that file; the entry points of a pyproject.toml are
          then known to Python as if pip had installed it
"""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from tests.patience import patience

ROOT = Path(__file__).parent.parent
READMES = {
    str(path.parent.relative_to(ROOT)): path
    for path in sorted([ROOT / "README.md", *ROOT.glob("*/README.md")])
    if not path.parent.name.startswith(".")
}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
NAMED = re.compile(r"# ([\w-]+\.(?:py|yaml|toml))\n")

# The first words of each command that is not run, and why. It stands in a block of its own.
NOT_RUN = {
    "python3 -m venv .venv": "downloads packages; .ci/run runs it in a fresh clone",
    "source .venv/bin/activate": "the tests run inside an environment",
    "pip install -e .": "downloads build tools; the test lays the entry points as pip would",
    "srun --ntasks=1 --gpus=1": "needs Slurm and a card; tests/emulate/test_doctor.py asks the doctor",
}
# The marks before a block that tests/slurm/test_slurm_readme.py runs
CLUSTER = ("<!-- cluster -->", "<!-- cluster: workflows -->")


@dataclass
class Block:
    """One block of a README, and the line where it begins."""

    language: str
    text: str
    line: int
    before: str  # the page up to here

    @property
    def answers(self) -> bool:
        """Does it stand right behind another block?"""
        return self.before.endswith("```")

    @property
    def why_not(self) -> str:
        """Why it is not run; '' where it is"""
        if self.before.endswith(CLUSTER):
            return "needs Slurm; tests/slurm/test_slurm_readme.py runs it"
        alone = len(self.text.splitlines()) == 1
        return next((why for words, why in NOT_RUN.items() if alone and self.text.startswith(words)), "")

    @property
    def file(self) -> str:
        """Name of the file that it shows; '' where it is no file"""
        named = NAMED.match(self.text)
        return named[1] if named else ""


def blocks_of(readme: Path, *languages: str) -> list[Block]:
    """The blocks of a README, all or those of some languages."""
    text = readme.read_text()
    found = []
    for m in FENCE.finditer(text):
        found.append(Block(m[1], m[2], text[: m.start()].count("\n") + 1, text[: m.start()].rstrip()))
    return [block for block in found if not languages or block.language in languages]


@dataclass
class Story:
    """The blocks of one README, run in `folder`; `said` is what the last block printed.

    commands : folders that stand first in PATH; python : the command that runs Python's text after `-c`
    """

    folder: Path
    commands: tuple = (Path(sys.executable).parent,)
    python: tuple = (sys.executable,)
    said: str = ""
    left_out: list[str] = field(default_factory=list)

    def tell(self, readme: Path):
        """Run all blocks. The test fails on the first one that fails, with its output."""
        for block in blocks_of(readme):
            try:
                self.one(block)
            except AssertionError as error:
                raise AssertionError(f"{readme.relative_to(ROOT)}, line {block.line}:\n{error}") from None

    def one(self, block: Block):
        """Run, write or compare one block"""
        if block.why_not:
            self.left_out.append(f"not run: {block.text.splitlines()[0]}: {block.why_not}")
        elif block.file:
            self._write(block)
        elif block.language == "sh":
            self.said = self._run(["bash", "-euo", "pipefail", "-c", block.text], block.text)
        elif block.language == "python":
            self.said = self._run([*self.python, "-c", block.text], block.text)
        elif block.language == "text" and block.answers:
            shown_lines_are_printed(block.text, self.said)

    def _write(self, block: Block):
        (self.folder / block.file).write_text(block.text)
        if block.file == "pyproject.toml":
            lay_entry_points(self.folder, tomllib.loads(block.text))

    def _run(self, words: list[str], text: str) -> str:
        path = os.pathsep.join([*map(str, self.commands), os.environ["PATH"]])
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": f"{self.folder}{os.pathsep}{ROOT}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience(120),
        )
        assert done.returncode == 0, f"{text}ended with {done.returncode}:\n{done.stdout}"
        return done.stdout


def lay_entry_points(folder: Path, written: dict):
    """What pip leaves of a pyproject.toml: name, version and entry points, of modules that it installs."""
    project, own = written["project"], written["tool"]["setuptools"]
    modules, packages = own.get("py-modules", []), own.get("packages", [])
    about = folder / f"{project['name']}-{project['version']}.dist-info"
    about.mkdir(exist_ok=True)
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = project["entry-points"].items()
    for _, names in points:  # with a folder beside them (runs/), pip installs no module that is not named
        lost = [name for name in names.values() if name not in [*modules, *packages]]
        lost = [name for name in lost if name.rpartition(".")[0] not in packages]
        assert not lost, f"neither py-modules nor packages name {lost}"
    groups = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in points]
    about.joinpath("entry_points.txt").write_text("".join(groups))


def shown_lines_are_printed(shown: str, said: str):
    """Each line that a README shows was printed, in this order, but for numbers and spaces; `...` skips."""
    printed = iter([shape(line) for line in said.splitlines()])
    for line in shown.splitlines():
        if line.strip() != "...":
            assert shape(line) in printed, f"not printed, or not in this order: {line}\nprinted:\n{said}"


def shape(line: str) -> str:
    """A line without its numbers, units of bytes and spaces"""
    line = re.sub(r"\d[\d.]*(e[+-]\d+)?", "#", line)
    return " ".join(re.sub(r"# [kMG]?B\b", "# B", line).split())


def small_jobs(folder: Path):
    """The jobs of the repository with few frames, iterations and settings: what is tried are the commands."""
    folder.mkdir()
    for job in (ROOT / "jobs").glob("*.yaml"):
        text = job.read_text().replace("frames: 400, size: 128", "frames: 121, size: 48")
        text = text.replace("dm: 50", "dm: 2").replace("DM*50", "DM*2").replace("num: 3", "num: 2")
        folder.joinpath(job.name).write_text(re.sub(r"ML\*50|ML\*100", "ML*2", text))
