"""The reconstruction engines: one algorithm = one class with `iterate`, named in chains of engines."""
