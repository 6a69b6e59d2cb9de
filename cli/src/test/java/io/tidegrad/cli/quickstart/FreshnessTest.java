package io.tidegrad.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.cli.quickstart.Freshness.Admitted;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class FreshnessTest {
    @Test
    void anEventIsAdmittedWithTheFirstVersionThatContainsIt() {
        long[] appended = {100, 200, 300, 400};
        // Offset 2 is exclusive: events 0 and 1. The version at 900 repeats it and admits nothing
        // new.
        Freshness freshness =
                Freshness.of(appended, 0, List.of(new Admitted(2, 500), new Admitted(2, 900), new Admitted(4, 1_000)));
        // 400, 300, 700, 600
        assertThat(freshness).isEqualTo(new Freshness(400, 700, 0));
    }

    @Test
    void percentilesAreNearestRanks() {
        long[] appended = LongStream.range(0, 1_000).map(event -> 1_000 - event).toArray();
        Freshness freshness = Freshness.of(appended, 0, List.of(new Admitted(1_000, 1_000)));
        // Waited 0 to 999 ms.
        assertThat(freshness).isEqualTo(new Freshness(499, 989, 0));
    }

    @Test
    void eventsThatNoVersionContainsAreMissing() {
        Freshness freshness = Freshness.of(new long[]{10, 20, 30}, 7, List.of(new Admitted(8, 15)));
        assertThat(freshness).isEqualTo(new Freshness(5, 5, 2));
    }

    @Test
    void withoutAdmissionsThereIsNothingToTell() {
        Freshness freshness = Freshness.of(new long[]{10}, 0, List.of());
        assertThat(freshness.p99()).isNaN();
        assertThat(freshness.missing()).isEqualTo(1);
    }
}
