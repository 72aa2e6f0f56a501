"""Small symmetric systems of which some unknowns are free, for the fits of kernels on a CPU (numba).

G : (m, m) the whole matrix; some : (m,) numbers of the free ones, of which p are used; L : (m, m) to work in
"""

import numpy as np

from nanompi.device.compiled import compiler

OPTIONS = {"nogil": True, "fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}
compiled = compiler(**OPTIONS)


@compiled
def listed(free, some):
    """How many are free; their numbers stand in `some`"""
    p = 0
    for j in range(len(free)):
        if free[j]:
            some[p] = j
            p += 1
    return p


@compiled
def factor(G, some, p, ridge, L):
    """L L' = G + ridge diag(G) of some columns (Cholesky)"""
    for a in range(p):
        for e in range(a + 1):
            t = G[some[a], some[e]]
            if a == e:
                t += ridge * t
            for q in range(e):
                t -= L[a, q] * L[e, q]
            if a == e:
                L[a, a] = np.sqrt(max(t, 0.5 * ridge * G[some[a], some[a]]))
            else:
                L[a, e] = t / L[e, e]


@compiled
def forward(L, p, z):
    """z = L^-1 z, of the first p"""
    for a in range(p):
        t = z[a]
        for q in range(a):
            t -= L[a, q] * z[q]
        z[a] = t / L[a, a]


@compiled
def backward(L, p, z):
    """z = L'^-1 z, of the first p"""
    for a in range(p - 1, -1, -1):
        z[a] /= L[a, a]
        for q in range(a):
            z[q] -= L[a, q] * z[a]


@compiled
def into(L, some, p, b, z, x):
    """x = the solution for some columns, 0 elsewhere"""
    for a in range(p):
        z[a] = b[some[a]]
    forward(L, p, z)
    backward(L, p, z)
    x[:] = 0
    for a in range(p):
        x[some[a]] = z[a]
