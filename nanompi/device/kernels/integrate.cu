// Frames over bins of a diffraction pattern; integrate.py is the contract.

__device__ inline bool measured(COUNT v, double top) { return v >= 0 && v < top; }

// A block for each bin, which goes over frames; the matrix comes from the cache for all but the first of them. Sums are
// trees that are always the same
extern "C" __global__ void __launch_bounds__(THREADS)
integrate_frames(const COUNT* __restrict__ frames, const float* __restrict__ norm, const float* __restrict__ dark,
                 const int* __restrict__ first, const int* __restrict__ pixel, const float* __restrict__ share,
                 double* __restrict__ sums, double top, int k, int P, int B) {
    __shared__ double sum[SUMS][THREADS];
    const int b = blockIdx.x;
    for (int j = blockIdx.y; j < k; j += gridDim.y) {
        double own[SUMS] = {0, 0, 0};
        for (int q = first[b] + threadIdx.x; q < first[b + 1]; q += THREADS) {
            const int p = pixel[q];
            const double w = share[q];
            const COUNT v = frames[(wide)j * P + p];
            const bool good = measured(v, top);
            const double y = good ? double(v) : double(dark[p]);
            own[0] += w * y;
            own[1] += good ? w * w * y : 0;
            own[2] += good ? 0 : w * norm[p];
        }
        add_up(own, sum);
        if (threadIdx.x == 0)
            for (int s = 0; s < SUMS; ++s) sums[((wide)j * B + b) * SUMS + s] = sum[s][0];
        __syncthreads();
    }
}

// Number of the block's values that are below or at a limit. which(q) is a value of an entry, below 0 where it has none
template <class Which> __device__ inline int counted(int from, int to, Which which, float limit) {
    __shared__ double sum[1][THREADS];
    int own[1] = {0};
    for (int q = from + threadIdx.x; q < to; q += THREADS) {
        const float v = which(q);
        own[0] += v >= 0 && v <= limit;
    }
    add_up(own, sum);
    __syncthreads();
    const int all = (int)sum[0][0];
    __syncthreads();
    return all;
}

// The lower median of values that are not negative: their bits rise as they do, and are found one by one
template <class Which> __device__ inline float lower_median(int from, int to, Which which, int n) {
    unsigned low = 0;
    for (int bit = 30; bit >= 0; --bit) {
        const unsigned below = low + (1u << bit) - 1;  // are enough of them at or below this?
        if (counted(from, to, which, __uint_as_float(below)) <= (n - 1) / 2) low += 1u << bit;
    }
    return __uint_as_float(low);
}

// A block for each ring, which goes over frames
extern "C" __global__ void __launch_bounds__(THREADS)
ring_middles(const COUNT* __restrict__ frames, const float* __restrict__ norm, const int* __restrict__ first,
             const int* __restrict__ pixel, float* __restrict__ middle, float* __restrict__ spread, double top, int k,
             int P, int B) {
    const int b = blockIdx.x, from = first[b], to = first[b + 1];
    const float most = __uint_as_float(0x7f7fffffu), none = __uint_as_float(0x7fffffffu);
    for (int j = blockIdx.y; j < k; j += gridDim.y) {
        const auto value = [&](int q) {
            const int p = pixel[q];
            const COUNT v = frames[(wide)j * P + p];
            return measured(v, top) ? float(v) / norm[p] : -1.f;
        };
        const int n = counted(from, to, value, most);
        const float own = n ? lower_median(from, to, value, n) : none;
        const auto off = [&](int q) {
            const float v = value(q);
            return v < 0 ? -1.f : v < own ? own - v : v - own;
        };
        const float around = n ? lower_median(from, to, off, n) : none;
        if (threadIdx.x == 0) middle[(wide)j * B + b] = own, spread[(wide)j * B + b] = around;
    }
}
