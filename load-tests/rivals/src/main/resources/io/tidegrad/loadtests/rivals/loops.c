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
