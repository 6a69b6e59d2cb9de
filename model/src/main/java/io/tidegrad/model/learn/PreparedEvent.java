package io.tidegrad.model.learn;

import io.tidegrad.model.evaluation.ServedLabel;
import io.tidegrad.model.feature.LearnedClasses;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.stream.Example;
import io.tidegrad.schemas.UnknownField;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A record of the log as far as it can be read without a model: a row, a tick, a correction that the spec passes over,
/// or a rejection. Instances are reused.
public final class PreparedEvent {
    private enum Kind {
        ROW, TICK, PASSED_OVER, REJECTED
    }

    private final Row row;
    private Kind kind = Kind.TICK;
    private @Nullable Long tickTime;
    private @Nullable Rejection rejection;
    private boolean namesSchema;
    private int schemaId;
    private @Nullable UnknownField unknownField;
    private @Nullable ServedLabel served;
    private boolean servedUnreadably;
    private @Nullable Example example;

    PreparedEvent(Row row) {
        this.row = row;
    }

    /// Returns the row, where it is one.
    public Row row() {
        return row;
    }

    public boolean isRow() {
        return kind == Kind.ROW;
    }

    boolean isRejected() {
        return kind == Kind.REJECTED;
    }

    /// Takes over a row of the same shape.
    void copyOf(PreparedEvent other) {
        kind = other.kind;
        row.copyOf(other.row);
    }

    /// Begins another record, of which nothing was served.
    void begin() {
        served = null;
        servedUnreadably = false;
        example = null;
        row.memberOutputs = Row.UNKNOWN;
    }

    /// Lets go of what else than the row the record has brought, which may be large, until the instance is used again.
    public void forget() {
        served = null;
        example = null;
        rejection = null;
        unknownField = null;
        row.memberOutputs = Row.UNKNOWN;
    }

    /// Notes what a stream says of the event.
    void of(Example of) {
        example = of;
    }

    /// Notes that the model served a prediction for the event.
    void served(ServedLabel label) {
        served = label;
    }

    /// Notes that the event says it was served, but not what.
    void servedUnreadably() {
        servedUnreadably = true;
    }

    /// Counts how the label came and what was served, whatever became of the record otherwise: the label came, even if
    /// no row can be made of the record. Where the model learns what its classes are, a label counts if it is a class
    /// by now, and corrections change nothing: nobody knows any more whether the label before was a class when it came.
    void countServed(OnlineModel model) {
        Example of = example;
        LearnedClasses classes = model.classes();
        if (of != null) {
            model.arrival().take(of, served != null);
        }
        if (served != null && of != null && classes != null) {
            float label = of.oldLabel() == null ? classes.label(of.label()) : Float.NaN;
            model.served().take(new ServedLabel(served.served(), label, Float.NaN, served.weight()));
        } else if (served != null) {
            model.served().take(served);
        } else if (servedUnreadably) {
            model.served().unreadable();
        }
    }

    /// Notes what the event's schema lacks, by which a model that has learned nothing may refuse it.
    void lacks(@Nullable UnknownField field) {
        unknownField = field;
    }

    /// A field that the event's schema lacks, if that is a reason to refuse a model's first event.
    @Nullable
    UnknownField unknownField() {
        return unknownField;
    }

    /// Why the record was rejected; null when it was not.
    public @Nullable Rejection rejection() {
        return kind == Kind.REJECTED ? rejection : null;
    }

    /// The schema id that the value carries; null when it carries none.
    public @Nullable Integer schemaId() {
        return namesSchema ? schemaId : null;
    }

    /// Marks the record as an event whose row has been filled.
    void rowOf(byte[] value) {
        kind = Kind.ROW;
        unknownField = null;
        schemaOf(value);
    }

    void tick(@Nullable Long eventTime) {
        unknownField = null;
        kind = Kind.TICK;
        tickTime = eventTime;
        namesSchema = false;
    }

    /// Marks the record as a correction that is not learned.
    void passOver() {
        kind = Kind.PASSED_OVER;
        unknownField = null;
        namesSchema = false;
    }

    /// Marks the record as rejected.
    ///
    /// @param value the value that names the schema; null when the dead letter is to name none
    public void reject(Rejection why, byte @Nullable [] value) {
        kind = Kind.REJECTED;
        rejection = why;
        unknownField = null;
        namesSchema = false;
        if (value != null) {
            schemaOf(value);
        }
    }

    /// Reads the schema id in Confluent's wire format: a zero byte, then the id, big-endian.
    private void schemaOf(byte[] value) {
        namesSchema = value.length >= 5 && value[0] == 0;
        if (namesSchema) {
            schemaId = (value[1] & 0xff) << 24 | (value[2] & 0xff) << 16 | (value[3] & 0xff) << 8 | value[4] & 0xff;
        }
    }

    /// Does what a record without a row does to the model: nothing where it is passed over.
    void tick(OnlineModel model) {
        if (kind == Kind.PASSED_OVER) {
            return;
        }
        if (tickTime == null) {
            model.tick();
        } else {
            model.tick(tickTime);
        }
    }

    Rejection rejected() {
        return Objects.requireNonNull(rejection, "not rejected");
    }
}
