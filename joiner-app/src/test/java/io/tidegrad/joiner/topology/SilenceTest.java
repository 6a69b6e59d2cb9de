package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class SilenceTest {
    private final Silence silence = new Silence();
    private long now = Duration.ofHours(7).toNanos();
    private long total = 1_000_000;

    private void come(int records, Duration each) {
        silence.look(total, now);
        for (int i = 0; i < records; i++) {
            now += each.toNanos();
            silence.look(++total, now);
        }
    }

    @Test
    void labelsThatStopComingAreToldWithWhatIsUsual() {
        come(100, Duration.ofSeconds(20));
        now += Duration.ofMinutes(33).toNanos();
        assertThat(silence.unusual("label", now)).isNull();
        now += Duration.ofMinutes(1).toNanos();
        assertThat(silence.unusual("label", now)).isEqualTo("no label for 34 min, where one came every 20 s");
        silence.look(++total, now);
        assertThat(silence.unusual("label", now)).isNull();
    }

    @Test
    void aShortSilenceOfAFastTopicIsNotWorthAWord() {
        come(1_000, Duration.ofMillis(5));
        now += Duration.ofMinutes(9).toNanos();
        assertThat(silence.unusual("label", now)).isNull();
        now += Duration.ofMinutes(2).toNanos();
        assertThat(silence.unusual("label", now)).isEqualTo("no label for 11 min, where one came every 5 ms");
    }

    @Test
    void nothingIsUsualYetOfATopicThatHadFewRecords() {
        come(19, Duration.ofSeconds(1));
        now += Duration.ofDays(1).toNanos();
        assertThat(silence.unusual("label", now)).isNull();
    }

    @Test
    void whatIsUsualFollowsTheTopic() {
        come(2_000, Duration.ofMillis(10));
        come(3_000, Duration.ofSeconds(10));
        now += Duration.ofMinutes(15).toNanos();
        assertThat(silence.unusual("label", now)).as("a gap of 90 means").isNull();
        now += Duration.ofMinutes(3).toNanos();
        assertThat(silence.unusual("label", now)).isNotNull();
    }
}
