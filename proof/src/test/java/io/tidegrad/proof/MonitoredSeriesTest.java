package io.tidegrad.proof;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import org.junit.jupiter.api.Test;

class MonitoredSeriesTest {
    @Test
    void aUnitCountsAtTheEndOfANameOnly() {
        String metrics = """
                # TYPE tidegrad_flush_seconds gauge
                # TYPE tidegrad_scorer_request_seconds summary
                # TYPE tidegrad_scorer_request_seconds_max gauge
                # TYPE tidegrad_dead_letters_total counter
                # TYPE tidegrad_events_set_aside_total counter
                # TYPE tidegrad_snapshots_retained gauge
                # TYPE tidegrad_up gauge
                # TYPE tidegrad_window_predictions_tenth_3 gauge
                # TYPE tidegrad_records_age gauge
                # TYPE tidegrad_seconds_late_total counter
                # TYPE tidegrad_scorer_requests_topic_lag gauge
                # TYPE tidegrad_accepted_total counter
                # TYPE jvm_memory gauge
                """;
        assertEquals(Set.of("tidegrad_records_age", "tidegrad_seconds_late_total", "tidegrad_scorer_requests_topic_lag",
                "tidegrad_accepted_total"), MonitoredSeries.withoutUnit(metrics));
    }
}
