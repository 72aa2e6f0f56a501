-- A module file (Lmod). Install once: python3 -m venv /apps/nanompi/0.1.0 && /apps/nanompi/0.1.0/bin/pip install ".[cuda12,web]"
-- with the site's MPI loaded, so that mpi4py finds it. Users: module load nanompi
help([[nanompi: from hard X-ray nanoprobe data to images. nanompi doctor; nanompi init --list; man nanompi]])
whatis("Name: nanompi")
whatis("Version: 0.1.0")
whatis("Description: ptychography, tomography, XRF, XANES, XRD as one MPI program")

local root = "/apps/nanompi/0.1.0"
depends_on("mpich")
prepend_path("PATH", pathJoin(root, "bin"))
-- nanompi manual --man > /apps/nanompi/0.1.0/share/man/man1/nanompi.1
prepend_path("MANPATH", pathJoin(root, "share/man"))
-- Jobs of this site: nanompi init --list shows them
setenv("NANOMPI_TEMPLATES", pathJoin(root, "share/templates"))
