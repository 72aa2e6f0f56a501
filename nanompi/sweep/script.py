"""A sweep as a Slurm array, one task for each setting, and a job behind it that collects.

`array_script` and `collect_script` only make texts; `submit` hands them to sbatch.
"""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from nanompi.errors import ResourceError

ARRAY = """#!/bin/bash
# One setting of the sweep in {folder} for each task; run what failed again with
#   sbatch --array=NUMBERS {folder}/sweep.sbatch
#SBATCH --job-name={name}
#SBATCH --ntasks={ranks}
#SBATCH --array=0-{last}
#SBATCH --output={folder}/slurm-%a.log
#SBATCH --open-mode=append
{site}
export OMP_NUM_THREADS=1
exec {command} sweep -n "$SLURM_NTASKS" --resume {quoted} --only "$SLURM_ARRAY_TASK_ID"
"""
COLLECT = """#!/bin/bash
# Table, ranking and pictures of the sweep in {folder}; exit code 7 when settings have failed.
#SBATCH --job-name={name}-collect
#SBATCH --ntasks=1
#SBATCH --output={folder}/collect.log
{site}
exec {command} sweep --collect {quoted}
"""


def array_script(
    folder: Path, name: str, settings: int, ranks: int = 1, site: str = "", command: str = ""
) -> str:
    """The script of the array. site : further lines (#SBATCH ..., module load ...); command : of nanompi"""
    return _filled(ARRAY, folder, name, site, command, ranks=ranks, last=settings - 1)


def collect_script(folder: Path, name: str, site: str = "", command: str = "") -> str:
    """The script of the job that collects, to be submitted with --dependency=afterany:ARRAY."""
    return _filled(COLLECT, folder, name, site, command)


def _filled(text: str, folder: Path, name: str, site: str, command: str, **more) -> str:
    where = Path(folder).resolve()
    own = command or shlex.join([sys.executable, "-m", "nanompi"])
    return text.format(
        folder=where, quoted=shlex.quote(str(where)), name=name, command=own, site=site.strip(), **more
    )


def write(folder: Path, name: str, settings: int, ranks: int, site: str = "") -> list[Path]:
    """Write both scripts into the folder of the sweep; their paths."""
    texts = {
        "sweep.sbatch": array_script(folder, name, settings, ranks, site),
        "collect.sbatch": collect_script(folder, name, site),
    }
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")
    return [folder / file for file in texts]


def submit(array: Path, collector: Path) -> tuple[str, str]:
    """Hand both to sbatch; their job ids. Errors: ResourceError with what sbatch says."""
    first = _sbatch([str(array)])
    # afterany: also when settings failed; a dependency that can never be met must not wait for ever.
    return first, _sbatch([f"--dependency=afterany:{first}", "--kill-on-invalid-dep=yes", str(collector)])


def _sbatch(words: list[str]) -> str:
    if not shutil.which("sbatch"):
        raise ResourceError(
            "there is no sbatch here: submit on a login node, or run `nanompi sweep` without it"
        )
    done = subprocess.run(["sbatch", "--parsable", *words], capture_output=True, text=True)
    if done.returncode:
        raise ResourceError(f"sbatch refuses {words[-1]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip().split(";")[0]
