"""Tomography: slices through a sample from projections at many angles, by parallel rays."""
