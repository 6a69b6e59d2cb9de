package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.Position;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads events again, for corrections.
public interface EventLookup extends AutoCloseable {
    /// Gets what was found.
    @FunctionalInterface
    interface Found {
        /// @param i index of the place
        /// @param content null where the topic has no event any more
        void at(int i, @Nullable Content content);
    }

    /// Reads the events at these places, one after the other, and keeps none of them.
    ///
    /// @param to gets each place once, in an order that suits the reader; equal ones in the order of `places`
    void read(List<Position> places, Found to);

    @Override
    void close();
}
