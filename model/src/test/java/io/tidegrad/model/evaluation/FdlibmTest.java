package io.tidegrad.model.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

class FdlibmTest {
    private static final int RANDOM = 2_000_000;

    @Test
    void logarithmsOfProbabilitiesAreThoseOfStrictMath() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < RANDOM; i++) {
            double p = random.nextDouble();
            requireEqual(Fdlibm::log, StrictMath::log, p);
            requireEqual(Fdlibm::log, StrictMath::log, 1 - p * 0x1p-18);
            requireEqual(Fdlibm::log, StrictMath::log, p * 0x1p-20);
        }
    }

    @Test
    void exponentialsOfScoresAreThoseOfStrictMath() {
        SplittableRandom random = new SplittableRandom(2);
        for (int i = 0; i < RANDOM; i++) {
            double x = random.nextDouble(-1, 1);
            requireEqual(Fdlibm::exp, StrictMath::exp, x);
            requireEqual(Fdlibm::exp, StrictMath::exp, 10 * x);
            requireEqual(Fdlibm::exp, StrictMath::exp, 750 * x);
            requireEqual(Fdlibm::exp, StrictMath::exp, 0x1p-26 * x);
        }
    }

    @Test
    void soAreThoseOfAllBits() {
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < RANDOM; i++) {
            double x = Double.longBitsToDouble(random.nextLong());
            requireEqual(Fdlibm::log, StrictMath::log, x);
            requireEqual(Fdlibm::exp, StrictMath::exp, x);
        }
    }

    /// Upper halves of doubles at which fdlibm goes another way, with the halves beside them.
    @Test
    void soAreThoseAtBorders() {
        int[] borders = {0, 0x00100000, 0x3e300000, 0x3fd62e42, 0x3fe00000, 0x3fe6a09e, 0x3ff00000, 0x3ff0a2b2,
            0x3ff6147a, 0x3ff6a09c, 0x3ff6b851, 0x3ffffffe, 0x40000000, 0x4085e000, 0x40862e42, 0x7ff00000};
        SplittableRandom random = new SplittableRandom(4);
        for (int border : borders) {
            for (int beside = -3; beside <= 3; beside++) {
                for (int i = 0; i < 2_000; i++) {
                    long low = i == 0 ? 0 : i == 1 ? 0xffffffffL : random.nextLong() & 0xffffffffL;
                    double x = Double.longBitsToDouble((long) (border + beside) << 32 | low);
                    requireEqual(Fdlibm::log, StrictMath::log, x);
                    requireEqual(Fdlibm::exp, StrictMath::exp, x);
                    requireEqual(Fdlibm::exp, StrictMath::exp, -x);
                }
            }
        }
    }

    private static void requireEqual(DoubleUnaryOperator found, DoubleUnaryOperator expected, double x) {
        long is = Double.doubleToLongBits(found.applyAsDouble(x));
        long should = Double.doubleToLongBits(expected.applyAsDouble(x));
        if (is != should) {
            assertThat(Double.longBitsToDouble(is)).as("of " + Double.toHexString(x))
                    .isEqualTo(Double.longBitsToDouble(should));
        }
    }
}
