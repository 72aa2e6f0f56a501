"""Coherent diffraction imaging: an object from one diffraction pattern, by many starts from random phases."""
