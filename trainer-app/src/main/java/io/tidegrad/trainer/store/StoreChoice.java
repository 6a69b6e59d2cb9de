package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.Retention;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Chooses how a model is kept, by its size, by what its learning changes, and by how long its log keeps events.
///
/// @param reason why, as text
record StoreChoice(StoreKind kind, String reason) {
    /// Between this share of the budget and all of it the choice does not change.
    private static final double BACK = 0.5;

    /// @param before the choice before; null for a new model
    /// @param changedBytesPerSecond what a page log would write at its longest commit interval; NaN if it is not
    ///     measured
    /// @throws StopException if the log keeps events too short for either way
    static StoreChoice of(Lineage lineage, StoreSettings settings, @Nullable StoreKind before,
            double changedBytesPerSecond) {
        StoreKind forced = settings.forced();
        if (forced == StoreKind.IMAGE_AND_REDO && !retentionIsLongEnough(settings)) {
            throw refused(lineage, settings, "choose --store page-log");
        }
        if (forced != null) {
            return new StoreChoice(forced, "set by --store");
        }
        long fits = settings.flushBytesMax();
        String model = megabytes(settings.modelBytes());
        if (settings.modelBytes() <= fits) {
            return new StoreChoice(StoreKind.PAGE_LOG,
                    "the whole model, " + model + ", fits a commit of " + megabytes(fits));
        }
        if (!retentionIsLongEnough(settings)) {
            if (before == StoreKind.PAGE_LOG && !(changedBytesPerSecond > settings.bytesPerSecond())) {
                return new StoreChoice(StoreKind.PAGE_LOG, "the log keeps events too short for images of " + model);
            }
            throw refused(lineage, settings, "or lower what one commit has to write");
        }
        if (Double.isNaN(changedBytesPerSecond)) {
            return new StoreChoice(before == null ? StoreKind.IMAGE_AND_REDO : before, "the whole model, " + model
                    + ", does not fit a commit of " + megabytes(fits) + ", and what learning changes is not known yet");
        }
        String changed = "learning changes " + megabytes((long) changedBytesPerSecond) + " a second of " + model;
        String budget = megabytes(settings.bytesPerSecond()) + " that may be written";
        if (changedBytesPerSecond > settings.bytesPerSecond()) {
            return new StoreChoice(StoreKind.IMAGE_AND_REDO, changed + ", more than the " + budget);
        }
        if (changedBytesPerSecond < BACK * settings.bytesPerSecond()) {
            return new StoreChoice(StoreKind.PAGE_LOG, changed + ", less than half of the " + budget);
        }
        return new StoreChoice(before == null ? StoreKind.IMAGE_AND_REDO : before,
                changed + ", near the " + budget + ": as before");
    }

    /// Whether a page log can't write so many bytes in one commit, not even as after a burst, and images can.
    static boolean isFarTooMuch(StoreSettings settings, long bytes) {
        return settings.forced() == null && bytes > 2 * settings.flushBytesMax() && retentionIsLongEnough(settings);
    }

    /// An image is needed from its beginning until the next one is whole, which is the time of two images.
    private static boolean retentionIsLongEnough(StoreSettings settings) {
        Retention retention = settings.retention();
        return (retention.millis() < 0 || retention.millis() >= needed(settings).toMillis())
                && (retention.bytes() < 0 || retention.bytes() > 0);
    }

    private static Duration needed(StoreSettings settings) {
        return settings.imageDuration().multipliedBy(2);
    }

    private static StopException refused(Lineage lineage, StoreSettings settings, String otherwise) {
        return new StopException(ExitCode.CONFIGURATION,
                "model " + lineage.model() + ": expected " + lineage.log().topic() + " to keep events for at least "
                        + needed(settings).toMillis() + " ms, the time of two images of "
                        + megabytes(settings.modelBytes()) + " at " + megabytes(settings.bytesPerSecond())
                        + " a second, found retention.ms=" + settings.retention().millis()
                        + ": a restart could not learn again what came after the last image. Raise retention.ms, "
                        + otherwise);
    }

    static String megabytes(long bytes) {
        return bytes < 10_000_000 ? String.format(Locale.ROOT, "%.3g MB", bytes / 1e6) : bytes / 1_000_000 + " MB";
    }
}
