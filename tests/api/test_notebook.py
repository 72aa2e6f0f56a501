"""The notebook of jobs/ runs from above to below."""

import json
import shutil
from pathlib import Path

import pytest

from tests.patience import patience

NOTEBOOK = Path(__file__).parents[2] / "jobs" / "reconstruct.ipynb"


def test_its_outputs_are_not_kept():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in cells] == [[]] * len(cells) and len(cells) > 5


@pytest.mark.slow
def test_it_runs(tmp_path):
    import nbformat
    from nbclient import NotebookClient

    shutil.copy(NOTEBOOK.parent / "siemens-star.yaml", tmp_path)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=patience(120), resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    said = "".join(out.get("text", "") for out in outputs)
    assert "steps.ptycho.engines - " in said and "steps.ptycho.probe.mode - unknown parameter" in said
    assert "good - ptycho: " in said and outputs[-1]["data"]["text/plain"] == "True"
    pictures = [out["data"] for out in outputs if {"image/png", "text/html"} & set(out.get("data", {}))]
    assert "data:image/png;base64," in pictures[0]["text/html"] and "image/png" in pictures[1]
    assert sorted(p.name for p in tmp_path.glob("star*")) == [
        "star-amplitude.tif", "star-phase.tif", "star.h5", "star.npz",
    ]  # fmt: skip
