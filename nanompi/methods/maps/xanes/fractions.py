"""Sums of references that come nearest to spectra, no amount below zero: all spectra side by side.

Not negative by `linear_fit`; amounts that add up to 1 by the active set of Lawson and Hanson
(Solving Least Squares Problems, SIAM 1995, chapter 23, doi:10.1137/1.9781611971217). Each spectrum is
by itself, to the bit.
"""

from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations
from operator import add

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.maps.linear_fit import LinearFit
from nanompi.methods.maps.xanes.edge import dots
from nanompi.methods.maps.xanes.side_by_side import solved

ALIKE = 1e-9  # of the largest: a smallest eigenvalue below it means that two references are one
TINY = 1e-13
FINE = 30.0  # condition of the normal equations up to which the kernel keeps ten digits


@dataclass
class Mixture:
    """What spectra are made of.

    columns : (m, E) references at the energies of the spectra
    free    : (b, E) curves that may have any amount, such as a constant; they are taken off both sides
    one     : do the amounts of the references add up to 1?
    """

    columns: np.ndarray
    free: np.ndarray
    one: bool = False
    kept: dict = field(default_factory=dict)

    def __post_init__(self):
        self.off = np.linalg.qr(self.free.T)[0].T if len(self.free) else self.free
        self.rest = self.columns - (self.columns @ self.off.T) @ self.off
        self.gram = self.rest @ self.rest.T
        self.must_differ()
        basis, self.triangle = np.linalg.qr(self.rest.T)
        self.basis = np.ascontiguousarray(basis.T)
        self.fit = LinearFit(self.triangle, counted=False)

    def must_differ(self) -> None:
        """Errors: DataError naming two references that have one shape."""
        size = np.sqrt(np.maximum(np.diag(self.gram), 1e-300))
        shape = self.gram / np.outer(size, size)
        if np.linalg.eigvalsh(shape)[0] > ALIKE:
            return
        i, j = np.unravel_index(np.abs(np.triu(shape, 1)).argmax(), shape.shape)
        raise DataError(f"references number {i + 1} and {j + 1} cannot be told apart: leave one out")

    @property
    def number(self) -> int:
        """Of the references."""
        return len(self.columns)

    def parts(self, spectra: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(k, E) without the free curves, and (k, m) coordinates along a basis of the references: what else
        there is in a spectrum, no amounts of them explain."""
        if len(self.off):
            off = dots(spectra, self.off)
            spectra = spectra - sum(off[:, j : j + 1] * curve for j, curve in enumerate(self.off))
        return spectra, dots(spectra, self.basis)

    def products(self, coordinates: np.ndarray) -> np.ndarray:
        """(k, m) products with the references."""
        return dots(coordinates, self.triangle.T)

    def inverse(self, used: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, float]:
        """(q, q), (q,), number: amounts of the references in use = first @ products + second, what they take
        off a sum of squares = (amounts + second) @ products + third."""
        if used not in self.kept:
            q = len(used)
            own = self.gram[np.ix_(used, used)]
            if self.one:  # Lagrange's multiplier is the last unknown
                edge = np.block([[own, np.ones((q, 1))], [np.ones((1, q)), np.zeros((1, 1))]])
                whole = np.linalg.inv(edge)
                self.kept[used] = whole[:q, :q], whole[:q, q], whole[q, q]
            else:
                self.kept[used] = np.linalg.inv(own), np.zeros(q), 0.0
        return self.kept[used]

    def solved(self, products: np.ndarray, passive: np.ndarray, total: float = 1.0) -> np.ndarray:
        """(k, m) least squares with the references in use, (k, m) bool, whatever their sign.

        total : what they add up to, if they must
        """
        x = solved(self.gram, products, passive)
        if not self.one:
            return x
        way = solved(self.gram, np.ones_like(products), passive)
        return x + way * ((total - x.sum(1)) / way.sum(1))[:, None]

    def amounts(self, coordinates: np.ndarray, device) -> np.ndarray:
        """(k, m) the best amounts, none below zero; coordinates : of `parts`"""
        x = (
            self._active(self.products(coordinates))
            if self.one
            else self.fit.fit(device, coordinates, method="nnls", errors=False)[0]
        )
        if np.linalg.cond(self.gram) > FINE:  # once more with what is left: references that are nearly one
            left = self.products(coordinates - dots(x, self.triangle))
            x = np.maximum(x + self.solved(left, x > 0, total=0.0), 0)
        return x / x.sum(1, keepdims=True) if self.one else x

    def sum_of(self, x: np.ndarray) -> np.ndarray:
        """(k, E) such amounts of the references, without the free curves."""
        return sum(x[:, j : j + 1] * self.rest[j] for j in range(self.number))

    def _active(self, products: np.ndarray) -> np.ndarray:
        """(k, m) amounts that add up to 1: one reference more, as long as that helps"""
        x, passive = self._begin(products)
        left = np.arange(len(products))
        for _ in range(3 * self.number + 10):
            inside = passive[left]
            dual = products[left] - dots(x[left], self.gram)
            dual = dual - ((dual * inside).sum(1) / inside.sum(1))[:, None]
            dual[inside] = -np.inf
            best = dual.argmax(1)
            better = dual[np.arange(len(left)), best] > TINY * self.number * np.abs(products[left]).max(1)
            left, best = left[better], best[better]
            if not len(left):
                break
            passive[left, best] = True
            self._descend(products, x, passive, left)
        return x

    def _begin(self, products):
        """The one reference that comes nearest"""
        x, passive = np.zeros_like(products), np.zeros(products.shape, bool)
        best = (products - np.diag(self.gram) / 2).argmax(1)
        x[np.arange(len(x)), best], passive[np.arange(len(x)), best] = 1.0, True
        return x, passive

    def _descend(self, products, x, passive, left) -> None:
        """To the best amounts of the references in use; those that would fall below zero are out of use."""
        for _ in range(self.number):
            if not len(left):
                return
            best, own = self.solved(products[left], passive[left]), x[left]
            bad = passive[left] & (best <= 0)
            way = np.where(bad, own / np.where(bad, np.maximum(own - best, 1e-300), 1), 1.0).min(1)
            x[left] = np.where(bad.any(1)[:, None], own + way[:, None] * (best - own), best)
            out = bad & (x[left] <= TINY)
            out |= bad & (np.where(bad, own / np.maximum(own - best, 1e-300), 2) <= way[:, None])
            x[left] = np.where(out, 0.0, x[left])
            passive[left] &= ~out
            left = left[bad.any(1)]

    def best_subset(self, spectra: np.ndarray, coordinates: np.ndarray, most: int) -> np.ndarray:
        """(k, m) amounts with at most so many references in use, by the corrected criterion of Akaike.

        AICc = E ln(R / E) + 2 p + 2 p (p + 1) / (E - p - 1), R what is left, p free numbers (Hurvich and Tsai
        1989, doi:10.1093/biomet/76.2.297)
        """
        products, size = list(self.products(coordinates).T.copy()), (spectra**2).sum(1)
        energies, lowest, x = spectra.shape[1], np.full(len(size), np.inf), np.zeros_like(coordinates)
        for q in range(1, min(most, self.number) + 1):
            p, every = q + len(self.off) - self.one, list(combinations(range(self.number), q))
            gain, best = self._most_explained(products, every)
            rest = np.maximum(size - gain, 1e-24 * size + 1e-300)
            fit = energies * np.log(rest / energies) + 2 * p + 2 * p * (p + 1) / (energies - p - 1)
            better = (best >= 0) & (fit < lowest)
            lowest = np.where(better, fit, lowest)
            for number in np.unique(best[better]):
                own = np.flatnonzero(better & (best == number))
                x[own] = 0
                amounts = self._with([one[own] for one in products], every[number])
                x[np.ix_(own, every[number])] = np.stack(amounts, 1)
        return x

    def _with(self, products: list, used) -> list[np.ndarray]:
        """(k,) amounts of each reference in use; products : (k,) of each reference"""
        matrix, constant, _ = self.inverse(used)
        rows = [reduce(add, (w * products[j] for w, j in zip(row, used))) for row in matrix]
        return [row + c for row, c in zip(rows, constant)] if self.one else rows

    def _most_explained(self, products: list, every: list) -> tuple[np.ndarray, np.ndarray]:
        """(k,) of the sum of squares what the best combination without a negative amount takes away, and its
        number, -1 where each has one; products : (k,) of each reference"""
        most = np.full(len(products[0]), -np.inf)
        best = np.full(len(products[0]), -1)
        for number, used in enumerate(every):
            amounts, (_, constant, third) = self._with(products, used), self.inverse(used)
            gain = reduce(add, (x * products[j] for x, j in zip(amounts, used)))
            if self.one:
                gain = gain + reduce(add, (c * products[j] for c, j in zip(constant, used))) + third
            better = (reduce(np.minimum, amounts) >= 0) & (gain > most)
            np.copyto(most, gain, where=better)
            np.copyto(best, number, where=better)
        return most, best

    def judged(self, spectra: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(k,) R = sum of what is left squared, of that of the spectra; (k, m) standard errors of amounts.

        spectra : without the free curves. Of a reference out of use, its error if it were in use with all.
        """
        rest = spectra - self.sum_of(x)
        left, size = (rest**2).sum(1), (spectra**2).sum(1)
        used = x > 0
        degrees = np.maximum(1, spectra.shape[1] - used.sum(1) - len(self.off) + self.one)
        every = np.sqrt(np.maximum(np.diag(self.inverse(tuple(range(self.number)))[0]), 0))
        spread = np.tile(every, (len(x), 1))
        codes = used @ (1 << np.arange(self.number))
        for code in np.unique(codes[codes > 0]):
            own = tuple(j for j in range(self.number) if int(code) >> j & 1)
            spread[np.ix_(np.flatnonzero(codes == code), own)] = np.sqrt(
                np.maximum(np.diag(self.inverse(own)[0]), 0)
            )
        return left / np.maximum(size, 1e-300), spread * np.sqrt(left / degrees)[:, None]
