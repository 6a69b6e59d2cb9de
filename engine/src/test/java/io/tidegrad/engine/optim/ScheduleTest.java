package io.tidegrad.engine.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.testing.DoubleSchedule;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ScheduleTest {
    private static final int SEEDS = 200;

    static IntStream seeds() {
        return IntStream.range(0, SEEDS);
    }

    /// Every kind, with options of any size.
    private static List<Schedule> draw(Random random) {
        long steps = 1 + random.nextInt(50);
        double min = 0.01 * random.nextDouble();
        return List.of(
                Schedule.CONSTANT, new Schedule.Step(steps, 0.05 + 1.5 * random.nextDouble()), new Schedule.Exponential(
                        0.5 + 0.7 * random.nextDouble()),
                new Schedule.LinearWarmup(random.nextDouble(), steps), new Schedule.InverseSqrt(steps),
                new Schedule.Cosine(steps, min), new Schedule.WarmupCosine(steps, steps + 1 + random.nextInt(60), min),
                new Schedule.OneCycle(20 + steps, 0.1 + 0.8 * random.nextDouble(), 1 + 30 * random.nextDouble(),
                        1 + 1e4 * random.nextDouble()),
                new Schedule.WarmRestarts(steps, 1 + random.nextInt(3), min));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void ratesAgreeWithTheFormulasWrittenAnew(int seed) {
        Random random = new Random(seed * 0x9E3779B97F4A7C15L);
        double base = 0.001 + random.nextDouble();
        for (Schedule schedule : draw(random)) {
            for (long t = 0; t < 130; t++) {
                double want = DoubleSchedule.rate(schedule, base, t);
                assertThat(schedule.rate(base, t)).as("seed %d, %s of %s, update %d", seed, schedule, base, t)
                        .isCloseTo(want, within(1e-15 + 1e-12 * want));
            }
        }
    }

    @Test
    void everyKindIsDrawn() {
        Set<Class<?>> drawn = new HashSet<>();
        draw(new Random(1)).forEach(schedule -> drawn.add(schedule.getClass()));
        assertThat(Schedule.class.getPermittedSubclasses()).allMatch(drawn::contains);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void noRateIsNegativeOrUnknownHoweverLateTheUpdate(int seed) {
        Random random = new Random(seed * 0x9E3779B97F4A7C15L);
        for (Schedule schedule : draw(random)) {
            for (long t : new long[]{1_000_000, 1L << 40, Long.MAX_VALUE - 1}) {
                assertThat(schedule.rate(0.1, t)).as("seed %d, %s, update %d", seed, schedule, t)
                        .isGreaterThanOrEqualTo(0);
            }
        }
    }

    /// The rise and the fall of a cycle may be missing.
    @Test
    void aCycleOfOneHalfBeginsOrEndsAtItsTop() {
        Schedule falls = new Schedule.OneCycle(10, 0.1, 25, 4);
        assertThat(falls.rate(0.5, 0)).isEqualTo(0.5);
        assertThat(falls.rate(0.5, 9)).isCloseTo(0.005, within(1e-15));
        assertThat(new Schedule.OneCycle(10, 0, 25, 4).rate(0.5, 0)).isLessThan(0.5);
        Schedule rises = new Schedule.OneCycle(10, 1, 25, 4);
        assertThat(rises.rate(0.5, 0)).isCloseTo(0.02, within(1e-15));
        assertThat(rises.rate(0.5, 9)).isCloseTo(0.5, within(1e-15));
        assertThat(rises.rate(0.5, 10)).isCloseTo(0.005, within(1e-15));
    }

    /// A range test: from a tiny rate to a huge one in so many updates.
    @Test
    void anExponentialMayGrow() {
        double gamma = StrictMath.pow(1e8, 1.0 / 1000);
        assertThat(new Schedule.Exponential(gamma).rate(1e-7, 1000)).isCloseTo(10, within(1e-10));
    }

    @Test
    void nonsenseIsRefusedWithWhatWasExpectedAndFound() {
        assertThatThrownBy(() -> new Schedule.Step(0, 0.1))
                .hasMessage("step: expected a step size of at least 1, found 0");
        assertThatThrownBy(() -> new Schedule.Exponential(0))
                .hasMessage("exponential: expected gamma above 0, found 0.0");
        assertThatThrownBy(() -> new Schedule.LinearWarmup(-0.1, 5))
                .hasMessage("linear warmup: expected a start factor of at least 0, found -0.1");
        assertThatThrownBy(() -> new Schedule.InverseSqrt(0))
                .hasMessage("inverse sqrt: expected warmup steps of at least 1, found 0");
        assertThatThrownBy(() -> new Schedule.Cosine(5, Double.NaN))
                .hasMessage("cosine: expected a min rate of at least 0, found NaN");
        assertThatThrownBy(() -> new Schedule.WarmupCosine(5, 5, 0))
                .hasMessage("warmup cosine: expected total steps above 5, found 5");
        assertThatThrownBy(() -> new Schedule.OneCycle(3, 1.3, 25, 1e4))
                .hasMessage("one cycle: expected pct start in [0, 1], found 1.3");
        assertThatThrownBy(() -> new Schedule.WarmRestarts(0, 1, 0))
                .hasMessage("warm restarts: expected a period of at least 1, found 0");
    }

    @Test
    void theCosineIsThatOfTheLibraryToTheLastBitsOfOne() {
        for (int i = 0; i <= 100_000; i++) {
            double x = i / 100_000.0;
            assertThat(CosPi.of(x)).isCloseTo(Math.cos(Math.PI * x), within(0x1p-51));
        }
        assertThat(CosPi.of(0)).isEqualTo(1);
        assertThat(CosPi.of(0.5)).isZero();
        assertThat(CosPi.of(1)).isEqualTo(-1);
    }
}
