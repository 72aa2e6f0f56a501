"""Diffraction maps: patterns of each frame, their peaks, strain, texture, phases and single spots."""
