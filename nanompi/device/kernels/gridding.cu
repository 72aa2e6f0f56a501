// Gridding; gridding.py is the contract. A thread has EIGHT slices of one point of the grid, or of one sample: places
// and weights are found once for them. Both gather, in a fixed order: no atomics.

struct Eight {
    Complex of[EIGHT];

    __device__ void add(REAL weight, const Complex* from, REAL sign) {
#pragma unroll
        for (int s = 0; s < EIGHT; ++s) {
            of[s].x += weight * from[s].x;
            of[s].y += weight * sign * from[s].y;
        }
    }
};

// The window in shared memory: its polynomials for points 0 ... W - 1, the highest power last. All threads take part
__device__ inline void load_window(REAL* own, const double* window, int D, int W) {
    for (int i = threadIdx.y * blockDim.x + threadIdx.x; i < D * W; i += blockDim.x * blockDim.y) own[i] = window[i];
    __syncthreads();
}
__device__ inline REAL weight(const REAL* own, int D, int W, int j, REAL f) {
    REAL w = own[(D - 1) * W + j];
    for (int d = D - 2; d >= 0; --d) w = w * f + own[d * W + j];
    return w;
}

// The samples of a ray that may reach the point (y, x): first ... last, by the axis along which it runs faster
struct Span {
    int first, last;
    __device__ Span(double dy, double dx, int y, int x, int W, int R) {
        const bool flat = fabs(dx) >= fabs(dy);
        const double step = flat ? dx : dy, place = flat ? x : y, half = (W / 2 + 1) / fabs(step);
        const double middle = place / step;
        const double low = middle - half, high = middle + half;
        first = low < 0 ? 0 : low > R ? R : (int)low;
        last = high < 0 ? -1 : high >= R ? R - 1 : (int)high;
    }
};

// grid: columns and rows of points, eights of slices
extern "C" __global__ void __launch_bounds__(THREADS)
spread(const Complex* __restrict__ samples, const double* __restrict__ turn, const double* __restrict__ window,
       Complex* grid, double step, int D, int W, int A, int R, int k, int H, int G) {
    __shared__ REAL own[MOST_WINDOW];
    load_window(own, window, D, W);
    const int column = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    if (column >= G || row >= H) return;
    const int y = row - (W / 2 - 1), x = column - G / 2;  // from frequency 0
    const wide z = blockIdx.z * EIGHT;
    Eight sum = {};
    for (int a = 0; a < A; ++a) {
        const double S = turn[2 * a + 1], sign = S < 0 ? -1 : 1, dy = step * sign * S, dx = step * sign * turn[2 * a];
        if (fabs(y * dx - x * dy) > (W / 2) * (fabs(dx) + fabs(dy)) + step) continue;
        const Span span(dy, dx, y, x, W, R);
        for (int m = span.first; m <= span.last; ++m) {
            const double ty = m * dy, tx = m * dx, fy = floor(ty), fx = floor(tx);
            const int j = y - (int)fy + W / 2 - 1, i = x - (int)fx + W / 2 - 1;
            if (j < 0 || j >= W || i < 0 || i >= W) continue;
            const REAL w = weight(own, D, W, j, ty - fy) * weight(own, D, W, i, tx - fx);
            sum.add(w, samples + ((wide)a * R + m) * k + z, sign);
        }
    }
    Complex* to = grid + ((wide)row * G + column) * k + z;
#pragma unroll
    for (int s = 0; s < EIGHT; ++s) to[s] = to[s] + sum.of[s];
}

// grid: samples of a ray, rays, eights of slices
extern "C" __global__ void __launch_bounds__(THREADS)
collect(const Complex* __restrict__ grid, const double* __restrict__ turn, const double* __restrict__ window,
        Complex* samples, double step, int D, int W, int A, int R, int k, int G) {
    __shared__ REAL own[MOST_WINDOW];
    load_window(own, window, D, W);
    const int m = blockIdx.x * blockDim.x + threadIdx.x;
    if (m >= R) return;
    const wide z = blockIdx.z * EIGHT;
    for (int a = blockIdx.y; a < A; a += gridDim.y) {
        const double S = turn[2 * a + 1], sign = S < 0 ? -1 : 1, ty = m * (step * sign * S), tx = m * (step * sign * turn[2 * a]);
        const double fy = floor(ty), fx = floor(tx);
        const Complex* from = grid + ((wide)fy * G + G / 2 - (W / 2 - 1) + (wide)fx) * k + z;
        Eight sum = {};
#pragma unroll 1  // or too many registers are wanted
        for (int j = 0; j < W; ++j) {
            const REAL wy = weight(own, D, W, j, ty - fy);
#pragma unroll 1
            for (int i = 0; i < W; ++i)
                sum.add(wy * weight(own, D, W, i, tx - fx), from + ((wide)j * G + i) * k, sign);
        }
        Complex* to = samples + ((wide)a * R + m) * k + z;
#pragma unroll
        for (int s = 0; s < EIGHT; ++s) to[s] = sum.of[s];
    }
}
