"""What the page knows of workflows: stages in the list, items by name, pictures; and no way out of them."""

import pytest

from tests.patience import until
from tests.report.workflow_folder import at_work, ended, stage, sweep, thirty, with_image, workflow
from tests.web.serving import Server, run_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    top = tmp_path_factory.mktemp("flows") / "runs"
    thirty(top / "tooth/workflow-0001", 0.85)
    ended(top / "tooth/workflow-0001/volume/0000", image=False)
    (top / "tooth/latest").symlink_to("workflow-0001")
    run_folder(top, "good/run-0001")
    odd = workflow(top / "odd/workflow-0001", stage("fit", 2))
    (odd / "workflow.json").write_text((odd / "workflow.json").read_text().replace("0001-scan=1", "../../x"))
    away = workflow(top.parent / "away/workflow-0001", stage("fit", 1))
    ended(away / "fit/0000-scan=0")
    (top / "linked").symlink_to(top.parent / "away")
    inner = workflow(top / "inner/workflow-0001", stage("fit", 2))
    (inner / "fit/0000-scan=0").rmdir()
    (inner / "fit/0000-scan=0").symlink_to(away / "fit/0000-scan=0")
    at_work(inner / "fit/0001-scan=1")
    swept = sweep(top / "swept/sweep-0001", 0.5, 0.7)
    ended(swept / "0000-alpha=0.5")
    with_image(at_work(swept / "0001-alpha=0.7", llk=1.25))
    (swept / "contact.png").write_bytes(b"of this sweep")
    sweep(top.parent / "away/sweep-0001", 0.5)
    with Server(top) as server:
        server.login()
        yield server


def test_the_list_has_stages_and_no_items(site):
    found = site.ask("/api/runs").tree()
    swept = [f"swept/sweep-0001/{name}" for name in ("0000-alpha=0.5", "0001-alpha=0.7")]
    assert {one["run"] for one in found["runs"]} == {"good/run-0001", *swept}
    flows = {one["workflow"]: one for one in found["workflows"]}
    assert set(flows) == {"tooth/workflow-0001", "odd/workflow-0001", "inner/workflow-0001"}
    tooth = flows["tooth/workflow-0001"]
    assert (tooth["state"], tooth["done"], tooth["items"], tooth["code"]) == ("done", 28, 31, 7)
    counts = [
        (one["name"], one["state"], one["done"], one["failed"], one["items"]) for one in tooth["stages"]
    ]
    assert counts == [("ptycho", "done", 27, 3, 30), ("volume", "done", 1, 0, 1)]
    assert (
        flows["odd/workflow-0001"]["state"] == "lost" and flows["inner/workflow-0001"]["state"] == "working"
    )


def test_a_sweep_has_a_page_with_its_settings_as_they_stand(site):
    found = site.ask("/api/workflow/swept/sweep-0001").tree()["workflow"]
    (settings,) = found["stages"]
    assert [(one["name"], one["state"]) for one in settings["items"]] == [
        ("0000-alpha=0.5", "done"), ("0001-alpha=0.7", "iterating")]  # fmt: skip
    assert (settings["items"][1]["iteration"], settings["items"][1]["llk"]) == (3, 1.25)
    pictures = site.ask("/api/strip/swept/sweep-0001").tree()
    assert set(pictures) == {"", " "} and set(pictures[""]) == {"0000-alpha=0.5", "0001-alpha=0.7"}
    assert pictures[" "]["contact.png"] == "data:image/png;base64,b2YgdGhpcyBzd2VlcA=="
    assert site.ask("/api/run/swept/sweep-0001/0001-alpha=0.7").tree()["status"]["llk"] == 1.25


def test_an_item_is_a_run_by_its_name(site):
    run = site.ask("/api/run/tooth/workflow-0001/ptycho/0028-scan=28").tree()
    assert run["status"]["state"] == "failed" and "scan 28" in run["status"]["message"]
    assert site.ask("/api/run/tooth/workflow-0001/ptycho/0003-scan=3").tree()["signals"] == ["phase"]


def test_pictures_of_what_is_done(site):
    found = site.ask("/api/strip/tooth/workflow-0001").tree()
    assert len(found["ptycho"]) == 27 and found["volume"] == {}
    assert all(url.startswith("data:image/png;base64,") for url in found["ptycho"].values())
    assert site.ask("/api/strip/inner/workflow-0001").tree() == {"fit": {}}  # it lies behind a link


WAYS = ["/api/workflow/linked/workflow-0001", "/api/workflow/linked/sweep-0001",
        "/api/workflow/tooth", "/api/workflow/tooth/latest",
        "/api/workflow/../away/workflow-0001", "/api/strip/away/workflow-0001", "/api/workflow/good/run-0001",
        "/api/run/tooth/workflow-0001/ptycho", "/api/run/tooth/workflow-0001/ptycho/../volume/0000",
        "/api/run/inner/workflow-0001/fit/0000-scan=0", "/api/run/odd/workflow-0001/fit/0000-scan=0",
        "/api/run/tooth/workflow-0001/ptycho/0099-scan=99"]  # fmt: skip


@pytest.mark.parametrize("path", WAYS)
def test_no_name_leads_elsewhere(site, path):
    assert site.ask(path).status == 404


def test_without_a_login_nothing_is_told(site):
    for path in ("/api/workflow/tooth/workflow-0001", "/api/strip/tooth/workflow-0001"):
        assert site.stranger(path).status == 401


def test_a_workflow_that_changes_is_told_anew(site):
    path = site.runs / "inner/workflow-0001/fit/0001-scan=1"

    def done() -> int:
        return site.ask("/api/workflow/inner/workflow-0001").tree()["workflow"]["stages"][0]["done"]

    assert done() == 1  # the item that is a link
    ended(path)
    until(lambda: done() == 2)
