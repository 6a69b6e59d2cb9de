package io.tidegrad.model.learn;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A record of the log as far as it can be read without a model: a row, a tick, or why neither. Reused.
public final class PreparedEvent {
    private enum Kind {
        ROW, TICK, TICK_WITH_TIME, REJECTED
    }

    private final Row row;
    private Kind kind = Kind.TICK;
    private long tickTime;
    private @Nullable Rejection rejection;
    private boolean namesSchema;
    private int schemaId;

    PreparedEvent(Row row) {
        this.row = row;
    }

    Row row() {
        return row;
    }

    boolean isRow() {
        return kind == Kind.ROW;
    }

    boolean isRejected() {
        return kind == Kind.REJECTED;
    }

    /// Null unless rejected.
    public @Nullable Rejection rejection() {
        return kind == Kind.REJECTED ? rejection : null;
    }

    /// As the value names it, null when it names none.
    public @Nullable Integer schemaId() {
        return namesSchema ? schemaId : null;
    }

    /// The row has been filled.
    void rowOf(byte[] value) {
        kind = Kind.ROW;
        schemaOf(value);
    }

    void tick(@Nullable Long eventTime) {
        kind = eventTime == null ? Kind.TICK : Kind.TICK_WITH_TIME;
        tickTime = eventTime == null ? 0 : eventTime;
        namesSchema = false;
    }

    /// For the dead letters, whatever the value itself says.
    ///
    /// @param value null where no schema is to be named
    public void reject(Rejection why, byte @Nullable [] value) {
        kind = Kind.REJECTED;
        rejection = why;
        namesSchema = false;
        if (value != null) {
            schemaOf(value);
        }
    }

    /// Confluent wire format: a zero, then the id, big-endian.
    private void schemaOf(byte[] value) {
        namesSchema = value.length >= 5 && value[0] == 0;
        if (namesSchema) {
            schemaId = (value[1] & 0xff) << 24 | (value[2] & 0xff) << 16 | (value[3] & 0xff) << 8 | value[4] & 0xff;
        }
    }

    void tick(OnlineModel model) {
        if (kind == Kind.TICK_WITH_TIME) {
            model.tick(tickTime);
        } else {
            model.tick();
        }
    }

    Rejection rejected() {
        return Objects.requireNonNull(rejection, "not rejected");
    }
}
