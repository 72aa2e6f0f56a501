"""What tests of all areas share."""

import os
from pathlib import Path

import pytest


def shared_data(name: str) -> Path:
    """A file of the measured data: in $NANOMPI_DATA, else in ../shared/data beside the repository.

    Skips without it.
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("NANOMPI_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"measured data are not here ({folder}); set NANOMPI_DATA")
    return folder / name


@pytest.fixture(name="shared_data")
def shared_data_fixture():
    """`shared_data(name)` as a fixture."""
    return shared_data
