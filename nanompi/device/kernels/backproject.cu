// Back-projection; backproject.py is the contract. A thread has EIGHT slices of one pixel: place and shares are found
// once for them, and neighbours in a warp read neighbouring runs of slices.

// grid: columns and rows of pixels, eights of slices
extern "C" __global__ void __launch_bounds__(THREADS)
backproject(const REAL* __restrict__ q, const double* __restrict__ turn, const double* __restrict__ reach,
            REAL* __restrict__ out, double centre, int A, int T, int wide_k, int k, int n) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y, z = blockIdx.z * EIGHT;
    if (x >= n || y >= n) return;
    const double h = (n - 1) * 0.5, far = (x - h) * (x - h) + (y - h) * (y - h);
    REAL sum[EIGHT] = {};
    for (int a = 0; a < A; ++a) {
        const double t = (x - h) * turn[3 * a] + (y - h) * turn[3 * a + 1] + centre, whole = floor(t);
        const REAL weight = turn[3 * a + 2], w = weight * REAL(t - whole), u = weight - w;
        const REAL* at = q + ((wide)a * T + (wide)whole) * wide_k + z;
#pragma unroll
        for (int s = 0; s < EIGHT; ++s) sum[s] += u * at[s] + w * at[s + wide_k];
    }
#pragma unroll
    for (int s = 0; s < EIGHT; ++s)
        if (z + s < k) out[((wide)(z + s) * n + y) * n + x] = far > reach[z + s] * reach[z + s] ? REAL(0) : sum[s];
}
