// Line integrals and their adjoint; joseph.py is the contract. A thread has EIGHT slices of one ray or one pixel: places
// and shares are found once for them, and neighbours in a warp read neighbouring runs of slices. Both gather: no atomics.

typedef Run<REAL, 4> Four;

struct Slices {
    Four low, high;

    __device__ void add(REAL share, const REAL* from) {
        const Four* run = reinterpret_cast<const Four*>(from);
        const Four a = run[0], b = run[1];
#pragma unroll
        for (int s = 0; s < 4; ++s) low.of[s] += share * a.of[s], high.of[s] += share * b.of[s];
    }
    __device__ void write(REAL* to) const {
        Four* run = reinterpret_cast<Four*>(to);
        run[0] = low, run[1] = high;
    }
};

__device__ inline REAL share(REAL distance, REAL narrow) {
    const REAL left = 1 - (distance < 0 ? -distance : distance) * narrow;
    return left > 0 ? left : REAL(0);
}

// The whole number below t, from 0 to n - 2. t in double: a place at the end of a long row has its digits, too
__device__ inline int below(double t, int n) {
    const double whole = floor(t);
    return whole < 0 ? 0 : whole > n - 2 ? n - 2 : (int)whole;
}

// grid: columns, angles, eights of slices
extern "C" __global__ void __launch_bounds__(THREADS)
project_rays(const REAL* __restrict__ f, const double* __restrict__ turn, REAL* __restrict__ out, double axis, int A, int n,
             int K, int k) {
    const int c = blockIdx.x * blockDim.x + threadIdx.x, z = blockIdx.z * EIGHT;
    if (c >= K) return;
    for (int a = blockIdx.y; a < A; a += gridDim.y) {
        const double C = turn[2 * a], S = turn[2 * a + 1], h = (n - 1) * 0.5;
        const bool rows = fabs(C) >= fabs(S);
        const double over = 1 / (rows ? C : S), slope = (rows ? S : C) * over;
        const double start = (c - axis) * over + h * slope + h;
        const REAL scale = fabs(over);
        const wide across = rows ? (wide)n * k : k, along = rows ? k : (wide)n * k;
        Slices sum = {};
        for (int y = 0; y < n; ++y) {
            const double t = start - y * slope;
            if (t <= -1 || t >= n) continue;
            const int i = below(t, n);
            const REAL d = t - i;
            const REAL* at = f + y * across + i * along + z;
            sum.add(share(d, 1) * scale, at);
            sum.add(share(d - 1, 1) * scale, at + along);
        }
        sum.write(out + ((wide)a * K + c) * k + z);
    }
}

// grid: columns and rows of pixels, eights of slices; rows lane, lane + lanes, ...
extern "C" __global__ void __launch_bounds__(THREADS)
backproject_rays(const REAL* __restrict__ q, const double* __restrict__ turn, REAL* __restrict__ out, double axis, int A, int K,
                 int n, int k) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y, z = blockIdx.z * EIGHT;
    if (x >= n || y >= n) return;
    const double h = (n - 1) * 0.5;
    Slices sum = {};
    for (int a = 0; a < A; ++a) {
        const double C = turn[2 * a], S = turn[2 * a + 1];
        const double t = (x - h) * C + (y - h) * S + axis;
        if (t <= -1 || t >= K) continue;
        const REAL narrow = 1 / fmax(fabs(C), fabs(S));
        const int i = below(t, K);
        const REAL d = t - i;
        const REAL* at = q + ((wide)a * K + i) * k + z;
        sum.add(share(d, narrow) * narrow, at);
        sum.add(share(d - 1, narrow) * narrow, at + k);
    }
    sum.write(out + ((wide)y * n + x) * k + z);
}
