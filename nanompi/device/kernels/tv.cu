// The proximal map of total variation; tv.py is the contract. A thread has one pixel, and reads its neighbours from the
// cache: out of place, so that no thread sees what another has written.

__device__ inline REAL divergence(const REAL* d, int y, int x, int h, int w) {
    const REAL *down = d + (wide)y * w + x, *right = down + (wide)h * w;
    REAL out = down[0] + right[0];
    if (y) out -= down[-w];
    if (x) out -= right[-1];
    return out;
}

// 28 bytes a pixel in single precision: g and d read, new written; the rest comes from the cache
extern "C" __global__ void __launch_bounds__(THREADS)
tv_dual(const REAL* __restrict__ g, const REAL* __restrict__ d, const REAL* __restrict__ weight, REAL* __restrict__ out, int k,
        int h, int w) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= w || y >= h) return;
    for (int j = blockIdx.z; j < k; j += gridDim.z) {
        const REAL over = 1 / weight[j], *G = g + (wide)j * h * w, *D = d + (wide)j * 2 * h * w;
        const wide at = (wide)y * w + x;
        const REAL v = divergence(D, y, x, h, w) - over * G[at];
        const REAL a = y + 1 < h ? REAL(STEP) * (divergence(D, y + 1, x, h, w) - over * G[at + w] - v) : REAL(0);
        const REAL b = x + 1 < w ? REAL(STEP) * (divergence(D, y, x + 1, h, w) - over * G[at + 1] - v) : REAL(0);
        const REAL less = 1 / (1 + root(a * a + b * b));
        REAL* N = out + (wide)j * 2 * h * w;
        N[at] = (D[at] + a) * less;
        N[at + (wide)h * w] = (D[at + (wide)h * w] + b) * less;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
tv_primal(const REAL* __restrict__ g, const REAL* __restrict__ d, const REAL* __restrict__ weight, REAL* __restrict__ u, int k,
          int h, int w) {
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= w || y >= h) return;
    for (int j = blockIdx.z; j < k; j += gridDim.z) {
        const wide at = ((wide)j * h + y) * w + x;
        u[at] = g[at] - weight[j] * divergence(d + (wide)j * 2 * h * w, y, x, h, w);
    }
}
