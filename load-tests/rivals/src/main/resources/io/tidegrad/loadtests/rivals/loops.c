#include <math.h>

/* Gradient of one row, x[i] dy[o], and Adam at once; w, m, v of shape (inputs, outputs). */
void adam(int inputs, int outputs, const float *restrict x, const float *restrict dy,
          float *restrict w, float *restrict m, float *restrict v) {
    const float beta1 = 0.9f, beta2 = 0.999f, rate = 1e-6f, epsilon = 1e-8f;
    for (int i = 0; i < inputs; i++) {
        const float xi = x[i];
        float *restrict wi = w + (long) i * outputs;
        float *restrict mi = m + (long) i * outputs;
        float *restrict vi = v + (long) i * outputs;
        for (int o = 0; o < outputs; o++) {
            const float g = xi * dy[o];
            const float moment = beta1 * mi[o] + (1 - beta1) * g;
            const float variance = beta2 * vi[o] + (1 - beta2) * g * g;
            mi[o] = moment;
            vi[o] = variance;
            wi[o] -= rate * moment / (sqrtf(variance) + epsilon);
        }
    }
}

/* Logistic regression on `count` ids and Adagrad; table of shape (rows, 2): weight, sum of squares. */
void sparse(int count, const int *ids, const int *next_ids, float label, float rate,
            float *restrict table) {
    const float epsilon = 1e-10f;
    for (int i = 0; i < count; i++) {
        __builtin_prefetch(table + 2 * (long) next_ids[i], 1);
    }
    float sum = 0;
    for (int i = 0; i < count; i++) {
        sum += table[2 * (long) ids[i]];
    }
    const float g = 1 / (1 + expf(-sum)) - label;
    for (int i = 0; i < count; i++) {
        float *row = table + 2 * (long) ids[i];
        row[1] += g * g;
        row[0] -= rate * g / (sqrtf(row[1]) + epsilon);
    }
}
