"""Sums of references that come nearest to spectra, no amount below zero: all spectra side by side.

Not negative by `linear_fit`; amounts that add up to 1 by the active set of Lawson and Hanson
(Solving Least Squares Problems, SIAM 1995, chapter 23, doi:10.1137/1.9781611971217). Each spectrum is
by itself, to the bit.
"""

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.maps.linear_fit import LinearFit
from nanompi.methods.maps.xanes.edge import dots

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
        self.fit = LinearFit(self.rest.T, counted=False)

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
        """(k, E) without the free curves, and (k, m) their products with the references."""
        off = dots(spectra, self.off) if len(self.off) else np.zeros((len(spectra), 0))
        spectra = spectra - sum(off[:, j : j + 1] * self.off[j] for j in range(len(self.off)))
        return spectra, dots(spectra, self.rest)

    def inverse(self, used: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """(q, q), (q,): amounts of the references in use = first @ products + second."""
        if used not in self.kept:
            q = len(used)
            own = self.gram[np.ix_(used, used)]
            if self.one:
                edge = np.block([[own, np.ones((q, 1))], [np.ones((1, q)), np.zeros((1, 1))]])
                whole = np.linalg.inv(edge)
                self.kept[used] = whole[:q, :q], whole[:q, q]
            else:
                self.kept[used] = np.linalg.inv(own), np.zeros(q)
        return self.kept[used]

    def solved(self, products: np.ndarray, passive: np.ndarray) -> np.ndarray:
        """(k, m) least squares with the references in use, (k, m) bool, whatever their sign.

        One system for each spectrum, with a 1 in place of references out of use, and the sum as an equation.
        """
        m, n = self.number, len(products)
        system = np.zeros((n, m + self.one, m + self.one))
        system[:, :m, :m] = np.where(passive[:, :, None] & passive[:, None, :], self.gram, 0.0)
        system[:, np.arange(m), np.arange(m)] += ~passive
        right = np.where(passive, products, 0.0)
        if self.one:
            system[:, :m, m] = system[:, m, :m] = passive
            right = np.column_stack([right, np.ones(n)])
        return np.linalg.solve(system, right[..., None])[:, :m, 0]

    def amounts(self, spectra: np.ndarray, products: np.ndarray, device) -> np.ndarray:
        """(k, m) the best amounts, none below zero. spectra, products : of `parts`"""
        x = (
            self._active(products)
            if self.one
            else self.fit.fit(device, spectra, method="nnls", errors=False)[0]
        )
        if np.linalg.cond(self.gram) > FINE:  # once more with what is left: references that are nearly one
            x = np.maximum(x + self._change(spectra - self.sum_of(x), x > 0), 0)
        return x / x.sum(1, keepdims=True) if self.one else x

    def _change(self, rest: np.ndarray, used: np.ndarray) -> np.ndarray:
        """(k, m) least squares of what is left, by references in use, their sum as it is"""
        products = dots(rest, self.rest)
        change = self.solved(products, used)
        return change - self.solved(np.zeros_like(products), used) if self.one else change

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

    def best_subset(self, spectra: np.ndarray, products: np.ndarray, most: int) -> np.ndarray:
        """(k, m) amounts with at most so many references in use, by the corrected criterion of Akaike.

        AICc = E ln(R / E) + 2 p + 2 p (p + 1) / (E - p - 1), R what is left, p free numbers (Hurvich and Tsai
        1989, doi:10.1093/biomet/76.2.297)
        """
        n, size = len(products), (spectra**2).sum(1)
        energies, lowest, x = spectra.shape[1], np.full(n, np.inf), np.zeros_like(products)
        for q in range(1, min(most, self.number) + 1):
            p = q + len(self.off) - self.one
            for used in combinations(range(self.number), q):
                matrix, constant = self.inverse(used)
                own = products[:, used]
                amount = dots(own, matrix) + constant
                inner = dots(amount, self.gram[np.ix_(used, used)])
                rest = size - (amount * (2 * own - inner)).sum(1)
                rest = np.maximum(rest, 1e-24 * size + 1e-300)
                fit = energies * np.log(rest / energies) + 2 * p + 2 * p * (p + 1) / (energies - p - 1)
                better = (amount >= 0).all(1) & (fit < lowest)
                lowest = np.where(better, fit, lowest)
                row = np.zeros((n, self.number))
                row[:, used] = amount
                x = np.where(better[:, None], row, x)
        return x

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
