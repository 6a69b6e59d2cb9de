package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;

/// A place in a log at which reading begins or ends.
public sealed interface LogPosition {
    /// The start offset of the model.
    record Begin() implements LogPosition {
    }

    /// The end of the log at the time when it is looked up.
    record End() implements LogPosition {
    }

    /// @param offset where reading begins, or before which it ends
    record Offset(long offset) implements LogPosition {
    }

    /// The first record with this timestamp or a later one. The timestamp is Kafka's (when the record was created or
    /// appended), not the event's own time.
    record Time(Instant time) implements LogPosition {
    }

    /// Parses an offset such as `1234`, or a time such as `2026-01-31T12:00:00Z`.
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

    /// Returns the offset of this place, for a start.
    ///
    /// @param lineageStart the start offset of the model
    /// @throws ControlException if the log does not hold the offset
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

    /// Returns the offset of this place, for an (exclusive) end.
    ///
    /// @param now the present time: what lies before a later time is not known yet
    /// @throws ControlException if the log does not reach the offset, or the time lies after `now`
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
                yield reader.firstSince(time).orElse(end);
            }
        };
        requireReached(offset, end, reader);
        return offset;
    }

    /// Returns the offset of this place, for the end of what a model had learned there.
    ///
    /// @param lineageStart the start offset of the model
    /// @throws ControlException also if a time lies before the first record that the log still holds, so that it can't
    ///     tell how much the model had learned then
    default long asEnd(long lineageStart, TopicReader reader, Instant now) {
        long offset = asEnd(reader, now);
        if (this instanceof Time(Instant time) && reader.begin() > lineageStart && !reader.holdsBefore(offset)) {
            throw new ControlException(Reason.CONFIGURATION, reader.log()
                    + ": expected a time after its first record, at" + " offset " + offset + ", found " + time
                    + ": retention has deleted older ones, so what was learned by then is not known; give a later time,"
                    + " or an offset");
        }
        return offset;
    }

    private static void requireReached(long offset, long end, TopicReader reader) {
        if (offset > end) {
            throw new ControlException(Reason.CONFIGURATION, reader.log() + ": expected an offset up to its end, " + end
                    + ", found " + offset + ", which has not been written yet; give an earlier one");
        }
    }
}
