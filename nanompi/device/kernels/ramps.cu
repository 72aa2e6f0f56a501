// The probe at its shifts; ramps.py is the contract.

// 8 M bytes a pixel in single precision: out written
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
ramps_PIXELS(const Complex* __restrict__ z, const Complex* __restrict__ by_row, const Complex* __restrict__ by_column,
             Complex* __restrict__ out, int n, int M, int h, int w) {
    const wide hw = (wide)h * w;
    each_patch<PIXELS>(n, h, w, [&](int s, int y, int x, int rows) {
        using Waves = Patch<Complex, PIXELS>;
        const wide here = (wide)y * w + x;
        Waves ramp = {};
        each<PIXELS>([&](int r, int i) {
            if (r < rows) ramp(r, i) = by_row[(wide)s * h + y + r] * by_column[(wide)s * w + x + i];
        });
        for (wide m = 0; m < M * hw; m += hw) {
            Waves v = Waves::read(z + m + here, w, rows);
            each<PIXELS>([&](int r, int i) { v(r, i) = ramp(r, i) * v(r, i); });
            v.write(out + s * M * hw + m + here, w, rows);
        }
    });
}

// 8 M: num read, a thread for each pixel of z
extern "C" __global__ void __launch_bounds__(THREADS, MANY)
ramps_adjoint(const Complex* __restrict__ num, const Complex* __restrict__ by_row,
              const Complex* __restrict__ by_column, Complex* __restrict__ z, int S, int M, int h, int w) {
    const wide all = (wide)M * h * w;
    for (wide p = (wide)blockIdx.x * THREADS + threadIdx.x; p < all; p += (wide)gridDim.x * THREADS) {
        const int y = p / w % h, x = p % w;
        Complex sum = {0, 0};
        for (int s = 0; s < S; ++s)
            sum = sum + conj(by_row[(wide)s * h + y] * by_column[(wide)s * w + x]) * num[s * all + p];
        z[p] = sum;
    }
}
