// Moments of frames; moments.py is the contract. A block for each frame, its threads side by side along the rows.

// Of c bytes a count: c + 2 a pixel, of which the two masks come from the cache
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
moments(const COUNT* __restrict__ I, const bool* __restrict__ good, const bool* __restrict__ bright,
        const double* __restrict__ y, const double* __restrict__ x, double* __restrict__ out, int n, int h, int w) {
    constexpr int TOP = 4, ALL = 5;  // four sums, then the largest count
    __shared__ double share[ALL][THREADS];
    const int t = threadIdx.x, pixels = h * w;
    for (int j = blockIdx.x; j < n; j += gridDim.x) {
        const COUNT* const frame = I + (wide)j * pixels;
        double own[ALL] = {0, 0, 0, 0, 0};
        for (int p = t; p < pixels; p += THREADS) {
            const double v = good[p] && frame[p] > 0 ? double(frame[p]) : 0.0;
            own[0] += bright[p] ? v : 0.0;
            own[1] += bright[p] ? 0.0 : v;
            own[2] += y[p / w] * v;
            own[3] += x[p % w] * v;
            own[TOP] = own[TOP] > v ? own[TOP] : v;
        }
        for (int k = 0; k < ALL; ++k) share[k][t] = own[k];
        for (int half = THREADS / 2; half; half /= 2) {
            __syncthreads();
            if (t >= half) continue;
            for (int k = 0; k < TOP; ++k) share[k][t] += share[k][t + half];
            share[TOP][t] = share[TOP][t] > share[TOP][t + half] ? share[TOP][t] : share[TOP][t + half];
        }
        __syncthreads();
        if (t < ALL) out[(wide)j * ALL + t] = share[t][0];
        __syncthreads();  // before the next frame
    }
}
