package io.tidegrad.trainer.topology;

import io.tidegrad.control.Lineage;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.model.feature.LearnedClasses;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.poll.Burst;
import io.tidegrad.trainer.poll.EventsAhead;
import io.tidegrad.trainer.poll.PollPace;
import io.tidegrad.trainer.publish.Publisher;
import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.Published;
import java.time.Duration;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Folds one event after another into the model, and writes those that can't be learned to the dead letters in the same
/// transaction. What is learned is a pure function of the log: neither the clock nor the sizes of polls reach a weight.
final class LearnProcessor implements Processor<byte[], Burst, byte[], byte[]> {
    /// The time between two looks if Streams commits by itself and an image has to be written without anything learned.
    private static final Duration WORK_EVERY = Duration.ofMillis(100);

    private static final Logger LOG = LoggerFactory.getLogger(LearnProcessor.class);

    private final TrainerTopology.Parts parts;
    private final Lineage lineage;
    private final DeadLetters deadLetters;
    private @Nullable Learning learning;
    private @Nullable BooleanSupplier evaluation; // what evaluates behind learning; null while it happens in its place

    /// Everything that exists from `init` to `close`.
    private record Learning(ProcessorContext<byte[], byte[]> context, ModelStore store, PatientFold fold,
            Publisher publisher, RefusalLog refusals, Workers workers) {
    }

    /// Asks for commits until everything is published and kept. It runs only while something is left to do, because
    /// each firing makes Streams commit, and an idle model should cost no transactions.
    private @Nullable Cancellable alarm;

    private Duration alarmEvery = Duration.ZERO;

    LearnProcessor(TrainerTopology.Parts parts) {
        this.parts = parts;
        lineage = parts.lineage();
        deadLetters = new DeadLetters(lineage, parts.deadLetterBytesMax());
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        ModelStore store = context.getStateStore(Topics.MODEL_STORE);
        store.begin(model -> fold(model)::foldAgain);
        parts.warmUp().join(); // with cold kernels the first events would wait longer
        Publisher publisher = parts.publishers().apply(store.published());
        publisher.begin(store.model());
        Learning learning = new Learning(context, store, fold(store.model()), publisher,
                new RefusalLog(lineage.model(), parts.topics().deadLetters(), store.clock()), share(store.model()));
        parts.fatalEvents().begin(store.nextOffset());
        this.learning = learning;
        evaluation = null;
        alarm = null;
        store.outputs(() -> publish(learning));
        parts.stop().whenGiven(() -> store.asProcessor(() -> look(learning, store.hasUnloggedChanges())));
        parts.pace().commits(now -> PollPace.nextCommit(store.commitInterval() != null, store.commitNotBefore(),
                learning.publisher().publishNotBefore(), now));
        look(learning, false);
    }

    private Workers share(OnlineModel model) {
        Workers workers = new Workers(parts.workers());
        if (workers.count() > 1) {
            model.shareAmong(workers);
        }
        return workers;
    }

    private PatientFold fold(OnlineModel model) {
        return new PatientFold(lineage.model(), parts.folds().apply(model), parts.patience());
    }

    @Override
    public void process(Record<byte[], Burst> burst) {
        Learning learning = Objects.requireNonNull(this.learning, "init comes first");
        parts.patience().start(); // once for all of the burst, because no commit falls inside of it
        ModelStore store = learning.store();
        JfrLearn recorded = new JfrLearn();
        recorded.begin();
        long start = store.clock().nanos();
        int events = burst.value().events().size();
        long bytes = 0;
        boolean setAside = false;
        EventsAhead ahead = burst.value().number() == EventsAhead.NOT_AHEAD ? null : parts.ahead();
        if (ahead != null) {
            evaluateBehind(learning);
        }
        for (int i = 0; i < events; i++) {
            ConsumerRecord<byte[], byte[]> event = burst.value().events().get(i);
            if (ahead == null) {
                setAside |= process(event, null, learning);
            } else {
                setAside |= process(event, ahead.take(burst.value().number() + i), learning);
                ahead.passed(burst.value().number() + i);
            }
            bytes += event.serializedKeySize() + event.serializedValueSize();
        }
        if (ahead == null) {
            store.hashNow();
        } else {
            BooleanSupplier hash = store.hashLater();
            BooleanSupplier evaluation = this.evaluation;
            ahead.meanwhile(evaluation == null ? hash : () -> hash.getAsBoolean() | evaluation.getAsBoolean());
        }
        store.passed(events, store.clock().nanos() - start, bytes);
        recorded.end();
        if (recorded.shouldCommit()) {
            recorded.model = lineage.model();
            recorded.records = events;
            recorded.nextOffset = store.nextOffset();
            recorded.commit();
        }
        look(learning, true);
        if (setAside || isCommitDue(learning)) {
            learning.context().commit();
        }
    }

