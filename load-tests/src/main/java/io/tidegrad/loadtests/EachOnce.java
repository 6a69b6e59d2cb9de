package io.tidegrad.loadtests;

import io.tidegrad.model.stream.Example;
import java.util.BitSet;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// Whether each event of a topic has one final example and no other.
final class EachOnce {
    private final String topic;
    private final Map<Integer, BitSet> seen = new TreeMap<>();
    private long other;
    private long again;

    EachOnce(String topic) {
        this.topic = topic;
    }

    void add(Example example) {
        Example.Source source = example.source();
        if (example.kind() != Example.Kind.FINAL || !source.topic().equals(topic)) {
            other++;
            return;
        }
        BitSet offsets = seen.computeIfAbsent(source.partition(), none -> new BitSet());
        int offset = Math.toIntExact(source.offset());
        again += offsets.get(offset) ? 1 : 0;
        offsets.set(offset);
    }

    /// Empty if it is so.
    ///
    /// @param events that the topic has
    Optional<String> violation(long events) {
        long found = seen.values().stream().mapToLong(BitSet::cardinality).sum();
        return found == events && again == 0 && other == 0 ? Optional.empty()
                : Optional.of("expected one final example of each of " + events + " events, found those of " + found
                        + " events, " + again + " more of the same events, and " + other
                        + " that are not final or of another topic");
    }
}
