package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.Spread;
import java.util.ArrayList;
import java.util.List;

/// What was measured in windows of one kind. If the machine stands still for some milliseconds, this spoils the high
/// percentiles of one window and of all calls together, but not the median over windows.
final class Windows {
    private final OpenLoop.Latencies all = new OpenLoop.Latencies();
    private final List<OpenLoop.Latencies> each = new ArrayList<>();

    void add(OpenLoop.Latencies window) {
        all.add(window);
        each.add(window);
    }

    /// All calls together.
    OpenLoop.Latencies all() {
        return all;
    }

    /// The median of the windows' percentiles, in nanoseconds; of an even number of windows the mean of the middle two.
    double median(double percentile) {
        double[] values =
                each.stream().mapToDouble(window -> window.whole().getValueAtPercentile(percentile)).toArray();
        return values.length == 0 ? Double.NaN : Spread.of(values).median();
    }
}
