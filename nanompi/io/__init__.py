"""Files: HDF5, chunks, filters, compression, atomic writing, cache, fingerprints, foreign files."""
