"""The last report of a run: rank 0 alone loads what it needs, when the result is safe."""

from pathlib import Path


def at_the_end(folder: Path, log) -> None:
    """Write it, and name it in the log; one that cannot be made costs the run nothing."""
    try:
        from nanompi.report.report import write

        log.wrote(write(folder), "report: ")
    except Exception as error:
        log.warn(f"there is no report ({type(error).__name__}: {error}); the result is not touched by that")
