package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.SnapshotKey;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Offsets of the versions in a scanned range of the topic, without their payload. With it a look-up finds a whole
/// snapshot and the parent of a delta without holding or verifying the others.
final class SnapshotIndex {
    private static final long NOWHERE = -1;

    private record Version(int epoch, long version) {
    }

    /// @param from offset of its first part, or of the manifest if it has none
    /// @param manifest offset of its manifest
    /// @param parent version to which the delta applies; -1 for a full snapshot
    record Candidate(int epoch, long version, long from, long manifest, long parent) {
    }

    private static final class Found {
        // Grows with what was read and not with the numbers that a manifest claims.
        final Set<Integer> parts = new HashSet<>();
        long first = Long.MAX_VALUE;
        long manifest = NOWHERE;
        int expected;
        long parent = NOWHERE;

        boolean isComplete() {
            return manifest != NOWHERE && parts.size() >= expected
                    && IntStream.range(0, expected).allMatch(parts::contains);
        }
    }

    private final Map<Version, Found> versions = new LinkedHashMap<>();

    void part(SnapshotKey key, long offset) {
        Found found = found(key);
        found.parts.add(key.part());
        found.first = Math.min(found.first, offset);
    }

    /// Takes a manifest. A later one of the same version replaces it, because the transaction of the earlier one was
    /// repeated.
    void manifest(SnapshotKey key, int parts, long parent, long offset) {
        Found found = found(key);
        if (offset > found.manifest) {
            found.manifest = offset;
            found.expected = parts;
            found.parent = parent;
        }
        found.first = Math.min(found.first, offset);
    }

    /// Returns the highest (epoch, version) of which manifest and all parts were scanned; null if there is none.
    @Nullable
    Candidate newestComplete() {
        List<Candidate> complete = complete();
        return complete.isEmpty() ? null : complete.getFirst();
    }

    /// Returns every version of which manifest and all parts were scanned, newest first.
    List<Candidate> complete() {
        return versions.entrySet().stream().filter(entry -> entry.getValue().isComplete())
                .map(entry -> new Candidate(entry.getKey().epoch(), entry.getKey().version(), entry.getValue().first,
                        entry.getValue().manifest, entry.getValue().parent))
                .sorted(Comparator.comparingInt(Candidate::epoch).thenComparingLong(Candidate::version).reversed())
                .toList();
    }

    void remove(Candidate candidate) {
        versions.remove(new Version(candidate.epoch(), candidate.version()));
    }

    /// Returns the chain of a version, from the full snapshot to the version itself; empty if a link is incomplete.
    List<Candidate> chain(Candidate version) {
        Map<Long, Candidate> whole = new LinkedHashMap<>();
        for (Candidate candidate : complete()) {
            if (candidate.epoch() == version.epoch()) {
                whole.put(candidate.version(), candidate);
            }
        }
        LinkedList<Candidate> chain = new LinkedList<>();
        Candidate next = version;
        while (next != null && next.parent() < next.version()) {
            chain.addFirst(next);
            if (next.parent() < 0) {
                return chain;
            }
            next = whole.get(next.parent());
        }
        return List.of();
    }

    private Found found(SnapshotKey key) {
        return versions.computeIfAbsent(new Version(key.epoch(), key.version()), version -> new Found());
    }
}
