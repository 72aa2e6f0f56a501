"""Writers: the result of a run as a file (`nexus.write_result(run)`, called by all ranks)."""
