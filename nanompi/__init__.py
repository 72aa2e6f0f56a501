"""nanompi: from a hard X-ray nanoprobe scan to an image, as one MPI program."""

__version__ = "0.1.0"
