package io.tidegrad.engine.kernel;

/// The elementwise part of one time step of a recurrent layer. Its products are `DenseKernels`.
interface RecurrentKernels {
    /// The elementwise part of a GRU step, Cho et al. 2014 in PyTorch's form. Each row of `gates` holds x W + b and
    /// receives r, z and n, `hidden` columns each; `products` holds h W + b in the same columns:
    ///
    /// r, z = sigmoid(gates + products), n = tanh(gates + r products), next = n + z (h - n).
    ///
    /// Padding is neither read nor written, here and in the three kernels below.
    ///
    /// @param gates shape (rows, 3 hidden), stride gateStride, like products
    /// @param h shape (rows, hidden), stride `stride`, like next
    default void gruStep(int rows, int hidden, float[] gates, int gatesAt, float[] products, int productsAt,
            int gateStride, float[] h, int hAt, float[] next, int nextAt, int stride) {
        for (int r = 0; r < rows; r++) {
            gruStep(0, hidden, gates, gatesAt + r * gateStride, products, productsAt + r * gateStride, h,
                    hAt + r * stride, next, nextAt + r * stride);
        }
    }

    /// One row, units `from` to `hidden`, the last not included.
    static void gruStep(int from, int hidden, float[] gates, int gatesAt, float[] products, int productsAt, float[] h,
            int hAt, float[] next, int nextAt) {
        for (int k = from; k < hidden; k++) {
            float r = ScalarMath.sigmoid(gates[gatesAt + k] + products[productsAt + k]);
            float z = ScalarMath.sigmoid(gates[gatesAt + hidden + k] + products[productsAt + hidden + k]);
            float n = ScalarMath
                    .tanh(Math.fma(r, products[productsAt + 2 * hidden + k], gates[gatesAt + 2 * hidden + k]));
            next[nextAt + k] = Math.fma(z, h[hAt + k] - n, n);
            gates[gatesAt + k] = r;
            gates[gatesAt + hidden + k] = z;
            gates[gatesAt + 2 * hidden + k] = n;
        }
    }

    /// The gradients of a GRU step. `gates` holds r, z, n and receives the gradient of x W + b; `products` is unchanged
    /// since the step and receives the gradient of h W + b; `dh` holds the gradient of next and receives its direct
    /// part for h, without that through the product:
    ///
    /// dn = dh (1 - z) (1 - n²), dz = dh (h - n) z (1 - z), dr = dn products r (1 - r), dh z.
    default void gruStepGradient(int rows, int hidden, float[] gates, int gatesAt, float[] products, int productsAt,
            int gateStride, float[] h, int hAt, float[] dh, int dhAt, int stride) {
        for (int r = 0; r < rows; r++) {
            gruStepGradient(0, hidden, gates, gatesAt + r * gateStride, products, productsAt + r * gateStride, h,
                    hAt + r * stride, dh, dhAt + r * stride);
        }
    }

    /// One row, units `from` to `hidden`, the last not included.
    static void gruStepGradient(int from, int hidden, float[] gates, int gatesAt, float[] products, int productsAt,
            float[] h, int hAt, float[] dh, int dhAt) {
        for (int k = from; k < hidden; k++) {
            float r = gates[gatesAt + k];
            float z = gates[gatesAt + hidden + k];
            float n = gates[gatesAt + 2 * hidden + k];
            float d = dh[dhAt + k];
            float dn = d * (1f - z) * Math.fma(-n, n, 1f);
            float dz = d * (h[hAt + k] - n) * z * (1f - z);
            float dr = dn * products[productsAt + 2 * hidden + k] * r * (1f - r);
            gates[gatesAt + k] = dr;
            gates[gatesAt + hidden + k] = dz;
            gates[gatesAt + 2 * hidden + k] = dn;
            products[productsAt + k] = dr;
            products[productsAt + hidden + k] = dz;
            products[productsAt + 2 * hidden + k] = dn * r;
            dh[dhAt + k] = d * z;
        }
    }

