package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// The root that scoring threads read: one reference, published with one release store by the follower, read once a
/// prediction. Readers never wait, and never see half a model, because everything behind the reference is immutable.
final class CurrentModel {
    /// Kept beside the current one, for comparison and for a pinned version.
    static final int PREVIOUS_KEPT = 3;

    private final long maxPreviousBytes;
    private final AtomicReference<@Nullable ServedModel> root = new AtomicReference<>();
    private final CountDownLatch firstAdmission = new CountDownLatch(1);
    private volatile List<ServedModel> previous = List.of();
    private volatile @Nullable Heartbeat heartbeat;
    private long heartbeatOffset;

    /// @param maxPreviousBytes of weights that earlier versions may hold together: large models keep fewer
    CurrentModel(long maxPreviousBytes) {
        this.maxPreviousBytes = maxPreviousBytes;
    }

    @Nullable ServedModel get() {
        return root.getAcquire();
    }

    /// Called by the follower only. (epoch, version) must be above the one served.
    void publish(ServedModel model) {
        ServedModel replaced = root.getPlain();
        if (replaced != null && !model.isNewerThan(replaced)) {
            throw new IllegalArgumentException(
                    "version "
                            + model.epoch()
                            + "."
                            + model.version()
                            + " is not above the served one, "
                            + replaced.epoch()
                            + "."
                            + replaced.version());
        }
        if (replaced != null) {
            previous = kept(replaced);
        }
        root.setRelease(model);
        firstAdmission.countDown();
    }

    private List<ServedModel> kept(ServedModel replaced) {
        List<ServedModel> candidates = new ArrayList<>(PREVIOUS_KEPT + 1);
        candidates.add(replaced);
        candidates.addAll(previous);
        long bytes = 0;
        int kept = 0;
        while (kept < Math.min(candidates.size(), PREVIOUS_KEPT)) {
            bytes += candidates.get(kept).manifest().servedBytes();
            if (bytes > maxPreviousBytes) {
                break;
            }
            kept++;
        }
        return List.copyOf(candidates.subList(0, kept));
    }

    /// Newest first.
    List<ServedModel> previous() {
        return previous;
    }

    @Nullable Heartbeat heartbeat() {
        return heartbeat;
    }

    /// Called by the follower only. Of one epoch the beat furthest down the log counts, whatever order they are read in;
    /// an earlier epoch's says nothing, for its trainer may not know yet that it is over.
    ///
    /// @param offset of the record that says so
    void beat(Heartbeat beat, long offset) {
        Heartbeat known = heartbeat;
        if (known == null
                || beat.epoch() > known.epoch()
                || (beat.epoch() == known.epoch() && offset > heartbeatOffset)) {
            heartbeatOffset = offset;
            heartbeat = beat;
        }
    }

    boolean awaitFirst(Duration timeout) throws InterruptedException {
        return firstAdmission.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }
}
