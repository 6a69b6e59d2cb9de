package io.tidegrad.control;

import java.time.Instant;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// A decision about a stream. Joiners follow it once its record is committed.
public sealed interface StreamAction {
    /// A new stream begins, or a new epoch of one whose spec has changed. Joiners go on with its earlier epochs, and
    /// models that learn from those too. If there is such an epoch, its spec has changed in what decides nothing about its
    /// examples.
    ///
    /// @param epoch above all earlier ones of this name, or one of them
    /// @param spec the text of the spec
    /// @param labels null if events bring their labels with them
    /// @param examplesId id of the topic of this epoch's examples
    /// @param from the time from which on both topics are joined, by their records' timestamps; null for all that they
    ///     hold
    record Create(int epoch, String spec, Source events, @Nullable Source labels, String examplesId,
            @Nullable Instant from) implements StreamAction {
        Create withSpec(String spec) {
            return new Create(epoch, spec, events, labels, examplesId, from);
        }
    }

    /// A topic as it was when the epoch began. A joiner refuses another topic of this name, and another number of
    /// partitions, with which other records would be joined.
    ///
    /// @param id the topic's id in Kafka's own notation
    record Source(String topic, String id, int partitions) {
    }

    /// Joiners stop joining the stream, and models learn on from the examples that there are.
    record Pause() implements StreamAction {
    }

    /// Joiners go on where they stopped.
    record Resume() implements StreamAction {
    }

    /// No joiner joins the epoch any more.
    ///
    /// @param epoch the epoch; 0 for all of them
    record Delete(int epoch) implements StreamAction {
    }

    /// Returns the name of the command that makes this decision, in lower case.
    default String word() {
        return getClass().getSimpleName().toLowerCase(Locale.ROOT);
    }
}
