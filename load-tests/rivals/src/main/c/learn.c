/* A workload of the bench, learned at batch 1 by the fastest C that we can write: a program of its own, compiled for
 * one network and one processor. It does the arithmetic of Tidegrad's step (the same network, loss, optimizer, rows and
 * first weights, a true division and square root), without what a product needs besides: no padding of narrow layers
 * (their weights are stored output after output), denormal numbers flushed by the processor, no check of numbers or
 * ids, no page marks, no predictions kept, no row copied, and the table rows of the next example prefetched. An id that
 * a row has twice is updated twice.
 *
 *   learn FILE losses N     prints the mean loss of the first N rows, each before its update
 *   learn FILE seconds S    prints the examples learned in a second of CPU time, over S seconds after half a second
 *
 * `CProgram.java` compiles it with these constants, and writes the file: NUMBERS and IDS of a row, WIDTHS of the dense
 * layers (relu between them), TABLE_ROWS, COLUMNS (of an embedding before the numbers; or, with BAG, of a sum that is
 * the output), ADAM or ADAGRAD, CLASSES (softmax; else sigmoid). */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#ifndef WIDTHS
#define WIDTHS
#endif
#ifdef BAG
#define IN 1
#else
#define IN (IDS * COLUMNS + NUMBERS)
#endif
#ifdef ADAM
enum { PARTS = 3 };
#else
enum { PARTS = 2 };
#endif
enum { LANES = 16, WIDE = 16, LAYERS_MAX = 4, AHEAD = 1, FLOATS_A_LINE = 16 };

#define INLINE static inline __attribute__((always_inline))

/* Sixteen floats: one register with AVX-512, two with AVX2; gcc makes what the processor has. */
typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));

INLINE v16 load(const float *p) { return *(const v16 *) p; }
INLINE void store(float *p, v16 v) { *(v16 *) p = v; }
INLINE v16 all(float f) { return f - (v16) {0}; }

INLINE v16 root(v16 v) {
#if defined(__AVX512F__)
    return (v16) _mm512_sqrt_ps((__m512) v);
#elif defined(__AVX__)
    union { v16 v; __m256 half[2]; } u = {v};
    u.half[0] = _mm256_sqrt_ps(u.half[0]);
    u.half[1] = _mm256_sqrt_ps(u.half[1]);
    return u.v;
#else
    for (int l = 0; l < LANES; l++) v[l] = sqrtf(v[l]);
    return v;
#endif
}

INLINE float sum(v16 v) {
    typedef float v8 __attribute__((vector_size(32)));
    typedef float v4 __attribute__((vector_size(16)));
    union { v16 v; v8 half[2]; } a = {v};
    union { v8 v; v4 half[2]; } b = {a.half[0] + a.half[1]};
    v4 c = b.half[0] + b.half[1];
    return (c[0] + c[2]) + (c[1] + c[3]);
}

static float rate, beta1, beta2, epsilon;
static float step_rate, step_epsilon; /* of this step, with Adam's corrections folded in */
static double power1 = 1, power2 = 1;

static void begin_step(void) {
#ifdef ADAM
    power1 *= beta1;
    power2 *= beta2;
    /* rate / (1 - power1) m / (sqrt(v / (1 - power2)) + epsilon) */
    double root2 = sqrt(1 - power2);
    step_rate = (float) (rate / (1 - power1) * root2);
    step_epsilon = (float) (epsilon * root2);
#else
    step_rate = rate;
    step_epsilon = epsilon;
#endif
}

/* Sixteen weights, whose state begins `apart` floats behind them, part after part. */
INLINE void update(v16 g, float *w, long apart) {
#ifdef ADAM
    v16 m = beta1 * load(w + apart) + (1 - beta1) * g;
    v16 v = beta2 * load(w + 2 * apart) + ((1 - beta2) * g) * g;
    store(w + apart, m);
    store(w + 2 * apart, v);
    store(w, load(w) - step_rate * m / (root(v) + step_epsilon));
#else
    v16 s = load(w + apart) + g * g;
    store(w + apart, s);
    store(w, load(w) - step_rate * g / (root(s) + step_epsilon));
#endif
}

INLINE void update_one(float g, float *w, long apart) {
#ifdef ADAM
    w[apart] = beta1 * w[apart] + (1 - beta1) * g;
    w[2 * apart] = beta2 * w[2 * apart] + (1 - beta2) * g * g;
    *w -= step_rate * w[apart] / (sqrtf(w[2 * apart]) + step_epsilon);
#else
    w[apart] += g * g;
    *w -= step_rate * g / (sqrtf(w[apart]) + step_epsilon);
#endif
}

