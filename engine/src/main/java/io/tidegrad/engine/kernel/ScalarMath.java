package io.tidegrad.engine.kernel;

/// The transcendental functions of the learning path, in float, from + - * / FMA and bit shifts only: the same bits in
/// the interpreter, in compiled code, on every processor, and lane for lane in `VectorKernels`. `Math.exp` and friends
/// may differ by machine and by compiler tier; the Vector API's EXP differs by vector width.
///
/// Polynomials are those of the Cephes library's `expf`, `logf` and `tanhf` (S. Moshier, 1992), evaluated with FMA;
/// those of `softplus` and `normalCdf` are minimax fits of our own, as stated there. Errors against the exact value, in
/// units in the last place, are those that `ScalarMathTest` measures:
///
/// | function | largest error | domain |
/// |---|---|---|
/// | exp | 1.1 ulp | 0 below -87.33, ∞ above 88.37 |
/// | log | 1 ulp | positive, denormals included; -∞ at 0, NaN below |
/// | expm1 | 1.5 ulp | -1 below -87.33, ∞ above 88.37 |
/// | log1p | 2.5 ulp | above -1; -∞ at -1, NaN below |
/// | softplus | 3 ulp | all; 0 below -87.33 |
/// | normalCdf | 6.5 ulp | all; 0 below -13.2 |
/// | sigmoid | 2.5 ulp | all; 0 below -88.37 |
/// | tanh | 2.5 ulp | all |
///
/// NaN gives NaN everywhere, so that an invalid number stays visible.
public final class ScalarMath {
    /// Below this, `exp` is 0: e^-87.33 is within 0.6 % of the least normal float, and denormals are not needed.
    static final float EXP_MIN = -87.33f;

    /// Above this, `exp` is ∞: 127.5 ln 2, the largest x for which n ≤ 127, so that 2^n is a float.
    static final float EXP_MAX = 88.37f;

    static final float LOG2_E = 1.44269504088896341f;

    /// 1.5 · 2^23: adding it rounds a float to an integer, which is then in the low bits of the sum.
    static final float ROUND = 12582912f;

    /// ln 2 in two parts; the first has 9 bits, so that n · LN2_HIGH is exact.
    static final float LN2_HIGH = 0.693359375f;

    static final float LN2_LOW = -2.12194440e-4f;

    static final float EXP_5 = 1.9875691500e-4f;
    static final float EXP_4 = 1.3981999507e-3f;
    static final float EXP_3 = 8.3334519073e-3f;
    static final float EXP_2 = 4.1665795894e-2f;
    static final float EXP_1 = 1.6666665459e-1f;
    static final float EXP_0 = 5.0000001201e-1f;

    /// From here on tanh is 1 - 2 / (e^2x + 1); below, that would cancel, and a polynomial is used.
    static final float TANH_SMALL = 0.625f;

    static final float TANH_4 = -5.70498872745e-3f;
    static final float TANH_3 = 2.06390887954e-2f;
    static final float TANH_2 = -5.37397155531e-2f;
    static final float TANH_1 = 1.33314422036e-1f;
    static final float TANH_0 = -3.33332819422e-1f;

    /// ln(1 + t) = 2s + 2s³ Q(s²) with s = t / (2 + t), for t up to 1; relative error of the fit 5e-9.
    static final float LOG1P_3 = 1.40122473e-1f;

    static final float LOG1P_2 = 1.39995679e-1f;
    static final float LOG1P_1 = 2.00108498e-1f;
    static final float LOG1P_0 = 3.33332062e-1f;

    /// From here on the normal distribution's tail is 0 as a float.
    static final float NORMAL_MAX = 14f;

    /// The tail is e^(-m²/2) t P(t) with t = 1 / (1 + 0.35 m), up to `NORMAL_MAX`; relative error of the fit 3e-8.
    static final float NORMAL_SCALE = 0.35f;

    static final float NORMAL_8 = -2.91458592e-2f;
    static final float NORMAL_7 = 1.43971384e-1f;
    static final float NORMAL_6 = -2.55713701e-1f;
    static final float NORMAL_5 = 1.59173593e-1f;
    static final float NORMAL_4 = -2.31094994e-2f;
    static final float NORMAL_3 = 1.05507880e-1f;
    static final float NORMAL_2 = 1.19832896e-1f;
    static final float NORMAL_1 = 1.39861867e-1f;
    static final float NORMAL_0 = 1.39621407e-1f;

    /// The bits of 1f: the exponent's bias at its place.
    static final int ONE_BITS = 0x3F800000;

    static final int MANTISSA_BITS = 23;

    private static final int SQRT_HALF_MANTISSA = Float.floatToRawIntBits(0.707106781186547524f) & 0x007FFFFF;

    private ScalarMath() {}

    /// e^x = 2^n e^r, with n the integer nearest to x / ln 2 and a polynomial for e^r, |r| ≤ ln 2 / 2.
    public static float exp(float x) {
        if (x < EXP_MIN) {
            return 0f;
        }
        if (x > EXP_MAX) {
            return Float.POSITIVE_INFINITY;
        }
        float shifted = Math.fma(x, LOG2_E, ROUND);
        return (expm1Near0(remainder(x, shifted)) + 1f) * powerOf2(shifted);
    }

    /// e^x - 1 = 2^n (e^r - 1) + (2^n - 1), with n and r as in `exp`: nothing cancels near 0, where n is 0.
    public static float expm1(float x) {
        if (x < EXP_MIN) {
            return -1f;
        }
        if (x > EXP_MAX) {
            return Float.POSITIVE_INFINITY;
        }
        float shifted = Math.fma(x, LOG2_E, ROUND);
        float power = powerOf2(shifted);
        return Math.fma(power, expm1Near0(remainder(x, shifted)), power - 1f);
    }

