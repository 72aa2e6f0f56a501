"""The plan of the preparation: what is done to each frame; made once on rank 0, applied by every rank."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.methods.ptycho.prepare.crop import Cut
from nanompi.methods.ptycho.prepare.dark import subtract
from nanompi.methods.ptycho.prepare.empty import dark_frames
from nanompi.methods.ptycho.prepare.rebin import rebin, rebin_mask
from nanompi.methods.ptycho.prepare.values import in_counts, lost, tight
from nanompi.methods.ptycho.prepare.zingers import zingers


@dataclass
class Plan:
    """Frames as stored -> counts. `mask` and `dark` have the shape of the window and its order.

    window : stored frame -> window, in FFT order when nothing is summed afterwards
    mask   : (h, w) bool, dark : (h, w) float32 or None, both of the window; top: saturated from here on,
        or None
    rebin  : pixels summed along each axis; corner: the counts are in FFT order
    good   : mask of the counts; pixel: detector pixel (row, column) in metres, turned and summed
    scale  : (n,) float32 intensity of all exposures, or None; notes: for the log and the result
    gain   : counts = value / gain, whole: they are whole numbers but for rounding; noise, fano: of `Frames`
    limit  : (h, w) of the window, above it a value may be a zinger (`zingers.highest`), or None; strays: how
        many were met, block by block
    bright : pixels of the counts that tell whether a frame is empty (`empty.brightest`), or None: not asked
    sure   : an empty frame cannot be chance; dark_ones: the frames without counts, first
        those that `apply` has met on this rank, after loading those of all ranks
    """

    window: Cut
    mask: np.ndarray
    dark: np.ndarray | None
    top: float | None
    rebin: int
    corner: bool
    pixel: tuple[float, float]
    scale: np.ndarray | None = None
    gain: float = 1.0
    whole: bool = True
    noise: str = "counts"
    fano: float = 1.0
    notes: dict[str, Any] = field(default_factory=dict)
    limit: np.ndarray | None = None
    strays: list[int] = field(default_factory=list)
    bright: np.ndarray | None = None
    sure: bool = False
    dark_ones: list[int] = field(default_factory=list)

    def apply(self, raw: np.ndarray, index=None) -> np.ndarray:
        """(k, H, W) as stored -> (k, h, w) uint16 or float32. `raw` stays as it is."""
        x = self.window(raw)
        if not self.mask.all():
            x = x.copy() if x is raw else x
            x[:, ~self.mask] = 0  # else the -1 or 65535 of a gap would count as not measured in every frame
        peak = x.max(0) if self.limit is not None and len(x) else None
        gone = lost(x, self.top, peak)
        if peak is not None and (found := zingers(x, peak, self.limit, self.gain)):
            gone = np.zeros(x.shape, bool) if gone is None else gone
            self.strays.append(int(np.count_nonzero(~gone[found])))
            gone[found] = True
        x = in_counts(subtract(x, self.dark), self.gain, self.whole)
        if gone is not None:
            x = np.where(gone, np.float32(-1), x).astype(np.float32, copy=False)
        counts = tight(self.summed(x))
        if self.bright is not None and index is not None and len(index):
            self.dark_ones.extend(np.asarray(index)[dark_frames(counts, self.bright)].tolist())
        return counts

    def summed(self, x: np.ndarray) -> np.ndarray:
        """Windows (k, h, w) rebinned, in the order of the counts."""
        return self._shifted(rebin(x, self.rebin))

    @property
    def good(self) -> np.ndarray:
        """(h, w) bool, in the order of the counts."""
        return self._shifted(rebin_mask(self.mask, self.rebin)[None])[0]

    def _shifted(self, x):
        return np.fft.ifftshift(x, axes=(1, 2)) if self.corner and self.rebin > 1 else x
