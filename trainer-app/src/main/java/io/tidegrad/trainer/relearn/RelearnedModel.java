package io.tidegrad.trainer.relearn;

import io.tidegrad.control.Lineage;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.learn.ModelDivergedException;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.LogTally;
import io.tidegrad.trainer.store.RunningHash;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongPredicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/// One model that learns again. `prepare` belongs to the reading thread, everything else to the learning thread.
public final class RelearnedModel {
    /// A rejected event, for its dead letter.
    ///
    /// @param schemaId null if the value names none
    public record Rejected(long offset, Rejection rejection, @Nullable Integer schemaId) {
    }

    /// The most rejected events that are kept in memory. A trainer has no such limit, because it writes them as it
    /// goes.
    static final int REJECTED_MAX = 1_000_000;

    private final ModelSpec spec;
    private final EventPreparation preparation;
    private final KnownRejections facts;
    private final OnlineModel model;
    private final long from;
    private final LongPredicate learns;
    private final Accounts before;
    private final @Nullable List<Rejected> rejected;
    private final LogTally tally;
    private RunningHash readHash; // the reading thread's
    private @Nullable PairedLosses pairs;
    private boolean gap; // likewise: whether the records before the next one are left out

    /// @param model the model as it was before the record at `from`
    /// @param learns returns whether the record at an offset is learned; others are ignored
    /// @param before what became of the records before `from`
    /// @param newestAppendTime timestamp of the newest accepted record among them; Long.MIN_VALUE if there is none
    /// @param keepsRejected whether `rejected` will be called
    RelearnedModel(OnlineModel model, RecordDecoder decoder, KnownRejections facts, long from, LongPredicate learns,
            Accounts before, long newestAppendTime, boolean keepsRejected) {
        spec = model.spec();
        this.model = model;
        this.facts = facts;
        this.from = from;
        this.learns = learns;
        this.before = before;
        tally = new LogTally(from, before, newestAppendTime);
        readHash = new RunningHash(before.total(), before.hash());
        rejected = keepsRejected ? new ArrayList<>() : null;
        preparation = new EventPreparation(spec, ValueDecoder.of(spec, decoder));
    }

    /// Makes a new model that learns from an offset on.
    public static RelearnedModel initial(ModelSpec spec, RecordDecoder decoder, KnownRejections facts, long from,
            boolean keepsRejected, Kernels kernels) {
        return new RelearnedModel(OnlineModel.initial(spec, kernels), decoder, facts, from, offset -> true,
                Accounts.NONE, Long.MIN_VALUE, keepsRejected);
    }

    /// Makes a registered model that learns again from its start, without what its rollbacks left out.
    static RelearnedModel initial(Lineage lineage, RecordDecoder decoder, KnownRejections facts, boolean keepsRejected,
            Kernels kernels) {
        return new RelearnedModel(OnlineModel.initial(lineage.spec(), kernels), decoder, facts, lineage.startOffset(),
                lineage::learns, Accounts.NONE, Long.MIN_VALUE, keepsRejected);
    }

    private boolean isTaken(long offset) {
        return offset >= from && learns.test(offset);
    }

    PreparedEvent newEvent() {
        return preparation.newEvent();
    }

    long rowBytes() {
        return spec.layout().rowBytes();
    }

    public long from() {
        return from;
    }

    /// @param hash gets the hash of the records up to this one
    void prepare(ConsumerRecord<byte[], byte[]> record, PreparedEvent into, RunningHash.Mark hash) {
        if (!isTaken(record.offset())) {
            gap |= record.offset() >= from;
            return;
        }
        if (gap) {
            gap = false;
            readHash = readHash.afterGap();
        }
        readHash.add(record);
        readHash.copyTo(hash);
        Rejection known = facts.at(record.offset());
        if (known != null) {
            preparation.refuse(record.value(), record.headers(), known, into);
            return;
        }
        try {
            preparation.prepare(record.value(), record.headers(), into);
        } catch (KafkaException | RegistryUnavailableException notTheEvents) {
            throw notTheEvents;
        } catch (RuntimeException | Error e) {
            throw unforeseen(record.offset(), e);
        }
        facts.check(record, into);
    }

    private StopException unforeseen(long offset, Throwable thrown) {
        return new StopException(ExitCode.INTERNAL,
                at(offset) + ": expected an event that can be learned or refused, found " + thrown
                        + "; no trainer has set it aside (there is no dead letter "
                        + Rejection.Reason.ENDED_THE_TRAINER.code()
                        + " of it). Use the build and the heap of the trainer that learned it",
                thrown);
    }

    private String at(long offset) {
        return "model " + spec.model() + " at " + spec.inputTopic() + "-0 offset " + offset;
    }

    void learn(PreparedEvent event, long offset, long timestamp, RunningHash.Mark hash) {
        if (!isTaken(offset)) {
            return;
        }
        try {
            if (pairs != null) {
                pairs.begin(this, offset);
            }
            EventFold.Outcome outcome = EventFold.learn(event, model);
            if (pairs != null) {
                pairs.end(this, offset, outcome instanceof EventFold.Outcome.Accepted);
            }
            tally.hash().add(hash);
            switch (outcome) {
                case EventFold.Outcome.Accepted() -> tally.accepted(offset, timestamp);
                case EventFold.Outcome.Ticked() -> tally.ticked(offset);
                case EventFold.Outcome.Rejected(var rejection, var schemaId) -> {
                    tally.deadLettered(offset);
                    keep(offset, rejection, schemaId);
                }
            }
        } catch (ModelDivergedException e) {
            throw new StopException(ExitCode.MODEL_DIVERGED, at(offset) + ": " + e.getMessage(), e);
        } catch (StopException known) {
            throw known;
        } catch (RuntimeException | Error e) {
            throw unforeseen(offset, e);
        }
    }

    private void keep(long offset, Rejection rejection, @Nullable Integer schemaId) {
        if (rejected == null) {
            return;
        }
        if (rejected.size() == REJECTED_MAX) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + spec.model() + ": expected at most " + REJECTED_MAX
                            + " events that can't be learned, found more by offset " + offset
                            + "; it is registered: let a trainer learn it (--model " + spec.model()
                            + "), or correct its spec under another name");
        }
        rejected.add(new Rejected(offset, rejection, schemaId));
    }

    /// Evaluates the model from the next record on, to compare two models over the same records.
    public void restartEvaluation() {
        model.restartEvaluation();
    }

    /// Tells `to` of each event, how much the model lost at it.
    void pairs(PairedLosses to) {
        pairs = to;
    }

    public ModelSpec spec() {
        return spec;
    }

    public OnlineModel model() {
        return model;
    }

    public long nextOffset() {
        return tally.nextOffset();
    }

    public Accounts accounts() {
        return tally.accounts();
    }

    /// Returns how many events were learned here, dead letters included, ticks not: those of the state with which this
    /// began are not among them.
    public long events() {
        Accounts now = accounts();
        return now.accepted() - before.accepted() + now.deadLetters() - before.deadLetters();
    }

    public long newestAppendTime() {
        return tally.newestAppendTime();
    }

    /// Returns the rejected events in their order; empty unless they are kept.
    public List<Rejected> rejected() {
        return rejected == null ? List.of() : List.copyOf(rejected);
    }
}
