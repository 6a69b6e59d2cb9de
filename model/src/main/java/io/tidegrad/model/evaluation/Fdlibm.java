package io.tidegrad.model.evaluation;

/// [StrictMath#log(double)] and [StrictMath#exp(double)], bit for bit, for what an evaluation computes at each event. Both
/// are those of Sun's fdlibm, as the JDK's are, of which only the arguments that are frequent are computed here: these take
/// no branch that depends on the argument's digits, and are small enough to be inlined. All others are left to
/// `StrictMath`.
final class Fdlibm {
    private static final double LN2_HIGH = 0x1.62e42feep-1; // its last 21 bits are 0: times a small number it is exact
    private static final double LN2_LOW = 0x1.a39ef35793c76p-33;
    private static final double LOG2_E = 0x1.71547652b82fep0;

    private static final double LOG_1 = 0x1.5555555555593p-1;
    private static final double LOG_2 = 0x1.999999997fa04p-2;
    private static final double LOG_3 = 0x1.2492494229359p-2;
    private static final double LOG_4 = 0x1.c71c51d8e78afp-3;
    private static final double LOG_5 = 0x1.7466496cb03dep-3;
    private static final double LOG_6 = 0x1.39a09d078c69fp-3;
    private static final double LOG_7 = 0x1.2f112df3e5244p-3;

    private static final double EXP_1 = 0x1.555555555553ep-3;
    private static final double EXP_2 = -0x1.6c16c16bebd93p-9;
    private static final double EXP_3 = 0x1.1566aaf25de2cp-14;
    private static final double EXP_4 = -0x1.bbd41c5d26bf1p-20;
    private static final double EXP_5 = 0x1.6376972bea4d0p-25;

    // Upper halves of doubles.
    private static final int MIN_NORMAL = 0x00100000;
    private static final int INFINITE = 0x7ff00000;
    private static final int EXP_TINY = 0x3e300000; // 2^-28
    private static final int EXP_LARGE = 0x4085e000; // 700
    private static final int HALF_LN2 = 0x3fd62e42;

    private Fdlibm() {}

    static double log(double x) {
        long bits = Double.doubleToRawLongBits(x);
        int high = (int) (bits >>> 32);
        int mantissa = high & 0x000fffff;
        int nearSqrt2 = mantissa - 0x6147a | 0x6b851 - mantissa; // from 0 on: fdlibm sums such otherwise
        if (high < MIN_NORMAL || high >= INFINITE || nearSqrt2 >= 0 || (0x000fffff & 2 + mantissa) < 3) {
            return StrictMath.log(x);
        }
        int up = mantissa + 0x95f64 & 0x100000;
        double k = (high >> 20) - 1023 + (up >> 20);
        double f = Double.longBitsToDouble((long) (mantissa | up ^ 0x3ff00000) << 32 | bits & 0xffffffffL) - 1;
        double s = f / (2 + f);
        double z = s * s;
        double w = z * z;
        double r = z * (LOG_1 + w * (LOG_3 + w * (LOG_5 + w * LOG_7))) + w * (LOG_2 + w * (LOG_4 + w * LOG_6));
        return k * LN2_HIGH - (s * (f - r) - k * LN2_LOW - f); // where k is 0, fdlibm leaves it out
    }

    static double exp(double x) {
        int high = (int) (Double.doubleToRawLongBits(x) >>> 32) & 0x7fffffff;
        if (high < EXP_TINY || high >= EXP_LARGE) {
            return StrictMath.exp(x);
        }
        // 0 up to half of ln 2, of which fdlibm only sees the upper half.
        int k = (int) (LOG2_E * x + Math.copySign(0.5, x)) & HALF_LN2 - high >> 31;
        double above = x - k * LN2_HIGH;
        double below = k * LN2_LOW;
        double r = above - below;
        double t = r * r;
        double c = r - t * (EXP_1 + t * (EXP_2 + t * (EXP_3 + t * (EXP_4 + t * EXP_5))));
        double y = 1 - (below - r * c / (2 - c) - above);
        return Double.longBitsToDouble(Double.doubleToRawLongBits(y) + ((long) k << 52));
    }
}
