// Fits of spectra on a set of columns; spectra_fit.py is the contract. A block of FITTERS threads does one spectrum, and
// each gridDim.x-th after. Symmetric matrices stand in the upper triangle of a square in shared memory; the factors of
// some of their columns in the lower one, by places in the list of these, their diagonal apart.

constexpr int RESIDENT = sizeof(REAL) == 4 ? 6 : 4;  // blocks that have registers at a time

struct Square {
    double of[MOST_COLUMNS][MOST_COLUMNS + 1];  // one more: columns lie in different banks
    double diagonal[MOST_COLUMNS], ridge[MOST_COLUMNS];
    int some[MOST_COLUMNS], p;
    __device__ double operator()(int i, int j) const { return i < j ? of[i][j] : of[j][i]; }
};

// The sum over the threads of the block, for all of them
__device__ inline double together(double own) {
    __shared__ double room[FITTERS];
    __syncthreads();
    room[threadIdx.x] = own;
    for (int half = FITTERS / 2; half; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) room[threadIdx.x] += room[threadIdx.x + half];
    }
    __syncthreads();
    return room[0];
}

// The list of those that are free
__device__ inline void list(Square& A, const int* free, int m) {
    __syncthreads();
    if (threadIdx.x == 0) {
        A.p = 0;
#pragma unroll 1
        for (int j = 0; j < m; ++j)
            if (free[j]) A.some[A.p++] = j;
    }
    __syncthreads();
}

// L L' = A + ridge, of the columns in the list: a thread has a row
__device__ inline void factor(Square& A) {
    const int a = threadIdx.x, p = A.p;
#pragma unroll 1
    for (int e = 0; e < p; ++e) {
        double t = 0;
        if (a >= e && a < p) {
            t = A(A.some[a], A.some[e]);
            if (a == e) t += A.ridge[A.some[a]];
#pragma unroll 1
            for (int q = 0; q < e; ++q) t -= A.of[a][q] * A.of[e][q];
            const double least = A.ridge[A.some[a]] / 2;
            if (a == e) A.diagonal[e] = sqrt(t > least ? t : least);
        }
        __syncthreads();
        if (a > e && a < p) A.of[a][e] = t / A.diagonal[e];
        __syncthreads();
    }
}

__device__ inline void forward(const Square& A, double* z) {
#pragma unroll 1
    for (int a = 0; a < A.p; ++a) {
        if ((int)threadIdx.x == a) z[a] /= A.diagonal[a];
        __syncthreads();
        if ((int)threadIdx.x > a && (int)threadIdx.x < A.p) z[threadIdx.x] -= A.of[threadIdx.x][a] * z[a];
        __syncthreads();
    }
}

__device__ inline void backward(const Square& A, double* z) {
#pragma unroll 1
    for (int a = A.p - 1; a >= 0; --a) {
        if ((int)threadIdx.x == a) z[a] /= A.diagonal[a];
        __syncthreads();
        if ((int)threadIdx.x < a) z[threadIdx.x] -= A.of[a][threadIdx.x] * z[a];
        __syncthreads();
    }
}

// The same by each thread for a vector of its own, whose values lie MOST_COLUMNS apart
__device__ inline void forward_alone(const Square& A, double* z) {
#pragma unroll 1
    for (int a = 0; a < A.p; ++a) {
        double t = z[a * MOST_COLUMNS];
#pragma unroll 1
        for (int q = 0; q < a; ++q) t -= A.of[a][q] * z[q * MOST_COLUMNS];
        z[a * MOST_COLUMNS] = t / A.diagonal[a];
    }
}

__device__ inline void backward_alone(const Square& A, double* z) {
#pragma unroll 1
    for (int a = A.p - 1; a >= 0; --a) {
        double t = z[a * MOST_COLUMNS];
#pragma unroll 1
        for (int q = a + 1; q < A.p; ++q) t -= A.of[q][a] * z[q * MOST_COLUMNS];
        z[a * MOST_COLUMNS] = t / A.diagonal[a];
    }
}

// x = the solution for the columns in the list, 0 elsewhere
__device__ inline void into(Square& A, const double* b, double* z, double* x, int m) {
    const int t = threadIdx.x;
    factor(A);
    if (t < A.p) z[t] = b[A.some[t]];
    __syncthreads();
    forward(A, z);
    backward(A, z);
    if (t < m) x[t] = 0;
    __syncthreads();
    if (t < A.p) x[A.some[t]] = z[t];
    __syncthreads();
}

