package io.tidegrad.model.learn;

import io.tidegrad.model.evaluation.ServedLabel;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.Served;
import io.tidegrad.schemas.UndecodableException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/// The half of [EventFold] that needs no model: it turns a record's bytes into a row. Of a stream's example the value
/// gives the features, and the headers give label, weight and event time. It is a pure function of the
/// record, the spec and the registry's answers, so it can run ahead of learning, on another thread. Not thread-safe:
/// use one instance per thread.
public final class EventPreparation {
    private static final byte[] NO_RECORD = {};

    private final ValueDecoder decoder;
    private final Featurizer featurizer;
    private final boolean firstHasAllFields;
    private final boolean ofStream;
    private final boolean ignoresCorrections;
    private final boolean knowsOldLabels;
    private final String model;
    private final int memberOutputs; // of a row

    public EventPreparation(ModelSpec spec, ValueDecoder decoder) {
        model = spec.model();
        memberOutputs = spec.memberOutputs();
        ofStream = spec.stream() != null;
        ignoresCorrections = spec.lateLabels() == ModelSpec.LateLabels.IGNORE;
        knowsOldLabels = spec.lateLabels() == ModelSpec.LateLabels.FNW;
        this.decoder = decoder;
        featurizer = new Featurizer(spec);
        firstHasAllFields = spec.input().reader() instanceof ModelSpec.Reader.First;
    }

    public PreparedEvent newEvent() {
        return new PreparedEvent(featurizer.newRow());
    }

    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer; `into` is
    ///     not usable, try again
    public void prepare(byte @Nullable [] value, Headers headers, PreparedEvent into) {
        into.begin();
        Header tick = headers.lastHeader(Tick.HEADER);
        if (tick != null) {
            tick(tick, into);
            return;
        }
        if (value == null) {
            into.reject(new Rejection(Rejection.Reason.NULL_VALUE,
                    "expected an event, found a null value without the header " + Tick.HEADER), null);
            return;
        }
        Example example = null;
        if (ofStream) {
            try {
                example = Example.read(headers);
            } catch (ExampleException notOne) {
                into.reject(new Rejection(Rejection.Reason.NOT_AN_EXAMPLE, String.valueOf(notOne.getMessage())), value);
                return;
            }
            served(example, headers, into);
            if (example.kind() == Example.Kind.CORRECTION && (ignoresCorrections || example.label() == null)) {
                into.passOver();
                return;
            }
        }
        Event event;
        try {
            event = decoder.decode(value);
        } catch (UndecodableException undecodable) {
            into.reject(Rejection.of(undecodable), value);
            return;
        }
        Rejection rejection = example == null ? featurizer.featurize(event, into.row())
                : featurizer.featurize(event, example, into.row());
        if (rejection == null && knowsOldLabels && into.row().repeatsItsLabel()) {
            into.passOver();
            return;
        }
        if (rejection == null) {
            into.rowOf(value);
        } else {
            into.reject(rejection, value);
        }
        if (firstHasAllFields) {
            into.lacks(event.unknownField());
        }
    }

    /// Turns an event that did not come as a record into a row. Its label is among its fields.
    public void prepare(Event event, PreparedEvent into) {
        into.begin();
        Rejection rejection = featurizer.featurize(event, into.row());
        if (rejection == null) {
            into.rowOf(NO_RECORD);
        } else {
            into.reject(rejection, null);
        }
    }

    /// Rejects an event without reading it, for a reason that the caller states. What was served for it counts.
    public void refuse(byte @Nullable [] value, Headers headers, Rejection rejection, PreparedEvent into) {
        into.begin();
        if (ofStream && value != null) {
            try {
                served(Example.read(headers), headers, into);
            } catch (ExampleException notOne) {
                // Nobody knows its label.
            }
        }
        into.reject(rejection, value);
    }

    private void served(Example example, Headers headers, PreparedEvent into) {
        into.of(example);
        Served served;
        try {
            served = Served.read(headers);
        } catch (ExampleException unreadable) {
            into.servedUnreadably();
            return;
        }
        if (served != null && served.model().equals(model)) {
            if (served.memberOutputs().length == memberOutputs) {
                into.row().memberOutputs = served.memberOutputs();
            }
            into.served(new ServedLabel(served, featurizer.label(example.label()), featurizer.label(example.oldLabel()),
                    example.weight()));
        }
    }

    private static void tick(Header header, PreparedEvent into) {
        try {
            into.tick(Tick.eventTime(header));
        } catch (NumberFormatException notATime) {
            into.reject(
                    new Rejection(Rejection.Reason.WRONG_TYPE,
                            "header " + Tick.HEADER + ": expected nothing or epoch milliseconds as decimal text"),
                    null);
        }
    }
}
