"""Fixtures for all tests."""

import pytest

from nanompi import step


@pytest.fixture
def parts():
    """A registry with nothing but the test parts; the real one is put back afterwards."""
    from tests.job import parts as own

    kept = {kind: dict(table) for kind, table in step.PARTS.items()}
    for table in step.PARTS.values():
        table.clear()
    own.register()
    yield step.PARTS
    for kind, table in kept.items():
        step.PARTS[kind].clear()
        step.PARTS[kind].update(table)
