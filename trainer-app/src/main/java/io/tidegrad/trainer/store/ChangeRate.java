package io.tidegrad.trainer.store;

import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;

/// How many bytes of different pages learning changes a second, seen over windows as long as the longest commit
/// interval: what a page log of that interval would write. The mean of the windows, the newest counting a fifth.
final class ChangeRate {
    private static final double NEWEST = 0.2;

    private final PageSet changed;
    private final long windowNanos;
    private double bytesPerSecond;
    private long begin = -1;

    /// @param bytesPerSecond as measured before, or NaN
    ChangeRate(int pages, long windowNanos, double bytesPerSecond) {
        changed = new PageSet(pages);
        this.windowNanos = windowNanos;
        this.bytesPerSecond = bytesPerSecond;
    }

    /// At each flush that follows learning.
    ///
    /// @param now in nanoseconds of the trainer's clock
    void changed(PageSet pages, long now) {
        if (begin < 0 || now - begin >= 2 * windowNanos) {
            // The first flush, or one after a pause: what it has changed took nobody knows how
            // long.
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

    /// NaN while not measured.
    double bytesPerSecond() {
        return bytesPerSecond;
    }
}
