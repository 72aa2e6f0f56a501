"""The MPI library that Python loads: started once, and refused where the launcher belongs to another one."""

import os

from nanompi.errors import ResourceError
from nanompi.mpi.launcher import launched, tell


def world():
    """MPI.COMM_WORLD, or None where no MPI library is installed."""
    import mpi4py

    mpi4py.rc(initialize=False, finalize=True)
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as e:
        if launched() > 1:
            raise ResourceError(
                f"started as {launched()} ranks, but Python cannot load an MPI library ({e}). "
                'Install one beside it: pip install "nanompi[mpi]", or load the site\'s MPI module.'
            ) from None
        return None
    if not MPI.Is_initialized():
        _same_family(MPI.Get_library_version())
        tell(MPI.Get_library_version())
        MPI.Init_thread()
    return MPI.COMM_WORLD


def _same_family(library: str):
    """Refuse MPICH and its kin under Open MPI's mpirun before they start: they would end the process."""
    if "OMPI_COMM_WORLD_SIZE" in os.environ and any(kin in library.lower() for kin in ("mpich", "intel")):
        raise stranger(f"Open MPI's mpirun cannot start {' '.join(library.split()[:3])}")


def stranger(why: str) -> ResourceError:
    """The error where launcher and library do not fit together."""
    return ResourceError(
        f"the launcher started {launched()} processes, but {why}. The mpirun or srun in use belongs to "
        "another MPI than the one that Python loads. Use the mpirun beside this python, `nanompi run -n N`, "
        "or srun with the matching --mpi=TYPE (`srun --mpi=list`)."
    )


def vendor() -> str:
    """Name and version of the MPI library."""
    from mpi4py import MPI

    return " ".join([MPI.get_vendor()[0], ".".join(map(str, MPI.get_vendor()[1]))])
