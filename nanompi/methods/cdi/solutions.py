"""What the starts have in common: the best ones on each other, their average, their modes."""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.cdi.align import align

NEAR = 1.2  # times the best figure: a start that comes as near is averaged, unless the job says how many
ALIKE = 1.05  # the same of `llk`, whose pixels are many: few are held out, and chance ranks by them as well


@dataclass
class Combined:
    """The best starts, brought onto the best one; rank 0.

    numbers : (k,) of the starts, the best first; images : (k, *shape) complex64, FFT order
    average : (*shape) complex64; twins : which of them were turned about
    agreement : (k,) with the average: |<image, average>| / (|image| |average|)
    weights : (k,) part of the power that each mode has, the largest first; they sum up to 1
    """

    numbers: np.ndarray
    images: np.ndarray
    average: np.ndarray
    twins: np.ndarray
    agreement: np.ndarray
    weights: np.ndarray
    modes: np.ndarray


def score(figures: dict[str, float]) -> float:
    """The figure by which starts are ranked: that of pixels held out, else the error; the less the better."""
    value = figures.get("free", figures["error"])
    return value if np.isfinite(value) else np.inf


def best_of(figures: dict[int, dict], many: int | str) -> list[int]:
    """Numbers of the starts that are averaged, the best first; of equal ones the first.

    many : how many; "auto" = those whose figure is at most NEAR times the best one, or whose `llk` is at most
        ALIKE times that of the best one; at most half of all
    """
    order = sorted(figures, key=lambda n: (score(figures[n]), n))
    order = [n for n in order if np.isfinite(score(figures[n]))]
    if many != "auto":
        return order[:many]
    best = figures[order[0]] if order else {"error": 0.0}
    near = [n for n in order if _near(figures[n], best)]
    return near[: max(1, len(figures) // 2)]


def _near(one: dict, best: dict) -> bool:
    """By the figure that ranks, or by the pixels that were seen; both are below 0 by rounding where all was
    met to the bit"""
    ranked, llk = score(best), best.get("llk", np.nan)
    return score(one) <= max(NEAR * ranked, ranked) or one.get("llk", np.nan) <= max(ALIKE * llk, llk)


def combine(numbers: list[int], images: list[np.ndarray], threads: int = 1) -> Combined:
    """Align images onto the first; average and modes. images : complex, FFT order; they are overwritten."""
    fits = [align(image, images[0], threads) for image in images]
    stack = np.stack([fit.image for fit in fits]).astype(np.complex64)
    average = stack.mean(0)
    weights, modes = modes_of(stack)
    norm = np.linalg.norm(average)
    agreement = [abs(np.vdot(one, average)) / (np.linalg.norm(one) * norm) for one in stack]
    twins = np.array([fit.twin for fit in fits])
    return Combined(np.array(numbers), stack, average, twins, np.array(agreement), weights, modes)


def modes_of(stack: np.ndarray, most: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """(weights (k,), modes (at most `most`, *shape)): of images on each other the orthogonal ones that hold
    as much of the power as any can, by the eigenvectors of their products."""
    products = np.array([[np.vdot(a, b) for b in stack] for a in stack])
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
    k = min(most, len(stack))
    modes = np.tensordot(vectors[:, :k].T.astype(np.complex64), stack, 1)
    return values / max(values.sum(), 1e-300), modes / np.float32(np.sqrt(len(stack)))


def centred(image: np.ndarray) -> tuple[int, ...]:
    """Whole pixels along each axis by which an image in FFT order is moved to have its mass at index 0.

    The axes have no ends: the mean place is that of the mean direction on a circle.
    """
    power, moves = np.abs(image) ** 2, []
    for axis, n in enumerate(image.shape):
        along = power.sum(tuple(k for k in range(image.ndim) if k != axis), dtype=float)
        angle = np.angle((along * np.exp(2j * np.pi * np.arange(n) / n)).sum())
        moves.append(-int(np.rint(angle * n / (2 * np.pi))))
    return tuple(moves)


def extent(support: np.ndarray) -> tuple[int, ...]:
    """Pixels along each axis that the support spans, which has no ends: the length less the widest gap."""
    out = []
    for axis, n in enumerate(support.shape):
        there = np.flatnonzero(support.any(tuple(k for k in range(support.ndim) if k != axis)))
        gaps = np.diff(np.append(there, there[:1] + n)) if len(there) else np.array([n + 1])
        out.append(int(n - gaps.max() + 1))
    return tuple(out)
