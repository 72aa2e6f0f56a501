"""The ranks: collective verbs, halo exchange, the launcher and mpiexec. Nothing else knows mpi4py."""
