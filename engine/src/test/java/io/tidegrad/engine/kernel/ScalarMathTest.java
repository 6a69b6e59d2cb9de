package io.tidegrad.engine.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.testing.DoubleActivations;
import java.util.function.DoubleUnaryOperator;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/// Against `StrictMath` in double, over every 1009th float of the domain: about four million each.
class ScalarMathTest {
    private static final int STEP = 1009;

    @Test
    void expIsWithinItsStatedError() {
        assertThat(largestError(ScalarMath::exp, StrictMath::exp, 0f, 88.37f)).isLessThan(1.1);
        assertThat(largestError(ScalarMath::exp, StrictMath::exp, -0f, -87.33f)).isLessThan(1.1);
    }

    @Test
    void logIsWithinItsStatedError() {
        assertThat(largestError(ScalarMath::log, StrictMath::log, Float.MIN_VALUE, Float.MAX_VALUE)).isLessThan(1.0);
    }

    @Test
    void log1pIsWithinItsStatedError() {
        assertThat(largestError(ScalarMath::log1p, StrictMath::log1p, 0f, Float.MAX_VALUE)).isLessThan(2.5);
        assertThat(largestError(ScalarMath::log1p, StrictMath::log1p, -0f, -0.9999999f)).isLessThan(2.5);
    }

    @Test
    void sigmoidIsWithinItsStatedError() {
        DoubleUnaryOperator exact = x -> 1 / (1 + StrictMath.exp(-x));
        assertThat(largestError(ScalarMath::sigmoid, exact, 0f, Float.MAX_VALUE)).isLessThan(2.5);
        assertThat(largestError(ScalarMath::sigmoid, exact, -0f, -86f)).isLessThan(2.5);
    }

    @Test
    void tanhIsWithinItsStatedErrorAndOdd() {
        assertThat(largestError(ScalarMath::tanh, StrictMath::tanh, 0f, Float.MAX_VALUE)).isLessThan(2.5);
        for (float x = 1e-30f; x < 100f; x *= 1.01f) {
            assertThat(ScalarMath.tanh(-x)).isEqualTo(-ScalarMath.tanh(x));
        }
    }

    @Test
    void expm1IsWithinItsStatedError() {
        assertThat(largestError(ScalarMath::expm1, StrictMath::expm1, 0f, 88.37f)).isLessThan(1.5);
        assertThat(largestError(ScalarMath::expm1, StrictMath::expm1, -0f, -1000f)).isLessThan(1.5);
    }

    @Test
    void softplusIsWithinItsStatedError() {
        DoubleUnaryOperator exact = DoubleActivations::softplus;
        assertThat(largestError(ScalarMath::softplus, exact, 0f, Float.MAX_VALUE)).isLessThan(3);
        assertThat(largestError(ScalarMath::softplus, exact, -0f, -87.32f)).isLessThan(3);
    }

    @Test
    void normalCdfIsWithinItsStatedError() {
        DoubleUnaryOperator exact = DoubleActivations::normalCdf;
        assertThat(largestError(ScalarMath::normalCdf, exact, 0f, 100f)).isLessThan(6.5);
        assertThat(largestError(ScalarMath::normalCdf, exact, -0f, -13f)).isLessThan(6.5);
    }

    /// As far as the tails are floats at all.
    @Test
    void activationsAreWithinTheirStatedErrors() {
        assertThat(error(x -> ScalarActivations.elu(0.7f, x), x -> DoubleActivations.elu(0.7f, x))).isLessThan(2.5);
        assertThat(error(ScalarActivations::gelu, DoubleActivations::gelu)).isLessThan(7);
        assertThat(error(ScalarActivations::silu, DoubleActivations::silu)).isLessThan(2.5);
        assertThat(error(ScalarActivations::geluTanh, DoubleActivations::geluTanh)).isLessThan(100);
    }

    /// In ulp, within ±9.
    private static double error(FloatFunction function, DoubleUnaryOperator exact) {
        return Math.max(largestError(function, exact, 0f, 9f), largestError(function, exact, -0f, -9f));
    }

    /// Slopes against differences of the functions in doubles: their zeros have no last place.
    @Test
    void slopesAreThoseOfTheFunctions() {
        for (float x = -20; x < 20; x += 0.00371f) {
            assertSlope(x, ScalarActivations.leakyReluSlope(0.3f, x), v -> DoubleActivations.leakyRelu(0.3f, v));
            assertSlope(x, ScalarActivations.eluSlope(1, x), v -> DoubleActivations.elu(1, v));
            assertSlope(x, ScalarActivations.geluSlope(x), DoubleActivations::gelu);
            assertSlope(x, ScalarActivations.geluTanhSlope(x), DoubleActivations::geluTanh);
            assertSlope(x, ScalarActivations.siluSlope(x), DoubleActivations::silu);
            assertSlope(x, ScalarActivations.softplusSlope(x), DoubleActivations::softplus);
        }
    }