    /// From the first backlog on, unless the last life may have ended inside of an evaluation.
    private void evaluateBehind(Learning learning) {
        ModelStore store = learning.store();
        if (evaluation == null && !parts.fatalEvents().isCareful()) {
            evaluation =
                    store.model().evaluateBehind(why -> parts.fatalEvents().endedBehind(store.nextOffset() - 1, why));
        }
    }

    /// Returns whether the event was set aside, so that a commit should soon make that a fact.
    private boolean process(ConsumerRecord<byte[], byte[]> event, @Nullable PreparedEvent prepared, Learning learning) {
        ModelStore store = learning.store();
        store.checkFirst(event.offset());
        LearnedClasses classes = store.model().classes();
        int known = classes == null ? 0 : classes.size();
        Rejection fatal = parts.fatalEvents().at(event.offset());
        EventFold.Outcome outcome = fatal == null ? inside(event, () -> learning.fold().fold(event, prepared))
                : learning.fold().refuse(event, fatal);
        store.consumed(event);
        switch (outcome) {
            case EventFold.Outcome.Accepted() -> {
                store.accepted(event.offset(), Math.max(0, event.timestamp()));
                if (classes != null && classes.size() > known) {
                    LOG.info("model {}: '{}' is class {} from offset {} on, {} of {} classes have a name",
                            lineage.model(), classes.name(known), known, event.offset(), classes.size(),
                            classes.room());
                }
            }
            case EventFold.Outcome.Ticked() -> store.ticked(event.offset());
            case EventFold.Outcome.Rejected(var rejection, var schemaId) -> {
                long now = store.clock().epochMillis();
                Record<byte[], byte[]> letter =
                        fatal == null ? inside(event, () -> deadLetters.of(event, rejection, schemaId, now))
                                : deadLetters.ofSetAside(event, rejection, schemaId, now);
                learning.context().forward(letter, TrainerTopology.DEAD_LETTERS);
                learning.refusals().add(rejection, event);
                store.deadLettered(event.offset(), rejection);
            }
        }
        if (fatal == null) {
            return false;
        }
        LOG.error("model {}: the event at {}-{} offset {} is set aside: {}; it goes to {}, learning goes on after it",
                lineage.model(), event.topic(), event.partition(), event.offset(), fatal.detail(),
                parts.topics().deadLetters());
        return true;
    }

    /// Does work on an event of which the event's own content may be the fault that ends the trainer. An exception of
    /// ours, of Kafka or of Streams is not its fault: ours names another reason to stop, and the others come from Kafka
    /// or from an interruption.
    private <T> T inside(ConsumerRecord<byte[], byte[]> event, Supplier<T> work) {
        FatalEvents fatalEvents = parts.fatalEvents();
        fatalEvents.enter(event.offset());
        try {
            T result = work.get();
            fatalEvents.leave();
            return result;
        } catch (StopException | KafkaException notTheEvents) {
            fatalEvents.leave();
            throw notTheEvents;
        } catch (RuntimeException | Error e) {
            throw fatalEvents.ended(event, e);
        }
    }

    /// Called in the flush before a commit.
    private Published publish(Learning learning) {
        learning.store().model().evaluateAll(); // an event at which this throws must not be committed
        Published published = learning.publisher().publishDue(learning.store(),
                (record, sink) -> learning.context().forward(record, sink));
        look(learning, false);
        return published;
    }

    /// Sets the alarm while there is something to do.
    ///
    /// @param uncommitted whether events were learned since the last commit
    private void look(Learning learning, boolean uncommitted) {
        Duration every = wanted(learning, uncommitted);
        if (every == null) {
            silence();
        } else if (alarm == null || !every.equals(alarmEvery)) {
            silence();
            alarmEvery = every;
            alarm = learning.context().schedule(every, PunctuationType.WALL_CLOCK_TIME, now -> commitIfDue(learning));
        }
    }

    private static @Nullable Duration wanted(Learning learning, boolean uncommitted) {
        ModelStore store = learning.store();
        Duration interval = store.commitInterval();
        if (store.hasWork() || uncommitted && interval != null) {
            return interval == null ? WORK_EVERY : interval;
        }
        return uncommitted || !learning.publisher().settled(store) ? learning.publisher().lookEvery()
                : store.lookEvery();
    }

    private boolean isCommitDue(Learning learning) {
        return learning.store().isCommitDue(learning.publisher().isDueNow(learning.store()), parts.unlearned());
    }

    private void commitIfDue(Learning learning) {
        if (learning.store().commitInterval() == null || isCommitDue(learning)) {
            learning.context().commit();
        }
    }

    private void silence() {
        Cancellable alarm = this.alarm;
        if (alarm != null) {
            alarm.cancel();
            this.alarm = null;
        }
    }

    @Override
    public void close() {
        parts.stop().whenGiven(null);
        parts.pace().commits(null);
        EventsAhead ahead = parts.ahead();
        if (ahead != null) {
            ahead.drop(); // the task's events come again, here or elsewhere
        }
        Learning learning = this.learning;
        if (learning != null) {
            learning.workers().close();
        }
        this.learning = null;
    }
}