// Block principal pivoting: which columns are free, and x
__device__ inline void pivot(Square& G, const double* b, const int* there, int* free, int* wrong, double* z, double* x,
                             int m) {
    const int t = threadIdx.x;
    double limit = 0;
#pragma unroll 1
    for (int j = 0; j < m; ++j) limit = fabs(b[j]) > limit ? fabs(b[j]) : limit;
    int best = m + 1, left = FULL;
    for (int turn = 0; turn < 20 * m; ++turn) {
        list(G, free, m);
        into(G, b, z, x, m);
        if (t < m) {
            double slope = -b[t];
#pragma unroll 1
            for (int q = 0; q < G.p; ++q) slope += G(t, G.some[q]) * x[G.some[q]];
            wrong[t] = there[t] && (free[t] ? x[t] < 0 : slope < -SINGULAR * limit);
        }
        __syncthreads();
        int many = 0, last = 0;
#pragma unroll 1
        for (int j = 0; j < m; ++j)
            if (wrong[j]) ++many, last = j;
        if (!many) break;
        const bool alone = many >= best && left == 0;
        left = many < best ? FULL : left - (left > 0);
        best = many < best ? many : best;
        if (t < m && wrong[t] && (t == last || !alone)) free[t] = !free[t];
        __syncthreads();
    }
}

