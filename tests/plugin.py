"""Plug-ins of somebody else's: a folder that Python finds like an installed package with entry points."""

import textwrap
from pathlib import Path

RPIE = '''
from nanompi.step import engine, param


@engine("my.rpie")
class Rpie:
    """Regularised PIE over batches of frames (doi:10.1364/OPTICA.4.000736)."""

    iterations: int = param(30, ge=0, help="number of iterations")
    batches: int = param(4, ge=1, help="updates in an iteration")
    alpha: float = param(0.2, gt=0, le=1, help="regularisation")

    def start(self, p):
        """Nothing is remembered"""

    def iterate(self, p, i):
        for batch in p.batches(self.batches):
            P = p.shifts.library(p.P)

            def change(f):
                p.k.exit_waves(p.O, P, f.at, f.waves)
                F = p.optics.forward(f.waves, f.at)
                p.k.project(F, f.I, p.mask, f.gain, p.unit, p.device.real(0))
                f.waves[...] = p.optics.backward(F, f.at)

            p.each(change, batch)
            num, den = p.zeros(p.O), p.zeros(p.O)
            p.object_sums(batch.waves, P, batch.at, num)
            batch.waves[...] = P[batch.at[:, 2]]
            p.object_sums(batch.waves, P, batch.at, den)
            p.join(num)
            p.join(den)
            least = p.share.largest(den.real)
            p.O += (num - den * p.O) / ((1 - self.alpha) * den + self.alpha * least)
'''


def install(folder: Path, **modules: str) -> Path:
    """Write modules and a distribution whose entry points name each of them; the folder for PYTHONPATH."""
    folder.mkdir(exist_ok=True)
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    about = folder / "somebody-1.0.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody\nVersion: 1.0\n")
    points = "".join(f"{name} = {name}\n" for name in modules)
    (about / "entry_points.txt").write_text(f"[nanompi.methods]\n{points}")
    return folder
