package io.tidegrad.loadtests.score;

import static org.assertj.core.api.Assertions.assertThat;

import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class OpenLoopTest {
    private static final long MILLI = 1_000_000;

    /// Goes on only when somebody waits or works.
    private static final class HandTime implements OpenLoop.Time {
        private long now;

        @Override
        public long nanos() {
            return now;
        }

        @Override
        public long until(long nanos) {
            now = Math.max(now, nanos);
            return now;
        }
    }

    private final HandTime time = new HandTime();
    private final OpenLoop loop = new OpenLoop(time, 1_000);

    /// Ten seconds of 1,000 calls/s, of which one stands still for a second and all others take a tenth of a
    /// millisecond.
    @Test
    void aServerThatStandsStillOnceIsSeenByAllWhoWaited() {
        OpenLoop.Latencies latencies = new OpenLoop.Latencies();
        loop.run(0, 0, 1, 10_000, call -> {
            time.now += call == 5_000 ? 1_000 * MILLI : MILLI / 10;
            return true;
        }, latencies);

        // 1,000 calls were due meanwhile, and the server catches up at 10,000/s: 1,111 of 10,000 wait.
        assertThat(above(latencies.whole(), MILLI / 2)).isBetween(1_105L, 1_115L);
        assertThat(latencies.whole().getValueAtPercentile(99)).isBetween(900 * MILLI, 1_001 * MILLI);
        assertThat(latencies.whole().getValueAtPercentile(50)).isBetween(MILLI / 11, MILLI / 9);
        assertThat(latencies.late().getValueAtPercentile(99)).isGreaterThan(890 * MILLI);
    }

    @Test
    void clientsShareTheCallsAndTheirTimes() {
        OpenLoop.Latencies latencies = new OpenLoop.Latencies();
        long[] calls = new long[3];
        for (int client = 0; client < 3; client++) {
            int mine = client;
            HandTime own = new HandTime();
            new OpenLoop(own, 1_000).run(7 * MILLI, client, 3, 100, call -> {
                assertThat(own.now).isEqualTo(7 * MILLI + call * MILLI);
                assertThat(call % 3).isEqualTo(mine);
                calls[mine]++;
                return call != 99; // told to come later
            }, latencies);
        }
        assertThat(calls).containsExactly(34, 33, 33);
        assertThat(latencies.late().getTotalCount()).isEqualTo(100);
        assertThat(latencies.whole().getTotalCount()).isEqualTo(99);
    }

    private static long above(Histogram histogram, long nanos) {
        return histogram.getTotalCount() - histogram.getCountBetweenValues(0, nanos);
    }
}
