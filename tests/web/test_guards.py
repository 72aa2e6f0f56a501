"""The table of guards: each line of it is one of the program; some are taken out, the whole by hand."""

import pytest

from tests.web.guards import GUARDS, ROOT, without_guards

SOME = ("login", "key", "end of a session", "open paths", "killing")


@pytest.mark.parametrize("one", GUARDS, ids=lambda one: one.name)
def test_each_guard_is_where_the_table_says(one):
    assert (ROOT / "nanompi" / one.file).read_text().count(one.text) == 1
    path, _, name = one.test.partition("::")
    assert f"def {name}" in (ROOT / path).read_text()


@pytest.mark.slow
def test_a_guard_that_is_taken_out_is_noticed():
    chosen = [one for one in GUARDS if one.name in SOME]
    assert len(chosen) == len(SOME)
    assert [one.name for one, noticed in without_guards(chosen) if not noticed] == []
