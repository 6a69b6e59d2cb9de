package io.tidegrad.model.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.evaluation.DriftDetector.Level;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What an adaptive window promises, on streams whose shifts are known. (Golden cases have the numbers of the others.)
class DriftDetectorTest {
    private static int alarms(DriftDetector detector, DoubleSupplier stream, int events) {
        int alarms = 0;
        for (int i = 0; i < events; i++) {
            alarms += detector.add(stream.getAsDouble()) == Level.DRIFT ? 1 : 0;
        }
        return alarms;
    }

    /// A bound of 1,000 events between false alarms is one that a few million events can refute.
    @ParameterizedTest
    @CsvSource({"0.5", "0.1", "0.01"})
    void aStreamThatDoesNotChangeGivesNoMoreFalseAlarmsThanAskedFor(double rate) {
        for (double between : new double[]{1_000, 20_000}) {
            SplittableRandom random = new SplittableRandom(5);
            int events = 400_000;
            assertThat(alarms(new Adwin(between), () -> random.nextDouble() < rate ? 1 : 0, events))
                    .isLessThanOrEqualTo((int) (events / between));
        }
    }

    /// The values after a shift of 50,000 earlier ones until the alarm.
    private static int delay(double before, double after, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Adwin adwin = new Adwin(1_000_000);
        assertThat(alarms(adwin, () -> random.nextDouble() < before ? 1 : 0, 50_000)).isZero();
        int delay = 1;
        while (adwin.add(random.nextDouble() < after ? 1 : 0) == Level.NONE) {
            delay++;
        }
        assertThat(adwin.meanBefore()).isCloseTo(before, within(0.02));
        return delay;
    }

    @ParameterizedTest
    @CsvSource({"0.5, 0.1, 160", "0.1, 0.5, 128", "0.1, 0, 544", "0.025, 0, 2144", "0.2, 0.25, 4864"})
    void aShiftIsSeenWithinSoManyEvents(double before, double after, int most) {
        for (int seed = 0; seed < 20; seed++) {
            assertThat(delay(before, after, seed)).as("seed %d", seed).isLessThanOrEqualTo(most);
        }
    }

    /// Nothing is lost by merging buckets: the window is always the newest values.
    @Test
    void theWindowHasTheMeanOfItsNewestValues() {
        SplittableRandom random = new SplittableRandom(8);
        Adwin adwin = new Adwin(10_000);
        List<Double> values = new ArrayList<>();
        for (int i = 0; i < 30_000; i++) {
            double value = random.nextDouble() * (i / 7_000 % 2 == 0 ? 1 : 0.6);
            values.add(value);
            adwin.add(value);
            if (i % 997 == 0) {
                List<Double> window = values.subList(values.size() - (int) adwin.width(), values.size());
                assertThat(adwin.mean()).isCloseTo(
                        window.stream().mapToDouble(Double::doubleValue).average().orElseThrow(), within(1e-9));
            }
        }
        assertThat(adwin.width()).isLessThan(30_000 - 28_000 + 1_500);
    }

    @Test
    void aRestartChangesNoAlarm() {
        List<Supplier<DriftDetector>> kinds = List.of(() -> new Adwin(5_000), () -> new PageHinkley(0.01, 20, 30),
                () -> new DriftDetectionMethod(30, 2, 3));
        for (Supplier<DriftDetector> kind : kinds) {
            SplittableRandom random = new SplittableRandom(2);
            DriftDetector whole = kind.get();
            DriftDetector restarted = kind.get();
            int alarms = 0;
            for (int i = 0; i < 20_000; i++) {
                double value = random.nextDouble() < (i / 4_000 % 2 == 0 ? 0.1 : 0.4) ? 1 : 0;
                Level level = whole.add(value);
                assertThat(restarted.add(value)).isEqualTo(level);
                alarms += level == Level.DRIFT ? 1 : 0;
                if (i % 333 == 0) {
                    BinaryWriter to = new BinaryWriter("TEST", 1, 64);
                    restarted.write(to);
                    restarted = kind.get();
                    BinaryReader from = new BinaryReader(to.seal(), "a test", "TEST", 1, IllegalArgumentException::new);
                    restarted.read(from);
                    from.end();
                }
            }
            assertThat(alarms).isPositive();
        }
    }

    @Test
    void moreFalseAlarmsThanChecksAreRefused() {
        assertThatThrownBy(() -> new Adwin(10))
                .hasMessage("expected at least 64 expected events between false alarms, found 10.0");
    }
}