extern "C" __global__ void __launch_bounds__(FITTERS, RESIDENT)
least_squares(const COUNT* __restrict__ counts, const double* __restrict__ weighted, const double* __restrict__ weights,
              const int* __restrict__ at, const double* __restrict__ scale, const double* __restrict__ gram,
              const double* __restrict__ third, double* __restrict__ x, double* __restrict__ errors,
              double* __restrict__ misfit, double* __restrict__ room, int with_sign, int by_counts, int with_errors, int k,
              int C, int m, int d) {
    __shared__ Square G;
    __shared__ double b[MOST_COLUMNS], z[MOST_COLUMNS], own[MOST_COLUMNS], half[FITTERS];
    __shared__ int there[MOST_COLUMNS], unlike[MOST_COLUMNS], wrong[MOST_COLUMNS];
    const int t = threadIdx.x, j = t % MOST_COLUMNS, parts = FITTERS / MOST_COLUMNS;
    double* const V = room + (wide)blockIdx.x * 2 * MOST_COLUMNS * MOST_COLUMNS;
    double* const mine = V + MOST_COLUMNS * MOST_COLUMNS + j;
    for (wide s = blockIdx.x; s < k; s += gridDim.x) {
        const COUNT* const y = counts + s * C;
        const double* const part = scale + s * d;
        double squares = 0, every = 0;
        int channels = 0;
        if (t < m) b[t] = 0;
#pragma unroll 1
        for (int i = 0; i < d; ++i) {
            double projected = 0;
            if (j < m)
#pragma unroll 1
                for (int c = at[i] + t / MOST_COLUMNS; c < at[i + 1]; c += parts)
                    projected += (double)y[c] * weighted[(wide)c * m + j];
            half[t] = projected;
#pragma unroll 1
            for (int c = at[i] + t; c < at[i + 1]; c += FITTERS) {
                const double one = weights[c] * (double)y[c] * (double)y[c];
                every += one;
                squares += part[i] > 0 ? one : 0;
            }
            channels += part[i] > 0 ? at[i + 1] - at[i] : 0;
            __syncthreads();
            if (t < m) {
#pragma unroll 1
                for (int q = 1; q < parts; ++q) half[t] += half[t + q * MOST_COLUMNS];
                if (part[i] > 0) b[t] += part[i] * half[t];
            }
            __syncthreads();
        }
        every = together(every), squares = together(squares);
#pragma unroll 1
        for (int q = t; q < m * m; q += FITTERS) {
            double sum = 0;
#pragma unroll 1
            for (int i = 0; i < d; ++i) sum += part[i] * part[i] * gram[(wide)i * m * m + q];
            if (q / m <= q % m) G.of[q / m][q % m] = sum;
        }
        __syncthreads();
        if (t < m) {
            there[t] = unlike[t] = G.of[t][t] > 0;
            G.ridge[t] = SINGULAR * G.of[t][t];
        }
        __syncthreads();
        int some = 0;
#pragma unroll 1
        for (int q = 0; q < m; ++q) some |= there[q];
        if (!some || !(every - every == 0)) {
            const double nothing = nan("");
            if (t < m) x[s * m + t] = nothing;
            if (t < m && with_errors) errors[s * m + t] = nothing;
            if (t == 0) misfit[s] = nothing;
            __syncthreads();
            continue;
        }
        if (with_sign) {
            list(G, unlike, m);
            into(G, b, z, own, m);
        } else {
            pivot(G, b, there, unlike, wrong, z, own, m);
        }
        double rest = 0;
        if (t < m) {
            rest = -2 * b[t];
#pragma unroll 1
            for (int q = 0; q < m; ++q) rest += G(t, q) * own[q];
            rest *= own[t];
            x[s * m + t] = own[t];
        }
        rest = together(rest) + squares;
        rest = rest > 0 ? rest : 0;
        if (t == 0) misfit[s] = rest;
        if (!with_errors) continue;
        const double variance = rest / (channels > G.p ? channels - G.p : 1);
#pragma unroll 1
        for (int q = t; q < m * m; q += FITTERS) {
            double sum = by_counts ? 0 : variance * G(q / m, q % m);
#pragma unroll 1
            for (int i = 0; by_counts && i < d; ++i)
#pragma unroll 1
                for (int l = 0; l < m; ++l)
                    if (own[l] > 0) sum += part[i] * part[i] * part[i] * own[l] * third[((wide)i * m + l) * m * m + q];
            V[q] = sum;
        }
        __syncthreads();
        if (t < m && there[t]) {
#pragma unroll 1
            for (int a = 0; a < G.p; ++a)
                mine[a * MOST_COLUMNS] = unlike[t] ? (G.some[a] == t ? 1.0 : 0.0) : -G(G.some[a], t);
            forward_alone(G, mine);
            backward_alone(G, mine);
            double left = unlike[t] ? 1 : G.of[t][t], spread = unlike[t] ? 0 : V[t * m + t];
#pragma unroll 1
            for (int a = 0; a < G.p; ++a) {
                const int i = G.some[a];
                double sum = 0;
#pragma unroll 1
                for (int e = 0; e < G.p; ++e) sum += mine[e * MOST_COLUMNS] * V[i * m + G.some[e]];
                spread += mine[a * MOST_COLUMNS] * sum;
                if (!unlike[t]) {
                    left += mine[a * MOST_COLUMNS] * G(i, t);
                    spread += 2 * mine[a * MOST_COLUMNS] * V[i * m + t];
                }
            }
            if (!unlike[t] && left < G.ridge[t]) left = G.ridge[t];
            errors[s * m + t] = sqrt(spread > 0 ? spread : 0) / left;
        } else if (t < m) {
            errors[s * m + t] = nan("");
        }
        __syncthreads();
    }
}

// The channels of a spectrum that have counts, in their order, with the scale of their detectors
struct Channels {
    const REAL* columns;
    const COUNT* y;
    int* number;
    REAL *part, *mu, *r;  // r = y / mu
    int k, m;

