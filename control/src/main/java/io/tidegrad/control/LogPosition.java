package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.OptionalLong;

/// Where in the log something begins or ends.
public sealed interface LogPosition {
    /// Where the model began.
    record Begin() implements LogPosition {
    }

    /// The end, as it is at the start.
    record End() implements LogPosition {
    }

    /// @param offset that begins it, or that it stops before
    record Offset(long offset) implements LogPosition {
    }

    /// Of the first record with this timestamp or a later one. It is the timestamp that Kafka keeps of a record, when
    /// it was created or appended, and not an event's own time.
    record Time(Instant time) implements LogPosition {
    }

    /// `1234` is an offset, `2026-01-31T12:00:00Z` a time.
    ///
    /// @throws IllegalArgumentException it is neither
    static LogPosition parse(String text) {
        if (text.matches("[0-9]{1,18}")) {
            return new Offset(Long.parseLong(text));
        }
        try {
            return new Time(OffsetDateTime.parse(text).toInstant());
        } catch (DateTimeException e) {
            throw new IllegalArgumentException(
                    "expected an offset, or a time such as 2026-01-31T12:00:00Z, found '" + text + "'", e);
        }
    }

    /// The offset where this log begins to be read.
    ///
    /// @param lineageStart where the model began
    /// @throws ControlException it is not in the log
    default long asStart(String model, TopicReader reader, long lineageStart) {
        long begin = reader.begin();
        long end = reader.end();
        long offset = switch (this) {
            case Begin() -> lineageStart;
            case End() -> end;
            case Offset(long given) -> given;
            case Time(Instant time) -> reader.firstSince(time).orElse(end);
        };
        if (offset < begin) {
            throw reader.beginsLater(model, offset, null);
        }
        requireReached(offset, end, reader);
        return offset;
    }

    /// The offset before which reading stops.
    ///
    /// @param now wall clock; what lies beyond it is not decided yet
    /// @throws ControlException it is not in the log, or will be written to still
    default long asEnd(TopicReader reader, Instant now) {
        long end = reader.end();
        long offset = switch (this) {
            case Begin() -> throw new IllegalArgumentException("nothing ends there");
            case End() -> end;
            case Offset(long given) -> given;
            case Time(Instant time) -> {
                if (time.isAfter(now)) {
                    throw new ControlException(Reason.CONFIGURATION, reader.log() + ": expected a time up to now, "
                            + now + ", found " + time + ", before which events may still come; give an earlier one");
                }
                OptionalLong first = reader.firstSince(time);
                yield first.orElse(end);
            }
        };
        requireReached(offset, end, reader);
        return offset;
    }

    private static void requireReached(long offset, long end, TopicReader reader) {
        if (offset > end) {
            throw new ControlException(Reason.CONFIGURATION, reader.log() + ": expected an offset up to its end, " + end
                    + ", found " + offset + ", which has not been written yet; give an earlier one");
        }
    }
}
