// Peaks fitted, each by itself; peaks.py is the contract. A thread for each row, always in double precision: a sum of
// squares that changes by 1e-7 is nothing in single.

struct Fit {
    double H[PARAMETERS][PARAMETERS], g[PARAMETERS];  // the lower half of the normal matrix, downhill
    double total;                                     // weighted squares
};

struct Row {
    const double *x, *y;
    double* weight;
    int m, shape;
};

// The model at x[i] and its derivatives
__device__ inline double value(const Row& row, int i, const double* p, double* own) {
    const double ln2 = log(2.), pi = acos(-1.);  // compiled in; the constants of the contract are REAL here
    const double u = 2 * (row.x[i] - p[1]) / p[2], lorentz = 1 / (1 + u * u);
    const double G = 2 * sqrt(ln2 / pi) / p[2] * exp(-ln2 * u * u), L = 2 / (pi * p[2]) * lorentz;
    own[0] = p[3] * L + (1 - p[3]) * G;
    own[1] = p[0] / p[2] * ((1 - p[3]) * G * 4 * ln2 * u + p[3] * L * 4 * u * lorentz);
    own[2] = p[0] / p[2] * ((1 - p[3]) * G * (2 * ln2 * u * u - 1) + p[3] * L * (2 * u * u * lorentz - 1));
    own[3] = p[0] * (L - G), own[4] = 1, own[5] = row.x[i] - (row.x[0] + row.x[row.m - 1]) / 2;
    return p[0] * own[0] + p[4] + p[5] * own[5];
}

__device__ inline void normal(const Row& row, const double* p, Fit& fit) {
    fit = {};
    double own[PARAMETERS];
#pragma unroll 1
    for (int i = 0; i < row.m; ++i) {
        const double r = row.y[i] - value(row, i, p, own), w = row.weight[i];
        fit.total += w * r * r;
#pragma unroll 1
        for (int a = 0; a < PARAMETERS; ++a) {
            const double t = w * own[a];
            fit.g[a] += t * r;
#pragma unroll 1
            for (int b = 0; b <= a; ++b) fit.H[a][b] += t * own[b];
        }
    }
}

__device__ inline double lowest(const Row& row, int a) {
    return a == 1 ? row.x[0] : a == 2 ? double(NARROW) * (row.x[row.m - 1] - row.x[0]) / (row.m - 1) : 0;
}
__device__ inline double highest(const Row& row, int a) {
    return a == 1 ? row.x[row.m - 1] : a == 2 ? row.x[row.m - 1] - row.x[0] : 1;
}

// Bits of the parameters that would leave their limits
__device__ inline int held(const Row& row, const double* p, const double* g) {
    int out = row.shape == PSEUDO_VOIGT ? 0 : 8;
#pragma unroll 1
    for (int a = 1; a < 4; ++a)
        if ((p[a] <= lowest(row, a) && g[a] < 0) || (p[a] >= highest(row, a) && g[a] > 0)) out |= 1 << a;
    return out;
}

// Cholesky's factor of the damped matrix without what is held; is there one?
__device__ inline bool factor(const Fit& fit, int fixed, double damping, double (*L)[PARAMETERS]) {
#pragma unroll 1
    for (int a = 0; a < PARAMETERS; ++a)
#pragma unroll 1
        for (int b = 0; b <= a; ++b) {
            double t = (fixed >> a | fixed >> b) & 1 ? (a == b ? 1. : 0.) : fit.H[a][b];
            if (a == b) t += damping * t + (damping > 0 ? 1e-300 : 0);
#pragma unroll 1
            for (int k = 0; k < b; ++k) t -= L[a][k] * L[b][k];
            if (a == b && !(t > 0)) return false;
            L[a][b] = a == b ? sqrt(t) : t / L[b][b];
        }
    return true;
}

// d = what the matrix with this factor makes g of
__device__ inline void substitute(const double (*L)[PARAMETERS], double* d) {
#pragma unroll 1
    for (int a = 0; a < PARAMETERS; ++a) {
#pragma unroll 1
        for (int k = 0; k < a; ++k) d[a] -= L[a][k] * d[k];
        d[a] /= L[a][a];
    }
#pragma unroll 1
    for (int a = PARAMETERS - 1; a >= 0; --a) {
#pragma unroll 1
        for (int k = a + 1; k < PARAMETERS; ++k) d[a] -= L[k][a] * d[k];
        d[a] /= L[a][a];
    }
}

