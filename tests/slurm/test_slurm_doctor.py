"""`nanompi doctor` inside Slurm: one table of all ranks, devices, and the cure of a wrong --mpi.

(Inside salloc, where the types of srun are tried: test_slurm_readme.py.)
"""

ON = "--nodes=2 --ntasks=4 --ntasks-per-node=2 --gpus-per-task=1"


def columns(text: str) -> list[list[str]]:
    """Words of the lines of the table of ranks, without its header."""
    lines = text[text.index("\nranks ") : text.index("\nslurm ")].splitlines()
    return [line[14:].split("  ") for line in lines[2:] if line[14:15].isdigit()]


def test_one_table_of_four_ranks_each_with_its_own_gpu(slurm):
    told = slurm.shell(f"srun {ON} --mpi=pmi2 nanompi doctor")
    assert told.count("python  ") == 1 and "MPICH" in told and "THREAD_MULTIPLE" in told
    rows = [[cell.strip() for cell in row if cell.strip()] for row in columns(told)]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    assert [row[1].split()[0] for row in rows] == ["node1", "node1", "node2", "node2"]
    assert [row[-1] for row in rows] == ["0", "1", "0", "1"]  # two cards on each node, one for each rank
    assert "SLURM_NTASKS=4" in told and "file locks" in told and "lz4" in told


def test_ranks_that_see_different_cards_hear_of_it(slurm):
    assert "Ask for cards by node: --gpus-per-node" in slurm.shell(f"srun {ON} --mpi=pmi2 nanompi doctor")
    by_node = ON.replace("--gpus-per-task=1", "--gpus-per-node=2")
    said = slurm.shell(f"srun {by_node} --mpi=pmi2 nanompi doctor")
    assert said.count("  0,1\n") == 4 and "Ask for cards by node" not in said


def test_strangers_are_found_and_the_cure_is_named(slurm):
    told = slurm.shell(f"srun {ON} --mpi=none nanompi doctor", code=4)
    assert told.count("4 singletons instead of 4 ranks") == 1
    assert "use srun --mpi=pmi2 (in slurm/site.yaml: mpi: pmi2)" in told


def test_the_card_is_asked_by_one_task(slurm):
    """There is no card here; the ranks that it starts itself are no part of the step"""
    said = slurm.shell("srun --ntasks=1 --gpus=1 --mpi=pmi2 nanompi doctor --gpu --json card.json", code=4)
    assert "NOT OK: " in said
    assert "0 of 2 on " in said and "1 of 2 on " in said
    assert (slurm.folder / "card.json").exists()
    said = slurm.shell("srun --ntasks=2 --gpus=2 --mpi=pmi2 nanompi doctor --gpu", code=2)
    assert "one process on the node of the card" in said
