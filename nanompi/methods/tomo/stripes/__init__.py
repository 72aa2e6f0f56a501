"""Stripes of sinograms, which become rings of slices: found, measured and removed."""
