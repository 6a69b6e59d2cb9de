package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.SnapshotKey;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Where the versions of a scanned stretch of the topic lie: offsets only, no payload. Lets a start find the newest whole
/// snapshot from the end without holding or verifying the others.
final class SnapshotIndex {
    private static final long NOWHERE = -1;

    private record Version(int epoch, long version) {}

    /// @param from offset of its first part (or of the manifest when there is none)
    /// @param manifest offset of its manifest
    record Candidate(int epoch, long version, long from, long manifest) {}

    private static final class Found {
        // As large as what was read, whatever numbers it claims.
        final Set<Integer> parts = new HashSet<>();
        long first = Long.MAX_VALUE;
        long last = NOWHERE;
        long manifest = NOWHERE;
        int expected;

        boolean isComplete() {
            return manifest != NOWHERE
                    && parts.size() >= expected
                    && IntStream.range(0, expected).allMatch(parts::contains);
        }
    }

    private final Map<Version, Found> versions = new LinkedHashMap<>();

    void part(SnapshotKey key, long offset) {
        Found found = found(key);
        found.parts.add(key.part());
        found.first = Math.min(found.first, offset);
        found.last = Math.max(found.last, offset);
    }

    /// A later manifest of the same version stands for it: the earlier one's transaction was repeated.
    void manifest(SnapshotKey key, int parts, long offset) {
        Found found = found(key);
        if (offset > found.manifest) {
            found.manifest = offset;
            found.expected = parts;
        }
        found.first = Math.min(found.first, offset);
    }

    /// The highest (epoch, version) whose manifest and parts were all scanned.
    @Nullable Candidate newestComplete() {
        List<Candidate> complete = complete();
        return complete.isEmpty() ? null : complete.getFirst();
    }

    /// Every version whose manifest and parts were all scanned, newest first.
    List<Candidate> complete() {
        return versions.entrySet().stream()
                .filter(entry -> entry.getValue().isComplete())
                .map(
                        entry ->
                                new Candidate(
                                        entry.getKey().epoch(),
                                        entry.getKey().version(),
                                        entry.getValue().first,
                                        entry.getValue().manifest))
                .sorted(
                        Comparator.comparingInt(Candidate::epoch)
                                .thenComparingLong(Candidate::version)
                                .reversed())
                .toList();
    }

    void remove(Candidate candidate) {
        versions.remove(new Version(candidate.epoch(), candidate.version()));
    }

    /// Where following begins: `end`, or the first part of a version that was still being written there.
    long resumeAt(long end) {
        long resume = end;
        long newestManifest = NOWHERE;
        for (Found found : versions.values()) {
            newestManifest = Math.max(newestManifest, found.manifest);
        }
        for (Found found : versions.values()) {
            if (found.manifest == NOWHERE && found.last > newestManifest) {
                resume = Math.min(resume, found.first);
            }
        }
        return resume;
    }

    private Found found(SnapshotKey key) {
        return versions.computeIfAbsent(
                new Version(key.epoch(), key.version()), version -> new Found());
    }
}
