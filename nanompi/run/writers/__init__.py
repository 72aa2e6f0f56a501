"""Writers: a `Result` into one file format = one module with `write(result, path)`, on rank 0."""
