package io.tidegrad.trainer.store;

import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;

/// Measures how many bytes of different pages learning changes in a second. The windows are as long as the longest
/// commit interval, so this is what a page log of that interval would write. The result is a mean of the windows in
/// which the newest one counts a fifth.
final class ChangeRate {
    private static final double NEWEST = 0.2;

    private final PageSet changed;
    private final long windowNanos;
    private double bytesPerSecond;
    private long begin = -1;

    /// @param bytesPerSecond as measured before; NaN if it was not
    ChangeRate(int pages, long windowNanos, double bytesPerSecond) {
        changed = new PageSet(pages);
        this.windowNanos = windowNanos;
        this.bytesPerSecond = bytesPerSecond;
    }

    /// Called in each flush that follows learning.
    ///
    /// @param now nanoseconds of the trainer's clock
    void changed(PageSet pages, long now) {
        if (begin < 0 || now - begin >= 2 * windowNanos) {
            // In the first flush, or after a pause, it is not known how long the changes took.
            begin = now;
            changed.clear();
            return;
        }
        changed.addAll(pages);
        if (now - begin >= windowNanos) {
            double newest = (double) changed.count() * Parameters.PAGE_BYTES / ((now - begin) / 1e9);
            bytesPerSecond =
                    Double.isNaN(bytesPerSecond) ? newest : bytesPerSecond + NEWEST * (newest - bytesPerSecond);
            changed.clear();
            begin = now;
        }
    }

    /// Returns NaN until it is measured.
    double bytesPerSecond() {
        return bytesPerSecond;
    }
}