    private static void assertSlope(float x, float slope, DoubleUnaryOperator function) {
        double h = 1e-4;
        // Fourth order: the differences' own error is 1e-11.
        double want = (8 * (function.applyAsDouble(x + h) - function.applyAsDouble(x - h))
                - function.applyAsDouble(x + 2 * h) + function.applyAsDouble(x - 2 * h)) / (12 * h);
        assertThat((double) slope).as("at %s", x).isCloseTo(want, Offset.offset(5e-7));
    }

    /// 0 times a slope must stay 0 in padding, and what is wrong must show.
    @Test
    void activationsOfFiniteNumbersAreFiniteAndOthersShow() {
        for (float x : new float[]{0f, -0f, 1e-45f, 14f, -14f, 88f, -88f, 1e19f, -1e19f, Float.MAX_VALUE,
            -Float.MAX_VALUE}) {
            for (float value : valuesAndSlopes(x)) {
                assertThat(value).as("at %s", x).isFinite();
            }
        }
        for (float value : valuesAndSlopes(Float.NaN)) {
            assertThat(value).isNaN();
        }
    }

    private static float[] valuesAndSlopes(float x) {
        return new float[]{ScalarActivations.elu(0.5f, x), ScalarActivations.eluSlope(0.5f, x),
            ScalarActivations.gelu(x), ScalarActivations.geluSlope(x), ScalarActivations.geluTanh(x),
            ScalarActivations.geluTanhSlope(x), ScalarActivations.silu(x), ScalarActivations.siluSlope(x),
            ScalarMath.softplus(x), ScalarActivations.softplusSlope(x)};
    }

    @Test
    void theEndsOfTheDomainAreThoseOfTheFunctions() {
        assertThat(ScalarMath.exp(0f)).isEqualTo(1f);
        assertThat(ScalarMath.exp(-87.34f)).isEqualTo(0f);
        assertThat(ScalarMath.exp(Float.NEGATIVE_INFINITY)).isEqualTo(0f);
        assertThat(ScalarMath.exp(89f)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarMath.exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarMath.expm1(-0f)).isEqualTo(-0f);
        assertThat(ScalarMath.expm1(-87.34f)).isEqualTo(-1f);
        assertThat(ScalarMath.expm1(89f)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarMath.softplus(-1000f)).isEqualTo(0f);
        assertThat(ScalarMath.softplus(1000f)).isEqualTo(1000f);
        assertThat(ScalarMath.softplus(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarMath.normalCdf(0f)).isEqualTo(0.5f);
        assertThat(ScalarMath.normalCdf(-14f)).isEqualTo(0f);
        assertThat(ScalarMath.normalCdf(14f)).isEqualTo(1f);
        assertThat(ScalarMath.log(1f)).isEqualTo(0f);
        assertThat(ScalarMath.log(0f)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(ScalarMath.log(-0f)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(ScalarMath.log(-1f)).isNaN();
        assertThat(ScalarMath.log(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarMath.log1p(-1f)).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(ScalarMath.log1p(-2f)).isNaN();
        assertThat(ScalarMath.log1p(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarMath.sigmoid(-1000f)).isEqualTo(0f);
        assertThat(ScalarMath.sigmoid(0f)).isEqualTo(0.5f);
        assertThat(ScalarMath.sigmoid(1000f)).isEqualTo(1f);
        assertThat(ScalarMath.tanh(-1000f)).isEqualTo(-1f);
        assertThat(ScalarMath.tanh(1000f)).isEqualTo(1f);
    }

    @Test
    void notANumberStaysVisible() {
        assertThat(ScalarMath.exp(Float.NaN)).isNaN();
        assertThat(ScalarMath.log(Float.NaN)).isNaN();
        assertThat(ScalarMath.log1p(Float.NaN)).isNaN();
        assertThat(ScalarMath.sigmoid(Float.NaN)).isNaN();
        assertThat(ScalarMath.tanh(Float.NaN)).isNaN();
    }

    private interface FloatFunction {
        float apply(float x);
    }

    /// In units in the last place of the exact value. Between `from` and `to` of equal sign, `from` nearer to 0.
    private static double largestError(FloatFunction function, DoubleUnaryOperator exact, float from, float to) {
        double largest = 0;
        int last = Float.floatToRawIntBits(to);
        for (int bits = Float.floatToRawIntBits(from); bits <= last; bits += STEP) {
            float x = Float.intBitsToFloat(bits);
            double want = exact.applyAsDouble(x);
            double error = Math.abs(function.apply(x) - want) / Math.ulp((float) want);
            largest = Math.max(largest, error);
            if (last - bits < STEP) {
                break;
            }
        }
        return largest;
    }
}
