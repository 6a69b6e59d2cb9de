package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.kafka.common.utils.Time;
import org.junit.jupiter.api.Test;

class KafkaTimeTest {
    private static final long START = 1_795_773_675_000L;
    private static final long MINUTES_30 = Duration.ofMinutes(30).toMillis();

    private long wall = START;
    private long nanos = -5;
    private final KafkaTime time = new KafkaTime(() -> wall, () -> nanos);

    private void pass(Duration passed) {
        wall += passed.toMillis();
        nanos += passed.toNanos();
    }

    @Test
    void itShowsTheWallClocksTime() {
        for (int hundredths = 0; hundredths < 1_000; hundredths++) {
            pass(Duration.ofMillis(10));
            assertThat(time.millis()).isEqualTo(wall);
        }
    }

    @Test
    void aWallClockThatIsSetBackDoesNotStopIt() {
        wall -= MINUTES_30;
        long before = time.millis();
        assertThat(before).isEqualTo(START);
        for (int second = 1; second <= 60; second++) {
            pass(Duration.ofSeconds(1));
            long now = time.millis();
            assertThat(now - before).isEqualTo(900);
            before = now;
        }
    }

    @Test
    void aWallClockThatIsSetAheadLetsNoTimeoutRunOut() {
        wall += MINUTES_30;
        long before = time.millis();
        assertThat(before).isEqualTo(START);
        for (int second = 1; second <= 60; second++) {
            pass(Duration.ofSeconds(1));
            long now = time.millis();
            assertThat(now - before).isEqualTo(1_100);
            before = now;
        }
    }

    @Test
    void itCatchesUpWithAWallClockThatWasSet() {
        wall -= MINUTES_30;
        for (int minute = 0; minute < 299; minute++) {
            pass(Duration.ofMinutes(1));
            assertThat(time.millis()).isGreaterThan(wall);
        }
        pass(Duration.ofMinutes(1));
        assertThat(time.millis()).isEqualTo(wall);
        pass(Duration.ofMinutes(1));
        assertThat(time.millis()).isEqualTo(wall);
    }

    /// In a JVM of its own, as a class can be defined only before it is used.
    @Test
    void kafkasClientsAskTheClockThatIsInstalled() throws Exception {
        Process child = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), FixedClock.class.getName())
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(child.waitFor()).isZero();
        assertThat(said.lines().toList().getLast()).isEqualTo("42");
    }

    public static final class FixedClock {
        private FixedClock() {}

        public static long currentTimeMillis() {
            return 42;
        }

        public static void main(String[] arguments) {
            KafkaTime.install(FixedClock.class);
            KafkaTime.install(); // comes too late, and changes nothing
            System.out.println(Time.SYSTEM.milliseconds());
        }
    }
}
