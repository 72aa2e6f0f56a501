"""The overlap model: exit waves psi_j = P O(r + r_j), and the sums over frames that are adjoint to it."""

import numpy as _np

BAND = 16  # rows of the object that one thread adds up in a run


def _views(O, at, h, w):
    return (O[y : y + h, x : x + w] for y, x, _ in at)


def exit_waves(O, P, at, psi):
    """psi_j = P O_j"""
    for j, o in enumerate(_views(O, at, *psi.shape[-2:])):
        psi[j] = P[at[j, 2]] * o


def mix(O, P, at, psi, a, b, z):
    """z_j = a P O_j + b psi_j; with b = 0 it does not matter what psi holds"""
    for j, o in enumerate(_views(O, at, *psi.shape[-2:])):
        z[j] = a * (P[at[j, 2]] * o) + (b * psi[j] if b else 0)


def follow(O, P, at, psi, z, c, d, e):
    """psi_j <- c psi_j + d P O_j + e z_j; with c = 0 it does not matter what psi held"""
    for j, o in enumerate(_views(O, at, *psi.shape[-2:])):
        psi[j] = (c * psi[j] if c else 0) + d * (P[at[j, 2]] * o) + e * z[j]


def tangent(O, P, dO, dP, at, z):
    """z_j = P dO_j + dP O_j, the change of psi_j along (dO, dP)"""
    h, w = z.shape[-2:]
    for j, (o, do) in enumerate(zip(_views(O, at, h, w), _views(dO, at, h, w))):
        z[j] = P[at[j, 2]] * do + dP[at[j, 2]] * o


def object_sums(psi, P, at, num, lane, lanes):
    """num(r + r_j) += sum_m P_m* psi_jm, every `lanes`-th band of rows of num (adjoint of O -> P O)"""
    h, w = psi.shape[-2:]
    for j, (y, x, s) in enumerate(at):
        r = (y + _np.arange(h)) // BAND % lanes == lane
        num[y : y + h, x : x + w][r] += (P[s][:, r].conj() * psi[j][:, r]).sum(0)


def powers(P, out):
    """out_s = sum_m |P_m|^2; out : (S, h, w) real"""
    out[...] = (P.real**2 + P.imag**2).sum(1)


def object_weights(P2, at, den, lane, lanes):
    """den(r + r_j) += P2_s, every `lanes`-th band of rows of den; P2 : (S, h, w) real, sum_m |P_m|^2"""
    h, w = P2.shape[-2:]
    for y, x, s in at:
        r = (y + _np.arange(h)) // BAND % lanes == lane
        den[y : y + h, x : x + w][r] += P2[s, r]


def probe_sums(psi, O, at, num, den, lane, lanes):
    """num_s += O_j* psi_j and den_s += |O_j|^2, a part of the rows (adjoint of P -> P O)

    num : (S, M, h, w) complex, den : (S, h, w) real, or (1, h, w): sum_s den_s
    """
    h, w = psi.shape[-2:]
    r = slice(h * lane // lanes, h * (lane + 1) // lanes)
    for j, o in enumerate(_views(O, at, h, w)):
        num[at[j, 2], :, r] += o[r].conj() * psi[j, :, r]
        den[at[j, 2] % len(den), r] += _np.abs(o[r]) ** 2
