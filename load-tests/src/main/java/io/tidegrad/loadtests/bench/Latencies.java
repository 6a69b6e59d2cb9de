package io.tidegrad.loadtests.bench;

import io.tidegrad.loadtests.bench.Measurement.Metric;
import org.HdrHistogram.Histogram;

/// Steps, each timed by the clock; reading it twice and counting is part of the throughput, some 50 ns. A step takes as
/// long as it takes: the next begins when it is done, so nothing waits and nothing is left out.
public final class Latencies implements Meter.Steps {
    private static final long NANOS_MAX = 60_000_000_000L;
    private static final int SIGNIFICANT_DIGITS = 3;

    private final Histogram histogram = new Histogram(1, NANOS_MAX, SIGNIFICANT_DIGITS);
    private final Runnable step;

    public Latencies(Runnable step) {
        this.step = step;
    }

    @Override
    public void run(int steps) {
        for (int i = 0; i < steps; i++) {
            long start = System.nanoTime();
            step.run();
            long nanos = System.nanoTime() - start;
            histogram.recordValue(Math.clamp(nanos, 1, NANOS_MAX));
        }
    }

    /// For the end of the warm-up.
    public void forget() {
        histogram.reset();
    }

    /// Nanoseconds.
    public double percentile(double percentile) {
        return histogram.getValueAtPercentile(percentile);
    }

    public Measurement.Lines to(Measurement.Lines lines) {
        return lines.add(Metric.P50_NS, histogram.getValueAtPercentile(50))
                .add(Metric.P99_NS, histogram.getValueAtPercentile(99))
                .add(Metric.P999_NS, histogram.getValueAtPercentile(99.9));
    }
}
