// CUDA C++ on the CPU, a block at a time. The threads of a block are fibers, begun one after the other in one fiber
// until one of them waits at a barrier; so a kernel without barriers never changes its stack. A barrier that some
// threads of a block do not reach is an error. Blocks, and the threads of a block anew after each barrier, run in an
// order that is asked for: 0 = as they are numbered, -1 = in reverse, k > 0 = a random one with the seed k. A kernel
// whose result depends on it lacks a barrier, or two of its threads write to the same place.
#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)

struct dim3 {
    unsigned x, y, z;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;

template <class T> T exchange(T* to, T value) {
    const T old = *to;
    *to = value;
    return old;
}
template <class T> T atomicAdd(T* to, T v) { return exchange(to, (T)(*to + v)); }
template <class T> T atomicOr(T* to, T v) { return exchange(to, (T)(*to | v)); }
template <class T> T atomicMin(T* to, T v) { return exchange(to, std::min(*to, v)); }
template <class T> T atomicMax(T* to, T v) { return exchange(to, std::max(*to, v)); }
inline int __popc(unsigned v) { return __builtin_popcount(v); }
template <class To, class From> To bits(From v) {
    To out;
    memcpy(&out, &v, sizeof out);
    return out;
}
inline float __uint_as_float(unsigned v) { return bits<float>(v); }
inline double __longlong_as_double(long long v) { return bits<double>(v); }

namespace emulator {
constexpr unsigned MOST = 1024;       // threads of a block
constexpr size_t STACK = 64 << 10;    // bytes of a fiber's stack
struct Fiber {
    ucontext_t first;   // how it begins, and with `careful` also where it stands
    jmp_buf now;        // where it stands
    char* stack;
    bool begun;
    dim3 thread;        // the thread that it runs
    int line;           // of the barrier at which it waits; 0: it has nothing to do
};
static Fiber fibers[MOST];
static ucontext_t scheduler;
static jmp_buf back;
static Fiber* self;
static unsigned begun, threads;       // of the block
static int order;
static unsigned long long dice;
static std::vector<unsigned> turn;    // who is when, of the threads and then of the fibers of a block
static void (*body)(void**);
static void** arguments;

// 0 ... n - 1 in the order that is asked for
template <class T> static void line_up(std::vector<T>& turn, size_t n) {
    turn.resize(n);
    for (size_t i = 0; i < n; ++i) turn[i] = order < 0 ? n - 1 - i : i;
    for (size_t i = n; order > 0 && i > 1; --i) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX
        std::swap(turn[i - 1], turn[(dice >> 33) % i]);
    }
}

#ifdef __SANITIZE_ADDRESS__
constexpr bool careful = true;        // the sanitizer knows swapcontext, and takes long jumps for leaving functions
#else
constexpr bool careful = false;       // swapcontext asks the kernel for the signal mask each time: ten times slower
#endif

__attribute__((noinline)) static void leave() {
    Fiber* me = self;
    if (careful) swapcontext(&me->first, &scheduler);
    else if (!_setjmp(me->now)) _longjmp(back, 1);
}
__attribute__((noinline)) static void enter(Fiber* f) {
    self = f;
    threadIdx = f->thread;
    if (careful) swapcontext(&scheduler, &f->first);
    else if (!_setjmp(back)) {
        if (f->begun) _longjmp(f->now, 1);
        f->begun = true;
        setcontext(&f->first);
    }
}
static void barrier(int line) {
    self->line = line;
    self->thread = threadIdx;
    leave();
}
static dim3 place(unsigned t) {
    return {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
}
static void work() {
    for (;;) {
        while (begun < threads) {
            threadIdx = place(turn[begun++]);
            body(arguments);
        }
        self->line = 0;
        leave();
    }
}
static void make(Fiber* f) {
    if (!f->stack) f->stack = (char*)malloc(STACK);
    getcontext(&f->first);
    f->first.uc_stack.ss_sp = f->stack;
    f->first.uc_stack.ss_size = STACK;
    f->first.uc_link = nullptr;
    f->begun = false;
    f->line = 0;
    makecontext(&f->first, work, 0);
}
// One block; returns 0, or the line of a barrier that not all threads reach
static int block() {
    begun = 0;
    line_up(turn, threads);
    unsigned waiting = 0;
    while (begun < threads) {
        Fiber* f = &fibers[waiting];
        if (!f->stack) make(f);
        enter(f);
        if (f->line) ++waiting;
    }
    while (waiting) {
        const int line = fibers[0].line;
        if (waiting < threads) return line;
        for (unsigned k = 1; k < waiting; ++k)
            if (fibers[k].line != line) return fibers[k].line;
        unsigned left = 0;
        if (order > 0) line_up(turn, waiting);
        for (unsigned i = 0; i < waiting; ++i) {
            Fiber* f = &fibers[order > 0 ? turn[i] : i];
            enter(f);
            if (f->line) ++left;
        }
        if (left && left < waiting) return line;
        waiting = left;
    }
    return 0;
}
static int launch(void (*kernel)(void**), const unsigned* grid, const unsigned* size, void** args, int how) {
    body = kernel, arguments = args, order = how;
    dice = order;
    gridDim = {grid[0], grid[1], grid[2]}, blockDim = {size[0], size[1], size[2]};
    threads = size[0] * size[1] * size[2];
    std::vector<size_t> blocks;
    line_up(blocks, (size_t)grid[0] * grid[1] * grid[2]);
    for (const size_t b : blocks) {
        blockIdx = {(unsigned)(b % grid[0]), (unsigned)(b / grid[0] % grid[1]), (unsigned)(b / grid[0] / grid[1])};
        if (const int line = block()) {
            for (Fiber& f : fibers)  // they stand in the middle of the kernel
                if (f.stack) make(&f);
            return line;
        }
    }
    return 0;
}
}  // namespace emulator
#define __syncthreads() emulator::barrier(__LINE__)

extern "C" void* exactly(size_t bytes) { return malloc(bytes); }  // a buffer that the sanitizer guards
extern "C" void release(void* p) { free(p); }

#line 1 "kernels.cu"
