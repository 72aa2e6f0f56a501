"""Spectra of the probe at many shifts below a pixel: a shift is a phase ramp, of rows times columns.

y : (S, h) complex, x : (S, w) complex, the ramps of each shift
"""


def ramps(z, y, x, out):
    """out_s = y_s x_s z; z : (M, h, w) complex, out : (S, M, h, w)"""
    out[...] = (y[:, :, None] * x[:, None])[:, None] * z


def ramps_adjoint(num, y, x, z):
    """z = sum_s (y_s x_s)* num_s; num : (S, M, h, w) complex, z : (M, h, w)"""
    z[...] = ((y[:, :, None] * x[:, None]).conj()[:, None] * num).sum(0)
