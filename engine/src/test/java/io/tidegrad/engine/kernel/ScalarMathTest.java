package io.tidegrad.engine.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.DoubleUnaryOperator;
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
        assertThat(largestError(ScalarMath::log, StrictMath::log, Float.MIN_VALUE, Float.MAX_VALUE))
                .isLessThan(1.0);
    }

    @Test
    void log1pIsWithinItsStatedError() {
        assertThat(largestError(ScalarMath::log1p, StrictMath::log1p, 0f, Float.MAX_VALUE))
                .isLessThan(2.5);
        assertThat(largestError(ScalarMath::log1p, StrictMath::log1p, -0f, -0.9999999f))
                .isLessThan(2.5);
    }

    @Test
    void sigmoidIsWithinItsStatedError() {
        DoubleUnaryOperator exact = x -> 1 / (1 + StrictMath.exp(-x));
        assertThat(largestError(ScalarMath::sigmoid, exact, 0f, Float.MAX_VALUE)).isLessThan(2.5);
        assertThat(largestError(ScalarMath::sigmoid, exact, -0f, -86f)).isLessThan(2.5);
    }

    @Test
    void tanhIsWithinItsStatedErrorAndOdd() {
        assertThat(largestError(ScalarMath::tanh, StrictMath::tanh, 0f, Float.MAX_VALUE))
                .isLessThan(2.5);
        for (float x = 1e-30f; x < 100f; x *= 1.01f) {
            assertThat(ScalarMath.tanh(-x)).isEqualTo(-ScalarMath.tanh(x));
        }
    }

    @Test
    void theEndsOfTheDomainAreThoseOfTheFunctions() {
        assertThat(ScalarMath.exp(0f)).isEqualTo(1f);
        assertThat(ScalarMath.exp(-87.34f)).isEqualTo(0f);
        assertThat(ScalarMath.exp(Float.NEGATIVE_INFINITY)).isEqualTo(0f);
        assertThat(ScalarMath.exp(89f)).isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(ScalarMath.exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
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
    private static double largestError(
            FloatFunction function, DoubleUnaryOperator exact, float from, float to) {
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
