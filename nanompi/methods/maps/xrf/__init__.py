"""X-ray fluorescence: maps of elements from spectra, with their errors."""