INLINE void update_all(int count, const float *g, float *w, long apart) {
    int i = 0;
    for (; i + LANES <= count; i += LANES) update(load(g + i), w + i, apart);
    for (; i < count; i++) update_one(g[i], w + i, apart);
}

/* One dense layer. A wide one has its weights input after input, each input's outputs together; a narrow one output
 * after output, in rows of whole vectors. */
INLINE int is_narrow(int out) { return out < WIDE; }
INLINE int stride(int in, int out) { return is_narrow(out) ? (in + LANES - 1) / LANES * LANES : out; }
INLINE long length(int in, int out) { return (long) stride(in, out) * (is_narrow(out) ? out : in); }

INLINE void forward(int in, int out, const float *x, const float *w, const float *b, float *y) {
    if (is_narrow(out)) {
        v16 s[WIDE];
        int row = stride(in, out);
        for (int o = 0; o < out; o++) s[o] = all(0);
#pragma GCC unroll 2
        for (int i = 0; i < row; i += LANES) {
            v16 xi = load(x + i);
            for (int o = 0; o < out; o++) s[o] += xi * load(w + o * row + i);
        }
        for (int o = 0; o < out; o++) y[o] = b[o] + sum(s[o]);
        return;
    }
    /* Four chains of two inputs each, so that an addition need not wait for the one before. */
    for (int o = 0; o < out; o += 4 * LANES) {
        v16 s[2][4];
        int parts = (out - o) / LANES < 4 ? (out - o) / LANES : 4;
        for (int p = 0; p < parts; p++) {
            s[0][p] = load(b + o + p * LANES);
            s[1][p] = all(0);
        }
        int i = 0;
        for (; i + 2 <= in; i += 2) {
            for (int p = 0; p < parts; p++) {
                s[0][p] += x[i] * load(w + (long) i * out + o + p * LANES);
                s[1][p] += x[i + 1] * load(w + (long) (i + 1) * out + o + p * LANES);
            }
        }
        for (; i < in; i++) {
            for (int p = 0; p < parts; p++) s[0][p] += x[i] * load(w + (long) i * out + o + p * LANES);
        }
        for (int p = 0; p < parts; p++) store(y + o + p * LANES, s[0][p] + s[1][p]);
    }
}

/* dx where it is wanted (for the first `wanted` inputs), and the update, in one pass over the weights. */
INLINE void backward(int in, int out, int wanted, const float *x, const float *dy, float *w, long apart, float *b,
                     long b_apart, float *dx) {
    if (is_narrow(out)) {
        int row = stride(in, out);
        for (int i = 0; i < row; i += LANES) {
            v16 xi = load(x + i), d = all(0);
            for (int o = 0; o < out; o++) {
                if (wanted) d += dy[o] * load(w + o * row + i);
                update(dy[o] * xi, w + o * row + i, apart);
            }
            if (wanted) store(dx + i, d);
        }
    } else {
        for (int i = 0; i < in; i++) {
            float *wi = w + (long) i * out;
            if (i < wanted) {
                v16 d = all(0);
                for (int o = 0; o < out; o += LANES) {
                    v16 g = load(dy + o);
                    d += g * load(wi + o);
                    update(x[i] * g, wi + o, apart);
                }
                dx[i] = sum(d);
            } else {
                for (int o = 0; o < out; o += LANES) update(x[i] * load(dy + o), wi + o, apart);
            }
        }
    }
    update_all(out, dy, b, b_apart);
}

/* ---- the network ---- */

#ifdef BAG
static const int widths[] = {1, 1};
enum { LAYERS = 0, OUT = 1 };
#else
static const int widths[] = {IN, WIDTHS};
enum { LAYERS = sizeof(widths) / sizeof(int) - 1 };
#define OUT (widths[LAYERS])
#endif

typedef struct {
    float *w, *b;
    long apart, b_apart;
} layer;

static layer layers[LAYERS_MAX];
static float *table; /* (TABLE_ROWS, COLUMNS weights and their state) */
static float *numbers, *labels;
static int32_t *ids;
static int32_t rows;
/* Of vectors of zeros, so that whole vectors can be read and written. */
static float x0[IN + 2 * LANES], y[LAYERS_MAX][1024 + LANES], dy[LAYERS_MAX][1024 + LANES], dx0[IN + 2 * LANES];