    /// The elementwise part of an LSTM step, Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al.
    /// 2000. Each row of `gates` holds x W + b and receives i, f, g and o, `hidden` columns each; `products` holds h W
    /// + b:
    ///
    /// i, f, o = sigmoid(gates + products), g = tanh(gates + products), cNext = f c + i g, hNext = o tanh cNext.
    default void lstmStep(int rows, int hidden, float[] gates, int gatesAt, float[] products, int productsAt,
            int gateStride, float[] c, int cAt, float[] cNext, int cNextAt, float[] hNext, int hNextAt, int stride) {
        for (int r = 0; r < rows; r++) {
            lstmStep(0, hidden, gates, gatesAt + r * gateStride, products, productsAt + r * gateStride, c,
                    cAt + r * stride, cNext, cNextAt + r * stride, hNext, hNextAt + r * stride);
        }
    }

    /// One row, units `from` to `hidden`, the last not included.
    static void lstmStep(int from, int hidden, float[] gates, int gatesAt, float[] products, int productsAt, float[] c,
            int cAt, float[] cNext, int cNextAt, float[] hNext, int hNextAt) {
        for (int k = from; k < hidden; k++) {
            float i = ScalarMath.sigmoid(gates[gatesAt + k] + products[productsAt + k]);
            float f = ScalarMath.sigmoid(gates[gatesAt + hidden + k] + products[productsAt + hidden + k]);
            float g = ScalarMath.tanh(gates[gatesAt + 2 * hidden + k] + products[productsAt + 2 * hidden + k]);
            float o = ScalarMath.sigmoid(gates[gatesAt + 3 * hidden + k] + products[productsAt + 3 * hidden + k]);
            float cell = Math.fma(f, c[cAt + k], i * g);
            cNext[cNextAt + k] = cell;
            hNext[hNextAt + k] = o * ScalarMath.tanh(cell);
            gates[gatesAt + k] = i;
            gates[gatesAt + hidden + k] = f;
            gates[gatesAt + 2 * hidden + k] = g;
            gates[gatesAt + 3 * hidden + k] = o;
        }
    }

    /// The gradients of an LSTM step. `gates` holds i, f, g, o and receives the gradient of x W + b, which is that of h
    /// W + b; `dc` holds the gradient of cNext that comes from the next step and receives that of c:
    ///
    /// dc += dh o (1 - tanh² cNext), di = dc g i (1 - i), df = dc c f (1 - f), dg = dc i (1 - g²), do = dh tanh cNext o
    /// (1 - o), dc f.
    default void lstmStepGradient(int rows, int hidden, float[] gates, int gatesAt, int gateStride, float[] c, int cAt,
            float[] cNext, int cNextAt, float[] dh, int dhAt, float[] dc, int dcAt, int stride) {
        for (int r = 0; r < rows; r++) {
            lstmStepGradient(0, hidden, gates, gatesAt + r * gateStride, c, cAt + r * stride, cNext,
                    cNextAt + r * stride, dh, dhAt + r * stride, dc, dcAt + r * stride);
        }
    }

    /// One row, units `from` to `hidden`, the last not included.
    static void lstmStepGradient(int from, int hidden, float[] gates, int gatesAt, float[] c, int cAt, float[] cNext,
            int cNextAt, float[] dh, int dhAt, float[] dc, int dcAt) {
        for (int k = from; k < hidden; k++) {
            float i = gates[gatesAt + k];
            float f = gates[gatesAt + hidden + k];
            float g = gates[gatesAt + 2 * hidden + k];
            float o = gates[gatesAt + 3 * hidden + k];
            float t = ScalarMath.tanh(cNext[cNextAt + k]);
            float d = dh[dhAt + k];
            float dCell = Math.fma(d * o, Math.fma(-t, t, 1f), dc[dcAt + k]);
            gates[gatesAt + k] = dCell * g * i * (1f - i);
            gates[gatesAt + hidden + k] = dCell * c[cAt + k] * f * (1f - f);
            gates[gatesAt + 2 * hidden + k] = dCell * i * Math.fma(-g, g, 1f);
            gates[gatesAt + 3 * hidden + k] = d * t * o * (1f - o);
            dc[dcAt + k] = dCell * f;
        }
    }
}