    /// x - n ln 2, with n the integer in the low bits of `shifted`.
    private static float remainder(float x, float shifted) {
        float n = shifted - ROUND;
        return Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
    }

    /// e^r - 1, |r| ≤ ln 2 / 2.
    private static float expm1Near0(float r) {
        float p = Math.fma(r, EXP_5, EXP_4);
        p = Math.fma(p, r, EXP_3);
        p = Math.fma(p, r, EXP_2);
        p = Math.fma(p, r, EXP_1);
        p = Math.fma(p, r, EXP_0);
        return Math.fma(p, r * r, r);
    }

    /// 2^n. The low bits of `shifted` are n in two's complement; the shift drops the bits of ROUND itself.
    private static float powerOf2(float shifted) {
        return Float.intBitsToFloat((Float.floatToRawIntBits(shifted) << MANTISSA_BITS) + ONE_BITS);
    }

    /// 1 / (1 + e^-x)
    public static float sigmoid(float x) {
        return 1f / (1f + exp(-x));
    }

    /// x + x³ P(x²) near 0, else ±(1 - 2 / (e^2|x| + 1)).
    public static float tanh(float x) {
        float magnitude = Math.abs(x);
        if (magnitude < TANH_SMALL) {
            float square = x * x;
            float p = Math.fma(square, TANH_4, TANH_3);
            p = Math.fma(p, square, TANH_2);
            p = Math.fma(p, square, TANH_1);
            p = Math.fma(p, square, TANH_0);
            return Math.fma(p * square, x, x);
        }
        float large = 1f - 2f / (exp(magnitude + magnitude) + 1f);
        return x < 0f ? -large : large;
    }

    /// ln x = ln m + e ln 2, with x = m 2^e and m between √½ and √2.
    public static float log(float x) {
        if (!(x > 0f)) {
            return x == 0f ? Float.NEGATIVE_INFINITY : Float.NaN;
        }
        if (x == Float.POSITIVE_INFINITY) {
            return x;
        }
        int e = 0;
        float m = x;
        if (m < Float.MIN_NORMAL) {
            m *= 0x1p23f;
            e = -23;
        }
        int bits = Float.floatToRawIntBits(m);
        int mantissa = bits & 0x007FFFFF;
        // 1 where the mantissa with the exponent of ½, which is in [½, 1), is below √½, and has to be doubled. A branch would
        // be mispredicted half of the time.
        int low = mantissa - SQRT_HALF_MANTISSA >>> 31;
        e += (bits >>> MANTISSA_BITS) - 126 - low;
        float r = Float.intBitsToFloat((mantissa | 0x3F000000) + (low << MANTISSA_BITS)) - 1f;
        float square = r * r;
        float p = Math.fma(r, 7.0376836292e-2f, -1.1514610310e-1f);
        p = Math.fma(p, r, 1.1676998740e-1f);
        p = Math.fma(p, r, -1.2420140846e-1f);
        p = Math.fma(p, r, 1.4249322787e-1f);
        p = Math.fma(p, r, -1.6668057665e-1f);
        p = Math.fma(p, r, 2.0000714765e-1f);
        p = Math.fma(p, r, -2.4999993993e-1f);
        p = Math.fma(p, r, 3.3333331174e-1f);
        float tail = Math.fma(e, LN2_LOW, p * r * square);
        tail = Math.fma(-0.5f, square, tail);
        return Math.fma(e, LN2_HIGH, r + tail);
    }

    /// ln(1 + x), exact to the last bits near 0: ln(u) · x / (u - 1) with u = 1 + x rounded (Goldberg 1991, theorem 4).
    public static float log1p(float x) {
        float u = 1f + x;
        if (u == 1f || x == Float.POSITIVE_INFINITY) {
            return x;
        }
        return u <= 0f ? log(u) : log(u) * (x / (u - 1f));
    }

    /// ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|): neither term overflows, and small results for negative x keep their
    /// digits.
    public static float softplus(float x) {
        float t = exp(-Math.abs(x));
        float s = t / (2f + t);
        float square = s * s;
        float q = Math.fma(square, LOG1P_3, LOG1P_2);
        q = Math.fma(q, square, LOG1P_1);
        q = Math.fma(q, square, LOG1P_0);
        float twice = s + s;
        return Math.fma(twice, q * square, twice) + Math.max(x, 0f);
    }

    /// Φ(x), the standard normal distribution function: the tail beyond |x|, or 1 minus it.
    public static float normalCdf(float x) {
        float magnitude = Math.abs(x);
        float m = magnitude > NORMAL_MAX ? NORMAL_MAX : magnitude;
        float t = 1f / Math.fma(m, NORMAL_SCALE, 1f);
        float p = Math.fma(t, NORMAL_8, NORMAL_7);
        p = Math.fma(p, t, NORMAL_6);
        p = Math.fma(p, t, NORMAL_5);
        p = Math.fma(p, t, NORMAL_4);
        p = Math.fma(p, t, NORMAL_3);
        p = Math.fma(p, t, NORMAL_2);
        p = Math.fma(p, t, NORMAL_1);
        p = Math.fma(p, t, NORMAL_0);
        float tail = bell(x) * t * p;
        return x < 0f ? tail : 1f - tail;
    }

    /// e^(-x²/2). The rounding error of x² is corrected by a factor 1 - error / 2; without it, the error at 13 would be
    /// 40 ulp.
    static float bell(float x) {
        float magnitude = Math.abs(x);
        float m = magnitude > NORMAL_MAX ? NORMAL_MAX : magnitude;
        float square = m * m;
        float loss = Math.fma(m, m, -square);
        float e = exp(-0.5f * square);
        return Math.fma(e, -0.5f * loss, e);
    }
}