    // mu + UNEXPLAINED and r of amplitudes
    __device__ void model(const double* x, REAL* amplitude, REAL* to) {
        __syncthreads();
        if (threadIdx.x < m) amplitude[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
#pragma unroll 1
        for (int i = threadIdx.x; i < k; i += FITTERS) {
            const REAL* const a = columns + (wide)number[i] * m;
            REAL sum = 0;
#pragma unroll 1
            for (int j = 0; j < m; ++j) sum += a[j] * amplitude[j];
            to[i] = UNEXPLAINED + part[i] * sum;
            r[i] = (REAL)y[number[i]] / to[i];
        }
        __syncthreads();
    }
    // g = S - A' r
    __device__ void slopes(const double* S, double* g, double* half) {
        const int t = threadIdx.x, j = t % MOST_COLUMNS, parts = FITTERS / MOST_COLUMNS;
        double sum = 0;
        if (j < m)
#pragma unroll 1
            for (int i = t / MOST_COLUMNS; i < k; i += parts) sum += r[i] * part[i] * columns[(wide)number[i] * m + j];
        half[t] = sum;
        __syncthreads();
        if (t < m) {
#pragma unroll 1
            for (int q = 1; q < parts; ++q) half[t] += half[t + q * MOST_COLUMNS];
            g[t] = S[t] - half[t];
        }
        __syncthreads();
    }
    // H = sum y / mu^2 a a', a slab of channels after the other
    __device__ void information(Square& H, REAL (*slab)[MOST_COLUMNS + 1], REAL* weight) {
#pragma unroll 1
        for (int q = threadIdx.x; q < m * m; q += FITTERS)
            if (q / m <= q % m) H.of[q / m][q % m] = 0;
        for (int first = 0; first < k; first += SLAB) {
            const int n = k - first < SLAB ? k - first : SLAB;
            __syncthreads();
#pragma unroll 1
            for (int q = threadIdx.x; q < n * m; q += FITTERS) {
                const int i = first + q / m;
                slab[q / m][q % m] = part[i] * columns[(wide)number[i] * m + q % m];
                if (q % m == 0) weight[q / m] = r[i] / mu[i];
            }
            __syncthreads();
#pragma unroll 1
            for (int q = threadIdx.x; q < m * m; q += FITTERS) {
                const int i = q / m, j = q % m;
                if (i > j) continue;
                REAL sum = 0;
#pragma unroll 1
                for (int c = 0; c < n; ++c) sum += weight[c] * slab[c][i] * slab[c][j];
                H.of[i][j] += sum;
            }
        }
        __syncthreads();
    }
};

// Gathers the channels that have counts; returns their counts, or NaN where one is no count
__device__ inline double gather(Channels& own, const int* at, const double* scale, int* before, int C, int d) {
    const int t = threadIdx.x, begin = (wide)C * t / FITTERS, end = (wide)C * (t + 1) / FITTERS;
    double total = 0;
    int many = 0, i = 0;
#pragma unroll 1
    for (int c = begin; c < end; ++c) {
        while (c >= at[i + 1]) ++i;
        const COUNT value = own.y[c];
        if (value == 0) continue;
        if (!(value > 0)) total = nan("");
        if (scale[i] > 0) total += value, ++many;
    }
    total = together(total);
    before[t] = many;
    __syncthreads();
    int place = 0;
    own.k = 0;
#pragma unroll 1
    for (int q = 0; q < FITTERS; ++q) {
        if (q == t) place = own.k;
        own.k += before[q];
    }
    i = 0;
#pragma unroll 1
    for (int c = begin; c < end; ++c) {
        while (c >= at[i + 1]) ++i;
        if (own.y[c] == 0 || !(scale[i] > 0)) continue;
        own.number[place] = c;
        own.part[place++] = scale[i];
    }
    __syncthreads();
    return total;
}

extern "C" __global__ void __launch_bounds__(FITTERS, RESIDENT)
poisson_fit(const COUNT* __restrict__ counts, const REAL* __restrict__ columns, const int* __restrict__ at,
            const double* __restrict__ scale, const double* __restrict__ sums, double* __restrict__ x,
            double* __restrict__ errors, double* __restrict__ misfit, int* __restrict__ numbers, REAL* __restrict__ values,
            double* __restrict__ room, double tolerance, int iterations, int with_errors, int k, int C, int m, int d) {
    __shared__ Square H;
    __shared__ REAL slab[SLAB][MOST_COLUMNS + 1], weight[SLAB], amplitude[MOST_COLUMNS];
    __shared__ double S[MOST_COLUMNS], now[MOST_COLUMNS], to[MOST_COLUMNS], g[MOST_COLUMNS], g_to[MOST_COLUMNS];
    __shared__ double step[MOST_COLUMNS], z[MOST_COLUMNS], half[FITTERS];
    __shared__ int free[MOST_COLUMNS], before[FITTERS];
    const int t = threadIdx.x;
    REAL* const value = values + (wide)blockIdx.x * 4 * C;
    Channels own = {columns, nullptr, numbers + (wide)blockIdx.x * C, value, value + C, value + 2 * C, 0, m};
    REAL* const there = value + 3 * C;
    for (wide s = blockIdx.x; s < k; s += gridDim.x) {
        own.y = counts + s * C;
        const double total = gather(own, at, scale + s * d, before, C, d);
        double seen = 0;
        if (t < m) {
            S[t] = 0;
#pragma unroll 1
            for (int i = 0; i < d; ++i) S[t] += scale[s * d + i] * sums[i * m + t];
            seen = S[t];
        }
        seen = together(seen);
        if (!(total == total) || !(total - total == 0) || !(seen > 0)) {
            const double nothing = nan("");
            if (t < m) x[s * m + t] = nothing;
            if (t < m && with_errors) errors[s * m + t] = nothing;
            if (t == 0) misfit[s] = nothing;
            __syncthreads();
            continue;
        }
        if (t < m) {
            const double first = S[t] > 0 ? FIRST * (total + 1) / (m * S[t]) : 0;
            now[t] = x[s * m + t] > first ? x[s * m + t] : first;
        }
        own.model(now, amplitude, own.mu);
        own.slopes(S, g, half);
        bool done = false;
        for (int turn = 0; turn <= iterations; ++turn) {
            own.information(H, slab, weight);
            if (t < m) {
                free[t] = S[t] > 0 && !(now[t] * S[t] <= LEAST * 1.000001 && g[t] > 0);
                H.ridge[t] = RIDGE * (H.of[t][t] + S[t] * S[t] / (total + 1));
                step[t] = 0;
            }
            list(H, free, m);
            factor(H);
            if (t < H.p) z[t] = -g[H.some[t]];
            __syncthreads();
            forward(H, z);
            const double fall = together(t < H.p ? z[t] * z[t] : 0);
            backward(H, z);
            if (t < H.p) step[H.some[t]] = z[t];
            __syncthreads();
            done = fall < tolerance;
            if (done || turn == iterations) break;
            double length = 1;
            int tries = 0;
            for (; tries < TRIES; ++tries, length *= SHORTER) {
                if (t < m) {
                    const double least = LEAST / S[t], moved = now[t] + length * step[t];
                    to[t] = !free[t] ? now[t] : moved > least ? moved : least;
                }
                own.model(to, amplitude, there);
                own.slopes(S, g_to, half);
                const double slope = together(t < m ? g_to[t] * (to[t] - now[t]) : 0);
                if (slope <= FLAT) break;
                double change = t < m ? S[t] * (to[t] - now[t]) : 0;
#pragma unroll 1
                for (int i = t; i < own.k; i += FITTERS)
                    change -= (double)own.y[own.number[i]] * log((double)there[i] / own.mu[i]);
                if (together(change) <= 0) break;
            }
            if (tries == TRIES) break;
            if (t < m) now[t] = to[t], g[t] = g_to[t];
#pragma unroll 1
            for (int i = t; i < own.k; i += FITTERS) own.mu[i] = there[i];
            __syncthreads();
        }
        if (with_errors && t < m) {
            double* const mine = room + (wide)blockIdx.x * MOST_COLUMNS * MOST_COLUMNS + t;
#pragma unroll 1
            for (int a = 0; a < H.p; ++a)
                mine[a * MOST_COLUMNS] = free[t] ? (H.some[a] == t ? 1.0 : 0.0) : H(H.some[a], t);
            forward_alone(H, mine);
            double sum = 0;
#pragma unroll 1
            for (int a = 0; a < H.p; ++a) sum += mine[a * MOST_COLUMNS] * mine[a * MOST_COLUMNS];
            const double h = H.of[t][t] - sum > 0 ? H.of[t][t] - sum : 0;
            errors[s * m + t] = free[t] ? sqrt(sum) : S[t] > 0 ? 1 / (g[t] + sqrt(g[t] * g[t] + h)) : nan("");
        }
        __syncthreads();
        if (t < m) {
            const double last = now[t] + (done ? step[t] : 0);
            now[t] = free[t] && last > 0 ? last : 0;
            x[s * m + t] = now[t];
        }
        own.model(now, amplitude, own.mu);
        double deviance = t < m ? S[t] * now[t] : 0;
#pragma unroll 1
        for (int i = t; i < own.k; i += FITTERS)
            deviance += (double)own.y[own.number[i]] * log((double)own.r[i]);
        if (t == 0)
#pragma unroll 1
            for (int i = 0; i < d; ++i) deviance += scale[s * d + i] > 0 ? (double)UNEXPLAINED * (at[i + 1] - at[i]) : 0;
        deviance = together(deviance);
        if (t == 0) misfit[s] = 2 * (deviance - total);
        __syncthreads();
    }
}