enum { ROW_FLOATS = COLUMNS * PARTS };

INLINE void prefetch(int row) {
    const int32_t *next = ids + (long) row * IDS;
    for (int i = 0; i < IDS; i++) {
        for (int f = 0; f < ROW_FLOATS; f += FLOATS_A_LINE)
            __builtin_prefetch(table + (long) next[i] * ROW_FLOATS + f, 1);
    }
}

/* Returns the loss; the slope in the output is p - y in both losses. */
INLINE float slope(const float *z, float label, float *g) {
#ifdef CLASSES
    float max = z[0], total = 0;
    for (int o = 1; o < OUT; o++) max = z[o] > max ? z[o] : max;
    for (int o = 0; o < OUT; o++) total += g[o] = expf(z[o] - max);
    float loss = logf(total) - (z[(int) label] - max);
    for (int o = 0; o < OUT; o++) g[o] /= total;
    g[(int) label] -= 1;
    return loss;
#else
    float e = expf(-fabsf(z[0]));
    g[0] = (z[0] >= 0 ? 1 : e) / (1 + e) - label;
    return log1pf(e) + (z[0] > 0 ? z[0] : 0) - label * z[0];
#endif
}

static float learn(int row, int next) {
    begin_step();
    const float *x = numbers + (long) row * NUMBERS;
    const int32_t *id = ids + (long) row * IDS;
    if (IDS > 0) prefetch(next);
#ifdef BAG
    float z[4] = {0}, g[1];
    for (int i = 0; i + 4 <= IDS; i += 4) {
        for (int k = 0; k < 4; k++) z[k] += table[(long) id[i + k] * ROW_FLOATS];
    }
    for (int i = IDS & -4; i < IDS; i++) z[0] += table[(long) id[i] * ROW_FLOATS];
    float out = z[0] + z[1] + z[2] + z[3] + layers[0].b[0];
    float loss = slope(&out, labels[row], g);
    /* Sixteen at a time: a row's gradients are all the same. */
    for (int from = 0; from < IDS; from += LANES) {
        v16 w = all(0), s = all(1);
        int count = IDS - from < LANES ? IDS - from : LANES;
        float packed[2][LANES];
        for (int i = 0; i < LANES; i++) packed[0][i] = 0, packed[1][i] = 1;
        for (int i = 0; i < count; i++) {
            const float *t = table + (long) id[from + i] * ROW_FLOATS;
            packed[0][i] = t[0];
            packed[1][i] = t[1];
        }
        w = load(packed[0]);
        s = load(packed[1]) + g[0] * g[0];
        store(packed[0], w - step_rate * g[0] / (root(s) + step_epsilon));
        store(packed[1], s);
        for (int i = 0; i < count; i++) {
            float *t = table + (long) id[from + i] * ROW_FLOATS;
            t[0] = packed[0][i];
            t[1] = packed[1][i];
        }
    }
    update_one(g[0], layers[0].b, layers[0].b_apart);
    return loss;
#else
    if (IDS > 0) {
        for (int i = 0; i < IDS; i++)
            memcpy(x0 + i * COLUMNS, table + (long) id[i] * ROW_FLOATS, COLUMNS * sizeof(float));
        memcpy(x0 + IDS * COLUMNS, x, NUMBERS * sizeof(float));
        x = x0;
    }
    const float *in[LAYERS];
#pragma GCC unroll 4
    for (int l = 0; l < LAYERS; l++) {
        in[l] = l == 0 ? x : y[l - 1];
        forward(widths[l], widths[l + 1], in[l], layers[l].w, layers[l].b, y[l]);
        if (l + 1 < LAYERS) {
            for (int o = 0; o < widths[l + 1]; o++) y[l][o] = y[l][o] > 0 ? y[l][o] : 0;
        }
    }
    float loss = slope(y[LAYERS - 1], labels[row], dy[LAYERS - 1]);
#pragma GCC unroll 4
    for (int l = LAYERS - 1; l >= 0; l--) {
        float *dx = l == 0 ? dx0 : dy[l - 1];
        backward(widths[l], widths[l + 1], l == 0 ? IDS * COLUMNS : widths[l], in[l], dy[l], layers[l].w,
                 layers[l].apart, layers[l].b, layers[l].b_apart, dx);
        if (l > 0) {
            for (int i = 0; i < widths[l]; i++) dx[i] = y[l - 1][i] > 0 ? dx[i] : 0;
        }
    }
    for (int i = 0; i < IDS; i++) update_all(COLUMNS, dx0 + i * COLUMNS, table + (long) id[i] * ROW_FLOATS, COLUMNS);
    return loss;
#endif
}

