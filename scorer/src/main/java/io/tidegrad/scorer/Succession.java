package io.tidegrad.scorer;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Which version may follow which, invariant I14 in one place: of one model (epoch, version) never goes back, also when
/// another answered in between, and nothing of an epoch that is over is served any more. The follower's thread asks,
/// and the one that has a file.
class Succession {
    private record Mark(int epoch, long version) {
    }

    private final Map<String, Mark> highest = new HashMap<>();
    private final Map<String, Integer> first = new HashMap<>();

    /// A control record began this epoch: whatever was before is over.
    final synchronized void begin(String model, int epoch) {
        first.merge(model, epoch, Math::max);
    }

    /// Whether a later epoch has begun.
    synchronized boolean isOver(String model, int epoch) {
        return epoch < first.getOrDefault(model, 0);
    }

    /// Whether this version may be served next.
    final synchronized boolean mayFollow(@Nullable ServedVersion served, String model, int epoch, long version) {
        if (isOver(model, epoch)) {
            return false;
        }
        Mark mark = highest.get(model);
        if (mark == null || isAbove(epoch, version, mark.epoch, mark.version)) {
            return true;
        }
        // When another model was promoted and this one comes back, where it was is where it goes
        // on.
        return comesBack(served, model) && epoch == mark.epoch && version == mark.version;
    }

    /// Whether this model has served, and another one answers now. What it comes back with lies at or above where it
    /// was; what it is a change to lies below, and is loaded without being served.
    final synchronized boolean comesBack(@Nullable ServedVersion served, String model) {
        return highest.containsKey(model) && (served == null || !served.model().equals(model));
    }

    boolean isAbove(int epoch, long version, int otherEpoch, long otherVersion) {
        return epoch != otherEpoch ? epoch > otherEpoch : version > otherVersion;
    }

    final synchronized void serves(ServedVersion model) {
        highest.put(model.model(), new Mark(model.epoch(), model.version()));
    }

    /// For a version that is pinned: it serves also when its epoch is over.
    static Succession ofPin() {
        return new Succession() {
            @Override
            boolean isOver(String model, int epoch) {
                return false;
            }
        };
    }
}
