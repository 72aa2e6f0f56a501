// Real numbers two by two as complex ones; paired.py is the contract. A thread has one slice of a pair of frequencies or
// columns, neighbours in a warp have the neighbouring slices: LANES of them along x, as many pairs along y.

__device__ inline void turned(float angle, float& c, float& s) { c = cosf(angle), s = sinf(angle); }
__device__ inline void turned(double angle, double& c, double& s) { c = cos(angle), s = sin(angle); }

// exp(i pi m / n)
__device__ inline Complex half_turn(int m, int n) {
    Complex e;
    turned(REAL(PI) * m / n, e.x, e.y);
    return e;
}
__device__ inline Complex operator-(Complex a, Complex b) { return {a.x - b.x, a.y - b.y}; }

struct Place {
    int v, j;
    __device__ Place() : v(blockIdx.z * blockDim.x + threadIdx.x), j(blockIdx.x * blockDim.y + threadIdx.y) {}
};

// grid: pairs of columns, rays, slices
extern "C" __global__ void __launch_bounds__(THREADS)
pair_rays(const REAL* __restrict__ sinograms, const int* __restrict__ order, Complex* __restrict__ z, int edge, int A, int L,
          int wide_k, int k, int K) {
    const Place at;
    if (at.v >= wide_k || at.j >= L) return;
    const int middle = K + (2 * L - K) / 2;
    for (int a = blockIdx.y; a < A; a += gridDim.y) {
        Complex pair = {0, 0};
        if (at.v < k) {
            const REAL* p = sinograms + ((wide)at.v * A + order[a]) * K;
            const int t = 2 * at.j;
            const REAL first = t < middle ? p[K - 1] : p[0], second = t + 1 < middle ? p[K - 1] : p[0];
            pair.x = t < K ? p[t] : edge ? first : REAL(0);
            pair.y = t + 1 < K ? p[t + 1] : edge ? second : REAL(0);
        }
        z[((wide)a * L + at.j) * wide_k + at.v] = pair;
    }
}

// The spectra P_m and P_n of a pair of frequencies, n = L - m, m > 0
struct Spectra {
    Complex p, q;
    __device__ Spectra(Complex one, Complex two, Complex w) {
        const Complex even = REAL(0.5) * (one + conj(two)), odd = w * (REAL(0.5) * (one - conj(two)));
        p = even + odd, q = conj(even - odd);
    }
};
// -i exp(-i pi m / L)
__device__ inline Complex twist(int m, int L) {
    const Complex e = half_turn(m, L);
    return {-e.y, -e.x};
}

// grid: pairs of frequencies, rays, slices
extern "C" __global__ void __launch_bounds__(THREADS)
ray_spectra(Complex* z, const Complex* __restrict__ factors, const Complex* __restrict__ phases, int A, int L, int k) {
    const Place at;
    const int m = at.j, n = L - m;
    if (at.v >= k || m > L / 2) return;
    const wide p = (wide)m * k + at.v, q = (wide)n * k + at.v;
    const Complex w = twist(m, L);
    for (int a = blockIdx.y; a < A; a += gridDim.y) {
        Complex* const ray = z + (wide)a * L * k;
        const Complex one = ray[p];
        if (m == 0) {
            ray[p] = {(one.x + one.y) * factors[p].x * phases[(wide)a * L].x, 0};
            continue;
        }
        const Spectra own(one, ray[q], w);
        ray[p] = phases[(wide)a * L + m] * (factors[p] * own.p);
        ray[q] = phases[(wide)a * L + n] * (factors[q] * own.q);
    }
}

// grid: pairs of frequencies, rays, slices
extern "C" __global__ void __launch_bounds__(THREADS)
filter_rays(Complex* z, const Complex* __restrict__ factors, int A, int L, int k) {
    const Place at;
    const int m = at.j, n = L - m;
    if (at.v >= k || m > L / 2) return;
    const wide p = (wide)m * k + at.v, q = (wide)n * k + at.v;
    const Complex w = twist(m, L);
    for (int a = blockIdx.y; a < A; a += gridDim.y) {
        Complex* const ray = z + (wide)a * L * k;
        const Complex one = ray[p];
        if (m == 0) {
            const REAL first = (one.x + one.y) * factors[p].x, last = (one.x - one.y) * factors[p].y;
            ray[p] = {first + last, first - last};
            continue;
        }
        const Spectra own(one, ray[q], w);
        const Complex P = factors[p] * own.p, Q = conj(factors[q] * own.q);
        const Complex total = P + Q, rest = conj(w) * (P - Q);
        ray[p] = total + rest;
        ray[q] = conj(total - rest);
    }
}

// grid: pairs of columns, rays. All k slices of a pair stand in one block
extern "C" __global__ void __launch_bounds__(THREADS)
part_rays(Complex* z, int A, int L, int k) {
    const Place at;
    for (int a = blockIdx.y; a < A; a += gridDim.y) {
        const wide first = ((wide)a * L + at.j) * k;
        Complex own = {0, 0};
        if (at.j < L) own = z[first + at.v];
        __syncthreads();
        REAL* const to = reinterpret_cast<REAL*>(z + first);
        if (at.j < L) to[at.v] = own.x, to[k + at.v] = own.y;
    }
}

// grid: columns of the slice, pairs of rows, slices
extern "C" __global__ void __launch_bounds__(THREADS)
pair_plane(const Complex* __restrict__ grid, Complex* __restrict__ plane, int H, int n, int k, int G) {
    const Place at;
    if (at.v >= k || at.j >= n) return;
    const int edge = (G - 2 * H - 1) / 2, shift = at.j - n / 2, column = edge + (shift < 0 ? shift + 2 * H : shift);
    for (int m = blockIdx.y; m <= H / 2; m += gridDim.y) {
        const Complex* const from = grid + (wide)column * k + at.v;
        const wide row = (wide)G * k;
        Complex one = from[(edge + m) * row], two = from[(edge + H - m) * row];
        if (m <= edge) {
            one = one + conj(from[(edge - m) * row]);
            two = two + conj(from[(edge + H + m) * row]);
        }
        Complex* const to = plane + (wide)at.j * k + at.v;
        const wide line = (wide)n * k;
        if (m == 0) {
            to[0] = {one.x + two.x, one.x - two.x};
            continue;
        }
        const Complex e = half_turn(m, H), total = one + conj(two), rest = Complex{-e.y, e.x} * (one - conj(two));
        to[m * line] = total + rest;
        to[(H - m) * line] = conj(total - rest);
    }
}

// grid: columns and rows of pixels. A thread has all slices of a pixel
extern "C" __global__ void __launch_bounds__(THREADS)
part_plane(const REAL* __restrict__ plane, const REAL* __restrict__ taper, const double* __restrict__ reach,
           REAL* __restrict__ out, int H, int n, int wide_k, int k) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= n || y >= n) return;
    const int shift = y - n / 2, Y = shift < 0 ? shift + 2 * H : shift;
    const double h = (n - 1) * 0.5, far = (x - h) * (x - h) + (y - h) * (y - h);
    const REAL scale = taper[y] * taper[n + x];
    const REAL* const from = plane + 2 * ((wide)(Y / 2) * n + x) * wide_k + Y % 2;
    for (int v = 0; v < k; ++v)
        out[((wide)v * n + y) * n + x] = far > reach[v] * reach[v] ? REAL(0) : scale * from[2 * v];
}
