package io.tidegrad.scorer;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Decides which version may follow which (invariant I14). (epoch, version) of a model never decreases, even if another
/// model answered in between, and no version of an ended epoch is served. Used by the follower's thread and by the
/// thread of `LastGood`.
class Succession {
    private record Mark(int epoch, long version) {
    }

    private final Map<String, Mark> highest = new HashMap<>();
    private final Map<String, Integer> first = new HashMap<>();

    /// Notes that a control record began this epoch, which ends all earlier ones.
    final synchronized void begin(String model, int epoch) {
        first.merge(model, epoch, Math::max);
    }

    /// Returns whether a later epoch has begun.
    synchronized boolean isOver(String model, int epoch) {
        return epoch < first.getOrDefault(model, 0);
    }

    /// Returns whether this version may be served next.
    final synchronized boolean mayFollow(@Nullable ServedVersion served, String model, int epoch, long version) {
        if (isOver(model, epoch)) {
            return false;
        }
        Mark mark = highest.get(model);
        if (mark == null || isAbove(epoch, version, mark.epoch, mark.version)) {
            return true;
        }
        // If this model answers again after another one, it may continue with the version that it served last.
        return comesBack(served, model) && epoch == mark.epoch && version == mark.version;
    }

    /// Returns whether this model has served before and another one answers now. It returns with a version at or above
    /// the one that it served last. The versions below, of whose chain that version is, are loaded and not served.
    final synchronized boolean comesBack(@Nullable ServedVersion served, String model) {
        return highest.containsKey(model) && (served == null || !served.model().equals(model));
    }

    boolean isAbove(int epoch, long version, int otherEpoch, long otherVersion) {
        return epoch != otherEpoch ? epoch > otherEpoch : version > otherVersion;
    }

    final synchronized void serves(ServedVersion model) {
        highest.put(model.model(), new Mark(model.epoch(), model.version()));
    }

    /// Returns the rule for a pinned version, which serves even if its epoch has ended.
    static Succession ofPin() {
        return new Succession() {
            @Override
            boolean isOver(String model, int epoch) {
                return false;
            }
        };
    }
}
