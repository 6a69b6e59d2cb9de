package io.tidegrad.joiner.join;

import org.jspecify.annotations.Nullable;

/// What is known about one id. Of an id without an entry nothing is known, or nothing any more.
public sealed interface Entry {
    /// Where the time starts that decides how long the entry lives: the event time of the record that made it. Records
    /// that repeat it don't move it, so nobody can keep an entry alive for ever.
    long base();

    /// A label whose event has not come.
    record Early(long base, LabelRecord label) implements Entry {
    }

    /// An event whose label has not come.
    record Waiting(long base, EventRecord event) implements Entry {
    }

    /// An event that waits no more. Its bytes are not here: a correction reads them again from `at`.
    ///
    /// @param label the label that was given last; null: none was, or it was taken back
    /// @param decided whether there is an example of it, or would be but for sampling; false: no label came in time,
    ///     and the spec drops such events
    record Emitted(long base, long eventTime, Position at, double weight, @Nullable String label,
            boolean decided) implements Entry {
        Emitted labeled(@Nullable String label) {
            return new Emitted(base, eventTime, at, weight, label, true);
        }
    }
}
