package io.tidegrad.trainer.simulation;

import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.Breaker;
import io.tidegrad.trainer.store.BreakableParts;
import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.StoreParts;
import java.util.function.Consumer;
import org.apache.kafka.streams.processor.api.Record;

/// What a breaker does to a simulated trainer: to its store, to what it sends and learns, to the brokers' fencing.
record Breakage(Breaker breaker) {
    static final Breakage NONE = new Breakage(Breaker.NONE);

    StoreParts storeParts() {
        return breaker == Breaker.NONE ? StoreParts.STANDARD : new BreakableParts(breaker);
    }

    boolean fences() {
        return breaker != Breaker.FENCES_NOBODY;
    }

    EventFold fold(ModelSpec spec, OnlineModel model) {
        return Readings.foldOfATrainer(spec, model, breaker == Breaker.LEARNS_BEFORE_IT_REFUSES ? model::tick : () -> {
        });
    }

    boolean remembersWhatEndedIt() {
        return breaker != Breaker.FORGETS_WHAT_ENDED_IT;
    }

    /// Before an alarm of the wall clock rings.
    void ring(ModelStore store) {
        if (breaker == Breaker.LEARNS_BY_THE_CLOCK) {
            store.model().tick();
        }
    }

    /// @param send in the task's transaction
    void forward(SimulatedKafka kafka, SimulatedLog log, Record<byte[], byte[]> record,
            Consumer<Record<byte[], byte[]>> send) {
        boolean snapshot = log == kafka.snapshots;
        boolean letter = log == kafka.deadLetters;
        switch (breaker) {
            case DROPS_DEAD_LETTERS -> {
                if (!letter || kafka.input.end() % 2 == 0) {
                    send.accept(record);
                }
            }
            case SENDS_DEAD_LETTERS_TWICE -> {
                send.accept(record);
                if (letter) {
                    send.accept(record);
                }
            }
            case PUBLISHES_OUTSIDE_THE_TRANSACTION -> {
                if (snapshot) {
                    log.append(null, record.key(), record.value(), record.headers());
                } else {
                    send.accept(record);
                }
            }
            case PUBLISHES_OTHER_WEIGHTS ->
                send.accept(snapshot && record.value() != null ? withOtherWeights(record) : record);
            default -> send.accept(record);
        }
    }

    private static Record<byte[], byte[]> withOtherWeights(Record<byte[], byte[]> record) {
        SnapshotKey key = SnapshotKey.decode(record.key());
        if (key.kind() != SnapshotKey.Kind.PART) {
            return record;
        }
        OnlineModel initial = OnlineModel.initial(Readings.SPECS.getFirst(), Readings.KERNELS);
        initial.parameters().setCounts(key.version(), 0);
        return record.withValue(SnapshotParts.encode(initial.parameters(), "m", key.epoch()).get(key.part()));
    }
}
