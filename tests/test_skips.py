"""In CI nothing is left out in silence: a test that is skipped ends the run with 1."""

from types import SimpleNamespace

import pytest

from tests.conftest import pytest_sessionfinish


def skipped(*marks: str) -> pytest.TestReport:
    """The report of a test with these marks"""
    where = ("test_x.py", 1, "test_x")
    return pytest.TestReport("test_x.py::test_x", where, dict.fromkeys(marks, 1), "skipped", None, "setup")


FILE = pytest.CollectReport("test_x.py", "skipped", None, [])  # pytest.skip(..., allow_module_level=True)


@pytest.mark.parametrize(
    "reports, ci, code",
    [
        ([], "true", 0),
        ([skipped("gpu", "slow")], "true", 0),
        ([skipped("gpu"), skipped("slow")], "true", 1),
        ([FILE], "true", 1),
        ([skipped(), FILE], "", 0),
    ],
    ids=["none", "for a GPU", "another", "a file", "not in CI"],
)
def test_a_skip_is_a_failure_in_ci(monkeypatch, reports, ci, code):
    monkeypatch.setenv("CI", ci)
    lines = []
    reporter = SimpleNamespace(stats={"skipped": reports}, write_line=lines.append)
    plugins = SimpleNamespace(get_plugin={"terminalreporter": reporter}.get)
    session = SimpleNamespace(config=SimpleNamespace(pluginmanager=plugins), exitstatus=0)
    pytest_sessionfinish(session, 0)
    assert session.exitstatus == code == len(lines)
