package io.tidegrad.engine.kernel;

/// Elementwise activations and their gradients: dx from dy and from x or y, whichever is a parameter.
interface ActivationKernels {
    /// y = max(x, 0); NaN stays NaN; in place allowed.
    void relu(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = y > 0 ? dy : 0 (slope 0 at 0); in place on dy allowed.
    void reluGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = 1 / (1 + e^-x); in place allowed. Its value at 0 is not 0, so call it on logical columns only, not on
    /// padding.
    void sigmoid(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy y (1 - y); in place on dy allowed.
    void sigmoidGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = tanh x; in place allowed.
    void tanh(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy (1 - y²); in place on dy allowed.
    void tanhGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = x > 0 ? x : slope x; in place allowed.
    void leakyRelu(int length, float slope, float[] x, int xAt, float[] y, int yAt);

    /// dx = x > 0 ? dy : dy slope; in place on dy allowed.
    void leakyReluGradient(int length, float slope, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = x > 0 ? x : alpha (e^x - 1); in place allowed.
    void elu(int length, float alpha, float[] x, int xAt, float[] y, int yAt);

    /// dx = x > 0 ? dy : dy alpha e^x; in place on dy allowed.
    void eluGradient(int length, float alpha, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = x Φ(x), Φ the standard normal distribution; in place allowed.
    void gelu(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy (Φ(x) + x φ(x)); in place on dy allowed.
    void geluGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))) / 2; in place allowed.
    void geluTanh(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy y'(x), of `geluTanh`; in place on dy allowed.
    void geluTanhGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = x / (1 + e^-x); in place allowed.
    void silu(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy (s + x s (1 - s)) with s = 1 / (1 + e^-x); in place on dy allowed.
    void siluGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);

    /// y = ln(1 + e^x); in place allowed.
    void softplus(int length, float[] x, int xAt, float[] y, int yAt);

    /// dx = dy / (1 + e^-x); in place on dy allowed.
    void softplusGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt);
}
