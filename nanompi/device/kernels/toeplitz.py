"""A convolution of real images with an even kernel, between two complex transforms of half their size.

Neighbours of a row are packed as one complex number, z(y, x) = f(y, 2 x) + i f(y, 2 x + 1). Of its transform
Z(j, l), l = 0 ... m - 1, that of the convolved image, packed too, is

    own Z(j, l) + i mirror conj(Z(-j, -l)),   own = s - d sin(pi l / m),   mirror = d cos(pi l / m)

with s and d half the sum and half the difference of H(j, l) and H(j, l + m), the transform of the kernel over
twice as many columns: that of f is E + w^l O, w = exp(-i pi / m), with E and O those of even and odd columns.
"""

import numpy as _np


def convolve(Z, own, mirror):
    """Z <- own Z + i mirror conj(Z(-j, -l)) in place; Z : (k, h, m) complex, own, mirror : (h, m) real"""
    turned = _np.roll(Z[:, ::-1, ::-1], 1, (1, 2)).conj()
    Z[...] = own * Z + (1j * mirror).astype(Z.dtype) * turned
