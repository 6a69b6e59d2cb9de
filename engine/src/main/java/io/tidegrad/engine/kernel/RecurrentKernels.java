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
    void gruStep(int rows, int hidden, float[] gates, int gatesAt, float[] products, int productsAt, int gateStride,
            float[] h, int hAt, float[] next, int nextAt, int stride);

    /// The gradients of a GRU step. `gates` holds r, z, n and receives the gradient of x W + b; `products` is unchanged
    /// since the step and receives the gradient of h W + b; `dh` holds the gradient of next and receives its direct
    /// part for h, without that through the product:
    ///
    /// dn = dh (1 - z) (1 - n²), dz = dh (h - n) z (1 - z), dr = dn products r (1 - r), dh z.
    void gruStepGradient(int rows, int hidden, float[] gates, int gatesAt, float[] products, int productsAt,
            int gateStride, float[] h, int hAt, float[] dh, int dhAt, int stride);

    /// The elementwise part of an LSTM step, Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al.
    /// 2000. Each row of `gates` holds x W + b and receives i, f, g and o, `hidden` columns each; `products` holds h W
    /// + b:
    ///
    /// i, f, o = sigmoid(gates + products), g = tanh(gates + products), cNext = f c + i g, hNext = o tanh cNext.
    void lstmStep(int rows, int hidden, float[] gates, int gatesAt, float[] products, int productsAt, int gateStride,
            float[] c, int cAt, float[] cNext, int cNextAt, float[] hNext, int hNextAt, int stride);

    /// The gradients of an LSTM step. `gates` holds i, f, g, o and receives the gradient of x W + b, which is that of h
    /// W + b; `dc` holds the gradient of cNext that comes from the next step and receives that of c:
    ///
    /// dc += dh o (1 - tanh² cNext), di = dc g i (1 - i), df = dc c f (1 - f), dg = dc i (1 - g²), do = dh tanh cNext o
    /// (1 - o), dc f.
    void lstmStepGradient(int rows, int hidden, float[] gates, int gatesAt, int gateStride, float[] c, int cAt,
            float[] cNext, int cNextAt, float[] dh, int dhAt, float[] dc, int dcAt, int stride);
}
