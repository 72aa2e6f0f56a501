// Columns of sinograms ranked, smoothed across the columns, and put back; stripes.py is the contract.

// Are two values of a column of A in the wrong order? Equal ones are in that of their angles; what fills up a column
// has the angles from A on, and is last
template <class T> __device__ inline bool wrong(T a, int i, T b, int j, int A) {
    return i >= A || j >= A ? i > j : a > b || (a == b && i > j);
}

// A block for each column: bitonic sort of its values and their angles, filled up to `full`, a power of two, in shared
// memory, or where it is too small in `more` and `more_at`, (blocks, full)
extern "C" __global__ void __launch_bounds__(THREADS)
rank_columns(const REAL* __restrict__ p, REAL* __restrict__ ranked, int* __restrict__ order, REAL* more, int* more_at,
             int k, int A, int K, int full) {
    __shared__ REAL values[IN_BLOCK];
    __shared__ int angles[IN_BLOCK];
    REAL* value = full <= IN_BLOCK ? values : more + (wide)blockIdx.x * full;
    int* at = full <= IN_BLOCK ? angles : more_at + (wide)blockIdx.x * full;
    for (wide c = blockIdx.x; c < (wide)k * K; c += gridDim.x) {
        const REAL* from = p + c / K * A * K + c % K;
        for (int a = threadIdx.x; a < full; a += THREADS) {
            value[a] = a < A ? from[(wide)a * K] : 0;
            at[a] = a;
        }
        for (int size = 2; size <= full; size *= 2)
            for (int step = size / 2; step > 0; step /= 2) {
                __syncthreads();
                for (int i = threadIdx.x; i < full / 2; i += THREADS) {
                    const int a = 2 * i - (i & (step - 1)), b = a + step;  // bit `step` is 0 in a, 1 in b
                    const bool rising = (a & size) == 0;
                    const REAL x = value[a], y = value[b];
                    const int m = at[a], n = at[b];
                    if (rising ? wrong(x, m, y, n, A) : wrong(y, n, x, m, A)) {
                        value[a] = y, value[b] = x;
                        at[a] = n, at[b] = m;
                    }
                }
            }
        __syncthreads();
        for (int a = threadIdx.x; a < A; a += THREADS) {
            ranked[c * A + a] = value[a];
            order[c * A + a] = at[a];
        }
        __syncthreads();
    }
}

__device__ inline int mirrored(int i, int n) {
    i %= 2 * n;
    i = i < 0 ? i + 2 * n : i;
    return i < n ? i : 2 * n - 1 - i;
}

// A thread for each rank of a sinogram, which goes over the columns: its window is kept sorted, by insertion
extern "C" __global__ void __launch_bounds__(ABREAST)
smooth_ranks(const REAL* __restrict__ ranked, REAL* __restrict__ out, int k, int K, int A, int size) {
    __shared__ REAL windows[WIDEST][ABREAST];
    const wide g = (wide)blockIdx.x * ABREAST + threadIdx.x;
    if (g >= (wide)k * A) return;
    const REAL* from = ranked + g / A * K * A + g % A;
    REAL* to = out + g / A * K * A + g % A;
    const int half = size / 2, v = threadIdx.x;
    for (int i = 0; i < size; ++i) {
        const REAL value = from[(wide)mirrored(i - half, K) * A];
        int place = i;
        for (; place > 0 && windows[place - 1][v] > value; --place) windows[place][v] = windows[place - 1][v];
        windows[place][v] = value;
    }
    for (int c = 0; c < K; ++c) {
        to[(wide)c * A] = windows[half][v];
        const REAL old = from[(wide)mirrored(c - half, K) * A], value = from[(wide)mirrored(c + half + 1, K) * A];
        int place = 0;
        for (; place + 1 < size && windows[place][v] < old; ++place) {}
        for (; place + 1 < size && windows[place + 1][v] < value; ++place) windows[place][v] = windows[place + 1][v];
        for (; place > 0 && windows[place - 1][v] > value; --place) windows[place][v] = windows[place - 1][v];
        windows[place][v] = value;
    }
}

// 12 bytes a value in single precision: ranked and order read, p written
extern "C" __global__ void __launch_bounds__(THREADS)
unrank_columns(const REAL* __restrict__ ranked, const int* __restrict__ order, REAL* __restrict__ p, int k, int K,
               int A) {
    const wide n = (wide)k * K * A;
    for (wide i = (wide)blockIdx.x * THREADS + threadIdx.x; i < n; i += (wide)gridDim.x * THREADS) {
        const wide column = i / A, j = column / K;
        p[(j * A + order[i]) * K + column % K] = ranked[i];
    }
}

// A thread for each column
extern "C" __global__ void __launch_bounds__(THREADS)
column_roughness(const REAL* __restrict__ p, double* __restrict__ out, int k, int A, int K, int size) {
    const wide c = (wide)blockIdx.x * THREADS + threadIdx.x;
    if (c >= (wide)k * K) return;
    const REAL* from = p + c / K * A * K + c % K;
    double total = 0;
    for (int a = 0; a < A; ++a) {
        double mean = 0;
        for (int i = a - size / 2; i < a - size / 2 + size; ++i) mean += from[(wide)mirrored(i, A) * K];
        total += fabs(from[(wide)a * K] - mean / size);
    }
    out[c] = total;
}
