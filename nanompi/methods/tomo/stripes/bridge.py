"""Stripe removal by algotom (Vo et al. 2021, an optional package), one sinogram after the other."""

import inspect

import numpy as np

from nanompi.errors import JobError, ResourceError, nearest

PREFIX = "algotom:"
PLACES = ("remove_stripe_based_{}", "remove_{}_stripe")


def function_of(name: str):
    """algotom's function for a method, such as "fft" or "wavelet_fft".

    Errors: ResourceError where algotom is not installed; JobError with the names that there are.
    """
    try:
        from algotom.prep import removal
    except ImportError as error:
        raise ResourceError(
            f"tomo.stripes.method: {PREFIX}{name} needs algotom; pip install nanompi[tomo]"
        ) from error
    for place in PLACES:
        if work := getattr(removal, place.format(name), None):
            return work
    known = sorted({own for place in PLACES for own in _named(removal, place)})
    text = f"{PREFIX}{name} is not a method of algotom; allowed: {', '.join(known)}"
    raise JobError(f"tomo.stripes.method: {text}{nearest(name, known)}")


def removed(t: np.ndarray, name: str) -> np.ndarray:
    """Sinograms (k, A, K) without stripes, by algotom with its own defaults."""
    work = function_of(name)
    return np.stack([work(np.array(one)) for one in t]).astype(t.dtype)


def _named(module, place: str) -> list[str]:
    """Methods whose functions are called so"""
    before, after = place.split("{}")
    names = [n for n, f in vars(module).items() if inspect.isfunction(f)]
    return [n[len(before) : len(n) - len(after)] for n in names if n.startswith(before) and n.endswith(after)]
