"""A sweep as a Slurm array, one task for each setting, and a job behind it that collects."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanompi import slurm
from nanompi.newfile import write_text


def write(folder: Path, name: str, settings: int, site: Any, program: str) -> list[Path]:
    """Write both scripts into the folder of the sweep; their paths.

    site : nanompi.job.site.Site; program : path of nanompi
    """
    where = Path(folder).resolve()
    one = 'sweep --resume "$run" --only "$SLURM_ARRAY_TASK_ID"'
    again = f"one setting a task; what failed runs again by: sbatch --array=NUMBERS {where}/sweep.sbatch"
    array = replace(site, options=[f"--array=0-{settings - 1}", *site.options])
    alone = replace(site, ranks=1, nodes=None, gpus=0)
    texts = {
        "sweep.sbatch": slurm.script(_batch(where, name, one, "slurm-%a.log", again, program), array),
        "collect.sbatch": slurm.script(
            _batch(
                where,
                f"{name}-collect",
                'sweep --collect "$run"',
                "collect.log",
                "table and pictures",
                program,
            ),
            alone,
        ),
    }
    for file, text in texts.items():
        write_text(folder / file, text)
    return [folder / file for file in texts]


def _batch(where: Path, name: str, words: str, log: str, head: str, program: str) -> slurm.Batch:
    return slurm.Batch(
        name=shlex.quote(name),
        program=shlex.quote(program),
        start=words,
        resume=words,
        output=f'"{where}/{log}"',
        head=(f"the sweep in {where}: {head}",),
        before=(f"run={shlex.quote(str(where))}",),
    )


def submit(array: Path, collector: Path) -> tuple[str, str]:
    """Hand both to sbatch; their numbers. Errors: ResourceError with what sbatch says."""
    first = slurm.sbatch(str(array))
    # afterany: also when settings failed; a dependency that can never be met must not wait for ever.
    return first, slurm.sbatch(str(collector), f"--dependency=afterany:{first}", "--kill-on-invalid-dep=yes")
