package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.Position;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads events again, for corrections.
public interface EventLookup extends AutoCloseable {
    /// Returns the events at these places, in the same order; null where the topic has none any more.
    List<@Nullable Content> read(List<Position> places);

    @Override
    void close();
}