// Steps until none gains; p and fit are changed. Has that come?
__device__ inline bool descend(const Row& row, double* p, Fit& fit) {
    normal(row, p, fit);
    double damping = 1e-2, L[PARAMETERS][PARAMETERS], q[PARAMETERS];
    Fit next;
#pragma unroll 1
    for (int trial = 0; trial < TRIALS; ++trial) {
        const int fixed = held(row, p, fit.g);
        bool better = factor(fit, fixed, damping, L);
        if (better) {
#pragma unroll 1
            for (int a = 0; a < PARAMETERS; ++a) q[a] = fixed >> a & 1 ? 0 : fit.g[a];
            substitute(L, q);
#pragma unroll 1
            for (int a = 0; a < PARAMETERS; ++a) {
                q[a] += p[a];
                if (a > 0 && a < 4) q[a] = fmin(fmax(q[a], lowest(row, a)), highest(row, a));
            }
            normal(row, q, next);
            better = next.total <= fit.total;
        }
        if (better) {
            const bool small = fit.total - next.total < double(CONVERGED) * fit.total + 1e-300;
#pragma unroll 1
            for (int a = 0; a < PARAMETERS; ++a) p[a] = q[a];
            fit = next;
            damping = fmax(damping * 0.2, 1e-9);
            if (small) return true;
        } else {
            damping *= 5;
            if (damping > double(STIFF)) return true;
        }
    }
    return false;
}

__device__ inline void guess(const Row& row, double* p) {
    const int m = row.m, ends = m / 8 > 2 ? m / 8 : 2;
    const double step = (row.x[m - 1] - row.x[0]) / (m - 1);
    double left = 0, right = 0, top = -1e300, area = 0;
    for (int i = 0; i < ends; ++i) left += row.y[i] / ends, right += row.y[m - 1 - i] / ends;
    p[1] = row.x[0];
    for (int i = 0; i < m; ++i) {
        const double line = left + (right - left) * (double(i) / (m - 1));
        const double above = row.weight[i] > 0 ? row.y[i] - line : 0;
        area += above * step;
        if (above > top) top = above, p[1] = row.x[i];
    }
    p[0] = fmax(area, step * fabs(top));
    p[2] = fmin(fmax(fabs(area) / fmax(top, 1e-300) * 0.9, 1.5 * step), 0.5 * (row.x[m - 1] - row.x[0]));
    p[3] = row.shape == PSEUDO_VOIGT ? 0.5 : row.shape - 1.;
    p[4] = (left + right) / 2, p[5] = (right - left) / (row.x[m - 1] - row.x[0]);
}

// work : (n, m), the weights
extern "C" __global__ void __launch_bounds__(ABREAST, 8)
fit_peaks(const double* __restrict__ x, const double* __restrict__ y, const double* __restrict__ weights,
          const double* __restrict__ counting, double* __restrict__ work, double* __restrict__ p,
          double* __restrict__ errors, double* __restrict__ chi2, int shape, int n, int m) {
    const wide s = (wide)blockIdx.x * ABREAST + threadIdx.x;
    if (s >= n) return;
    const Row row = {x, y + s * m, work + s * m, m, shape};
    double at[PARAMETERS], L[PARAMETERS][PARAMETERS], d[PARAMETERS];
    Fit fit;
    int points = 0;
    for (int i = 0; i < m; ++i) {
        row.weight[i] = weights[s * m + i];
        points += row.weight[i] > 0;
    }
    guess(row, at);
    bool done = descend(row, at, fit), again = false;
    for (int i = 0; i < m; ++i) {
        const double c = counting[s * m + i];
        if (!(c > 0) || !(row.weight[i] > 0)) continue;
        again = true;
        row.weight[i] = 1 / (c * fmax(value(row, i, at, d), c));
    }
    if (again) done = descend(row, at, fit);
    const int fixed = held(row, at, fit.g), degrees = points - PARAMETERS + __popc(fixed);
    const bool positive = factor(fit, fixed, 0, L), good = done && !(fixed & 6);
    const double none = __longlong_as_double(0x7ff8000000000000ll);
    chi2[s] = good ? fit.total / (degrees > 1 ? degrees : 1) : none;
#pragma unroll 1
    for (int a = 0; a < PARAMETERS; ++a) {
        for (int b = 0; b < PARAMETERS; ++b) d[b] = a == b;
        if (positive) substitute(L, d);
        p[s * PARAMETERS + a] = good ? at[a] : none;
        errors[s * PARAMETERS + a] = !good ? none : fixed >> a & 1 ? 0. : positive ? sqrt(fmax(d[a], 0.)) : none;
    }
}
