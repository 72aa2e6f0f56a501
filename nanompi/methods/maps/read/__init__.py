"""Readers of maps: spectra at the points of a scan, stacks of images over energies."""
