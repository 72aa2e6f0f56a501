"""Pictures of a result for a notebook and for files."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanompi.errors import DataError, nearest


@dataclass
class Picture:
    """A figure of matplotlib, which a notebook shows.

    figure : matplotlib.figure.Figure
    """

    figure: Any

    def save(self, path) -> None:
        """As PNG, SVG or PDF, by the end of the name. Errors: ResourceError."""
        from nanompi.report import figures

        figures.save(self.figure, Path(path))

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=80)
        return buffer.getvalue()


def picture(result, names: tuple[str, ...]) -> Picture | None:
    """A sheet of some signals, or of all that can be shown; None where there is none. Errors: DataError."""
    from nanompi.report import figures

    shown = result.shown
    for name in names:
        if name not in shown:
            raise DataError(f'the result has no "{name}"{nearest(name, shown)}; it has {", ".join(shown)}')
    signals = {name: one for name in names or shown if (one := shown[name]).show in figures.KINDS}
    return Picture(figures.sheet(signals, figures.header(result.notes))) if signals else None
