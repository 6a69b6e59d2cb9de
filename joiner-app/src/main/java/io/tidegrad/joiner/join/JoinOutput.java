package io.tidegrad.joiner.join;

import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.model.stream.Example;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Takes what a join gives, in order.
public interface JoinOutput {
    /// @param id key of the example
    /// @param content null: to be read again from `example.source()`
    void example(String id, Example example, @Nullable Content content);

    /// The record that is being joined becomes a dead letter.
    ///
    /// @param detail message for people: expected, found
    void refuse(Reason reason, String detail);

    /// A label that was kept for its event becomes a dead letter, `orphan-label`.
    void orphan(LabelRecord label, String detail);

    /// Something happened that leaves nothing else behind.
    void count(Counted what);

    /// Why a record is a dead letter.
    enum Reason {
        /// The event came when its window had passed: whether it had come before is not known any more.
        LATE_EVENT,
        /// The label came after `wait`, and the spec says `late: drop`.
        LATE_LABEL,
        /// No event came for the label within `window`.
        ORPHAN_LABEL;

        /// As written in headers and metrics: `late-event`.
        public String code() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /// What is counted only.
    enum Counted {
        /// An event whose id has one already.
        REPEATED_EVENT,
        /// A label for an id that has one already, where it changes nothing, or only what waits for its event.
        REPEATED_LABEL,
        /// A label, or its retraction, that leaves the label of the example as it is: a late 0 where 0 was missing.
        UNCHANGED_LABEL,
        /// A retraction where no label is known.
        NOTHING_TO_TAKE_BACK,
        /// A retraction of a label whose event has not come.
        EARLY_LABEL_TAKEN_BACK,
        /// An event without a label in time, which the spec drops.
        UNLABELED,
        /// An example that sampling left out.
        SAMPLED_OUT;

        /// As written in metrics: `repeated-event`.
        public String code() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }
}