/* ---- the file and the clock ---- */

static FILE *file;

static void read_all(void *to, size_t size, size_t count) {
    if (fread(to, size, count, file) != count) {
        fprintf(stderr, "learn: the file is too short\n");
        exit(2);
    }
}

/* Zeros, on large pages where the system has them, with a spare line behind. */
static void *zeros(size_t bytes) {
    size_t huge = 1 << 21, size = (bytes + 64 + huge - 1) / huge * huge;
    void *p = bytes < huge ? aligned_alloc(64, (bytes + 127) / 64 * 64) : aligned_alloc(huge, size);
    if (!p) exit(3);
    if (bytes >= huge) madvise(p, size, MADV_HUGEPAGE);
    memset(p, 0, bytes < huge ? (bytes + 127) / 64 * 64 : size);
    return p;
}

static void read_bias(layer *l, int out) {
    l->b_apart = (out + LANES - 1) / LANES * LANES;
    l->b = zeros(sizeof(float) * PARTS * l->b_apart);
    read_all(l->b, sizeof(float), out);
}

/* The file has the machine's byte order: rows; rate, beta1, beta2, epsilon; the rows' numbers, ids and labels; the
 * weights, tensor after tensor, input after input. */
static void read_file(void) {
    read_all(&rows, 4, 1);
    read_all(&rate, 4, 1);
    read_all(&beta1, 4, 1);
    read_all(&beta2, 4, 1);
    read_all(&epsilon, 4, 1);
    numbers = zeros(4 * (size_t) rows * NUMBERS);
    ids = zeros(4 * (size_t) rows * IDS);
    labels = zeros(4 * (size_t) rows);
    read_all(numbers, 4, (size_t) rows * NUMBERS);
    read_all(ids, 4, (size_t) rows * IDS);
    read_all(labels, 4, rows);
    if (IDS > 0) {
        table = zeros(sizeof(float) * ROW_FLOATS * TABLE_ROWS);
        for (long r = 0; r < TABLE_ROWS; r++) read_all(table + r * ROW_FLOATS, 4, COLUMNS);
    }
    for (int l = 0; l < LAYERS; l++) {
        int in = widths[l], out = widths[l + 1], row = stride(in, out);
        layers[l].apart = length(in, out);
        layers[l].w = zeros(sizeof(float) * PARTS * layers[l].apart);
        for (int i = 0; i < in; i++) {
            for (int o = 0; o < out; o++) {
                float weight;
                read_all(&weight, 4, 1);
                layers[l].w[is_narrow(out) ? (long) o * row + i : (long) i * out + o] = weight;
            }
        }
        read_bias(&layers[l], out);
    }
#ifdef BAG
    read_bias(&layers[0], 1);
#endif
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static double wall_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Examples, until `seconds` have passed. */
static long run(double seconds, int *row) {
    enum { AT_ONCE = 256 };
    long examples = 0;
    double end = wall_seconds() + seconds;
    do {
        for (int i = 0; i < AT_ONCE; i++) {
            int next = *row + AHEAD < rows ? *row + AHEAD : 0;
            learn(*row, next);
            *row = next;
        }
        examples += AT_ONCE;
    } while (wall_seconds() < end);
    return examples;
}

int main(int count, char **arguments) {
    if (count != 4 || !(file = fopen(arguments[1], "rb"))) {
        fprintf(stderr, "learn: expected FILE losses N, or FILE seconds S\n");
        return 2;
    }
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040); /* flush denormal results, take denormal operands for zero */
#endif
    read_file();
    int row = 0;
    if (!strcmp(arguments[2], "losses")) {
        double total = 0;
        int n = atoi(arguments[3]);
        for (int i = 0; i < n; i++) total += learn(i % rows, (i + 1) % rows);
        printf("%.9f\n", total / n);
        return 0;
    }
    run(0.5, &row);
    double cpu = cpu_seconds();
    long examples = run(atof(arguments[3]), &row);
    printf("%.1f\n", examples / (cpu_seconds() - cpu));
    return 0;
}
