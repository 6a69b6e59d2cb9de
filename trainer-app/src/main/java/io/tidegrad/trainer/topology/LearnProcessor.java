package io.tidegrad.trainer.topology;

import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.ModelDivergedException;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.log.Burst;
import io.tidegrad.trainer.publish.Publisher;
import io.tidegrad.trainer.store.Lineage;
import io.tidegrad.trainer.store.ModelStore;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Folds one event after another into the model; what can't be learned goes to the dead letters, in the same
/// transaction. What it does is a pure function of the log: no clock and no batch of Kafka's reaches a weight.
final class LearnProcessor implements Processor<byte[], Burst, byte[], byte[]> {
    private static final Logger LOG = LoggerFactory.getLogger(LearnProcessor.class);

    /// Between two questions to a registry that does not answer.
    private static final Duration FIRST_PAUSE = Duration.ofMillis(50);

    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    private final TrainerTopology.Parts parts;
    private final Lineage lineage;
    private final DeadLetters deadLetters;
    private final RefusalLog refusals;

    private @Nullable Learning learning;

    /// What exists from `init` to `close`.
    private record Learning(
            ProcessorContext<byte[], byte[]> context,
            ModelStore store,
            EventFold fold,
            Publisher publisher) {}

    /// Asks for commits until everything is published. Wall clock: it changes what is visible, never what is learned. It
    /// runs only while there is something left to publish, because each firing makes Streams commit, and an idle model
    /// should cost no transactions.
    private @Nullable Cancellable alarm;

    LearnProcessor(TrainerTopology.Parts parts) {
        this.parts = parts;
        lineage = parts.lineage();
        deadLetters = new DeadLetters(lineage, parts.deadLetterBytesMax());
        refusals = new RefusalLog(lineage.model(), parts.topics().deadLetters());
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        ModelStore store = context.getStateStore(ModelStore.NAME);
        store.begin();
        parts.warmUp().join(); // cold vector kernels would keep the first events waiting longer
        Learning learning =
                new Learning(
                        context,
                        store,
                        parts.folds().apply(store.model()),
                        parts.publishers().get());
        this.learning = learning;
        alarm = null;
        store.outputs(() -> publish(learning));
        if (!settled(learning)) {
            setAlarm(learning);
        }
    }

    @Override
    public void process(Record<byte[], Burst> burst) {
        Learning learning = Objects.requireNonNull(this.learning, "init comes first");
        for (ConsumerRecord<byte[], byte[]> event : burst.value().events()) {
            process(event, learning);
        }
        if (alarm == null) {
            setAlarm(learning);
        }
    }

    private void process(ConsumerRecord<byte[], byte[]> event, Learning learning) {
        ModelStore store = learning.store();
        store.checkFirst(event.offset());
        switch (fold(learning.fold(), event)) {
            case EventFold.Outcome.Accepted() ->
                    store.accepted(event.offset(), Math.max(0, event.timestamp()));
            case EventFold.Outcome.Ticked() -> store.ticked(event.offset());
            case EventFold.Outcome.Rejected(var rejection, var schemaId) -> {
                learning.context()
                        .forward(
                                deadLetters.of(
                                        event, rejection, schemaId, System.currentTimeMillis()),
                                TrainerTopology.DEAD_LETTERS);
                refusals.add(rejection, event);
                store.deadLettered(event.offset());
            }
        }
    }

    /// An unknown schema id is the event's fault and becomes a dead letter. A registry that does not answer is not: wait
    /// a little, then stop and be started again. No event has changed anything until its schema is known.
    private EventFold.Outcome fold(EventFold fold, ConsumerRecord<byte[], byte[]> at) {
        parts.patience().start();
        Duration pause = FIRST_PAUSE;
        while (true) {
            try {
                return fold.fold(at.value(), at.headers());
            } catch (SchemaRegistry.RegistryUnavailableException e) {
                if (parts.patience().left().compareTo(pause) <= 0
                        || Thread.currentThread().isInterrupted()) {
                    throw new TrainerException(
                            ExitCode.RETRYABLE,
                            "model "
                                    + lineage.model()
                                    + ": expected the schema of "
                                    + at.topic()
                                    + "-"
                                    + at.partition()
                                    + " offset "
                                    + at.offset()
                                    + " from the schema registry within "
                                    + parts.patience().whole().toMillis()
                                    + " ms, found: "
                                    + e.getMessage()
                                    + "; nothing is lost: learning goes on at this offset once the registry answers",
                            e);
                }
                LOG.warn(
                        "model {}: waiting for the schema registry: {}",
                        lineage.model(),
                        e.getMessage());
                LockSupport.parkNanos(pause.toNanos());
                Duration twice = pause.multipliedBy(2);
                pause = twice.compareTo(LONGEST_PAUSE) < 0 ? twice : LONGEST_PAUSE;
            } catch (ModelDivergedException e) {
                throw new TrainerException(
                        ExitCode.MODEL_DIVERGED,
                        "model "
                                + lineage.model()
                                + " at "
                                + at.topic()
                                + "-"
                                + at.partition()
                                + " offset "
                                + at.offset()
                                + ": "
                                + e.getMessage(),
                        e);
            }
        }
    }

    /// In the flush before a commit, and only there.
    private void publish(Learning learning) {
        learning.publisher()
                .publishDue(
                        learning.store(),
                        (record, sink) -> learning.context().forward(record, sink));
        Cancellable alarm = this.alarm;
        if (alarm != null && settled(learning)) {
            alarm.cancel();
            this.alarm = null;
        }
    }

    private boolean settled(Learning learning) {
        return learning.publisher().settled(learning.store());
    }

    private void setAlarm(Learning learning) {
        Duration every = learning.publisher().lookEvery();
        alarm =
                learning.context()
                        .schedule(
                                every,
                                PunctuationType.WALL_CLOCK_TIME,
                                now -> learning.context().commit());
    }

    @Override
    public void close() {
        learning = null;
    }
}
