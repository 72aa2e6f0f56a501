"""Readers of tomograms: projections at their angles, and the flat and dark images that belong to them."""
