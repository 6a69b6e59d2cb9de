package io.tidegrad.trainer.simulation;

import static io.tidegrad.trainer.simulation.Violation.check;

import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.trainer.poll.Burst;
import io.tidegrad.trainer.poll.EventsAhead;
import io.tidegrad.trainer.publish.Publisher;
import io.tidegrad.trainer.store.CommitGuard;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.StoreOracle;
import io.tidegrad.trainer.store.StoreSettings;
import io.tidegrad.trainer.topology.FatalEvents;
import io.tidegrad.trainer.topology.LearnProcessors;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.Punctuator;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;
import org.apache.kafka.streams.processor.internals.TopicPartitionMetadata;
import org.jspecify.annotations.Nullable;

/// One trainer process, from its start to its end: the real store, processor and publisher under a stream thread that
/// does what Kafka Streams 4.3.1 does, in its order. `docs/decisions/0009-kafka-internals.md` says where that was read.
final class TrainerLife {
    private static final int BURST_EVENTS_MAX = 5;
    private static final int RINGS_MAX = 100;

    private final Schedule schedule;
    private final SplittableRandom random;
    private final SimulatedKafka kafka;
    private final Oracles oracles;
    private final String transactionalId;
    private final CommitGuard guard;
    private final FatalEvents fatalEvents;
    private final @Nullable EventsAhead ahead;
    private final @Nullable Long dieAt; // await point; null for a life that ends in order
    private final @Nullable Long stallAt;

    private final StoreSettings storeSettings;

    private long awaits;
    private boolean publishesAll;
    private @Nullable CommittedState told;
    private boolean mayStop; // a fault was injected that must stop the process

    // The task, from `newTask` to `closeDirty` or `close`.
    private SimulatedKafka.Producer producer;
    private @Nullable Task task;
    private int generation;
    private long position;

    private record Task(ModelStore store, SimulatedContext context, Processor<byte[], Burst, byte[], byte[]> processor,
            ArrayDeque<Burst> queue, Progress progress) {
    }

    /// As `StreamTask` keeps it: an offset is committed once something was consumed, or the processor put metadata; it
    /// is that of what comes next in the queue, or the one that the last poll said comes next.
    private static final class Progress {
        boolean commitNeeded;
        @Nullable
        Long consumed;
        @Nullable
        Long next;
    }

    TrainerLife(Schedule schedule, String transactionalId, @Nullable Long dieAt, @Nullable Long stallAt) {
        this.schedule = schedule;
        random = schedule.random();
        kafka = schedule.kafka();
        oracles = schedule.oracles();
        this.transactionalId = transactionalId;
        fatalEvents = schedule.fatalEvents(transactionalId);
        ahead = schedule.ahead(fatalEvents);
        this.dieAt = dieAt;
        this.stallAt = stallAt;
        storeSettings = schedule.storeSettings();
        guard = schedule.storeParts().guard(kafka.input.partition());
        producer = kafka.open(transactionalId, oracles);
    }

    /// Everything that can take time, fail or be the last thing that this process does.
    private void await(String where) {
        awaits++;
        kafka.pass();
        if (dieAt != null && awaits == dieAt) {
            throw new Killed(where);
        }
        if (stallAt != null && awaits == stallAt) {
            schedule.replace(); // another instance starts, lives and ends, and then this one goes
            // on
        }
    }

    /// @param steps before it is asked to stop
    /// @param faults whether Kafka Streams meets any
    void run(int steps, boolean faults) {
        try {
            live(steps, faults);
        } catch (Killed killed) {
            // Nothing is closed, nothing is told.
        } finally {
            endThread();
        }
    }

    private void endThread() {
        if (ahead != null) {
            ahead.close();
        }
    }

    private void live(int steps, boolean faults) {
        try {
            await("started");
            if (random.nextInt(4) == 0) {
                scanStateDirectory();
            }
            newTask(false);
            for (int step = 0; step < steps; step++) {
                schedule.passTime();
                step(faults);
            }
            close();
        } catch (ProducerFencedException | CommitFailedException replaced) {
            closeDirty(); // a static member that was replaced ends
        } catch (StopException stopped) {
            closeDirty();
            if (!mayStop && !isHidden(stopped) && !isFatal(stopped) || stopped.exitCode() != ExitCode.RETRYABLE) {
                throw new Violation("I10", "stopped with " + stopped.exitCode() + ": " + stopped.getMessage());
            }
        }
    }

    /// A dead producer's transaction did not time out in time.
    private static boolean isHidden(StopException stopped) {
        return stopped.exitCode() == ExitCode.RETRYABLE
                && String.valueOf(stopped.getMessage()).contains("is still open in");
    }

    /// An event ended it.
    private static boolean isFatal(StopException stopped) {
        return stopped.getCause() instanceof Readings.FatalEventError;
    }

    /// Without faults until nothing is left to learn or publish.
    ///
    /// @return false when it stopped before and has to be started again
    boolean runToTheEnd() {
        try {
            learnAndPublishAll();
            return true;
        } catch (StopException stopped) {
            closeDirty();
            if (isHidden(stopped) || isFatal(stopped)) {
                return false;
            }
            throw stopped;
        } finally {
            endThread();
        }
    }

    private void learnAndPublishAll() {
        newTask(false);
        publishesAll = true;
        while (position < kafka.input.lastStable()) {
            poll();
            while (!task().queue().isEmpty()) {
                process();
            }
            commit();
        }
        commit();
        for (int rings = 0; task().context().alarm() != null; rings++) {
            check(rings < RINGS_MAX, "I10", "what is left is never published and kept");
            schedule.passTime();
            punctuate();
        }
        close();
    }

    /// Only starts.
    void start() {
        newTask(false);
    }

    private void step(boolean faults) {
        try {
            switch (random.nextInt(16)) {
                case 0, 1, 2, 3 -> schedule.produce();
                case 4, 5, 6 -> poll();
                case 7, 8, 9, 10 -> process();
                case 11, 12 -> commit();
                case 13 -> punctuate();
                case 14 -> kafka.pass();
                default -> {
                    if (faults) {
                        fault();
                    }
                }
            }
        } catch (ProducerFencedException | CommitFailedException migrated) {
            // Streams' TaskMigratedException: it lets go of the task and joins again, under its own
            // name.
            if (random.nextBoolean()) {
                throw migrated;
            }
            closeDirty();
            producer = kafka.open(transactionalId, oracles);
            newTask(false);
        }
    }

    private void fault() {
        switch (random.nextInt(6)) {
            case 0 -> producer.resolve(false); // the transaction times out
            case 1 -> corrupted();
            case 2 -> {
                // A rebalance takes the task away in order, and gives it back.
                if (schedule.keepsWarmCopies()) {
                    standBy();
                } else {
                    close();
                    newTask(false);
                }
            }
            case 3 -> kafka.changelog.compact();
            case 4 -> kafka.snapshots.compact();
            default -> {
                kafka.changelog.compact();
                commitWithoutAnAnswer();
            }
        }
    }

    // ---- the task ----

    private Task task() {
        return Objects.requireNonNull(task, "no task");
    }

    /// As `KafkaStreams.start` looks into state directories: a store may be opened and closed before a task has it.
    private void scanStateDirectory() {
        ModelStore store = newStore();
        SimulatedContext context = new SimulatedContext(kafka, store, sends());
        store.init(context, store);
        store.close();
    }

    private ModelStore newStore() {
        return schedule.storeParts().store(schedule.lineage(), Readings.KERNELS, storeSettings,
                () -> publishesAll && task != null, // nobody stops it while it starts
                schedule.reader(), guard, schedule.clock());
    }

    /// @param skips go on where the consumer is, not where the group is: what Streams 4.3.1 does to a revived task
    private void newTask(boolean skips) {
        generation = kafka.join();
        ModelStore store = newStore();
        SimulatedContext context = new SimulatedContext(kafka, store, sends());
        store.init(context, store);
        restore(context, 0);
        await("restored");
        learn(store, context, skips);
    }

    private void learn(ModelStore store, SimulatedContext context, boolean skips) {
        OffsetAndMetadata offset = Objects.requireNonNull(kafka.groupOffset(), "no group offset");
        context.setProcessorMetadata(TopicPartitionMetadata.decode(offset.metadata()).processorMetadata());
        Processor<byte[], Burst, byte[], byte[]> processor =
                LearnProcessors.of(schedule.parts(() -> publishesAll, fatalEvents, ahead));
        Task task = new Task(store, context, processor, new ArrayDeque<>(), new Progress());
        try {
            processor.init(context.typed());
        } finally {
            this.task = task;
        }
        if (!skips) {
            position = offset.offset();
        }
    }

    /// Learning moves to another instance, which may die or end, and back. Meanwhile a warm copy stays: in the same
    /// store, which Streams does not initialize again, with what the other one writes.
    private void standBy() {
        commit();
        Task learned = task();
        task = null;
        learned.processor().close();
        learned.context().recycled();
        long from = kafka.changelog.lastStable();
        if (!schedule.isDeep() && random.nextBoolean()) {
            schedule.replace();
        }
        restore(learned.context(), from);
        await("restored");
        generation = kafka.join();
        learn(learned.store(), learned.context(), false);
    }

    private void restore(SimulatedContext context, long begin) {
        long end = kafka.changelog.lastStable();
        long from = begin;
        while (from < end) {
            List<ConsumerRecord<byte[], byte[]>> records = kafka.changelog.committed(from, end, random.nextInt(1, 12));
            context.restoring().restoreBatch(records);
            from = records.isEmpty() ? end : records.getLast().offset() + 1;
            await("restoring");
        }
    }

    private void poll() {
        int max = random.nextInt(1, 12);
        List<ConsumerRecord<byte[], byte[]>> records = kafka.input.visible(position, max);
        long number = ahead == null || records.isEmpty() ? EventsAhead.NOT_AHEAD : ahead.begin(records);
        for (int from = 0; from < records.size();) {
            int to = Math.min(records.size(), from + random.nextInt(1, BURST_EVENTS_MAX + 1));
            task().queue().add(
                    new Burst(records.subList(from, to), number == EventsAhead.NOT_AHEAD ? number : number + from));
            from = to;
        }
        // Past markers and aborted records, when they came with the same answer.
        position = records.size() < max && random.nextInt(3) > 0 ? Math.max(position, kafka.input.lastStable())
                : records.isEmpty() ? position : records.getLast().offset() + 1;
        task().progress().next = position;
        await("polled");
    }

    private void process() {
        Task task = task();
        Burst burst = task.queue().poll();
        if (burst == null) {
            return;
        }
        ConsumerRecord<byte[], byte[]> first = burst.events().getFirst();
        task.context().setRecordContext(new ProcessorRecordContext(first.timestamp(), first.offset(), first.partition(),
                first.topic(), new RecordHeaders()));
        task.progress().commitNeeded = true;
        task.progress().consumed = first.offset(); // of the burst, as Streams sees it
        task.processor().process(new Record<>(new byte[0], burst, first.timestamp()));
        task.context().setRecordContext(null);
        await("processed");
        if (task.context().takeCommitRequest()) {
            commit();
        }
    }

    private void punctuate() {
        Task task = task();
        Punctuator alarm = task.context().alarm();
        if (alarm != null) {
            schedule.breakage().ring(task.store());
            alarm.punctuate(0);
            task.progress().commitNeeded = true;
            if (task.context().takeCommitRequest()) {
                commit();
            }
        }
    }

    private boolean isCommitNeeded() {
        Progress progress = task().progress();
        if (progress.consumed != null && position > progress.consumed + 1) {
            progress.commitNeeded = true;
            progress.consumed = position - 1;
        }
        return progress.commitNeeded;
    }

    private Map<TopicPartition, OffsetAndMetadata> committable() {
        Task task = task();
        Progress progress = task.progress();
        if (!task.context().processorMetadata().needsCommit() && progress.consumed == null) {
            return Map.of();
        }
        Burst head = task.queue().peek();
        Long offset = head == null ? progress.next : (Long) head.events().getFirst().offset();
        if (offset == null) {
            return Map.of();
        }
        String metadata = new TopicPartitionMetadata(-1, task.context().processorMetadata()).encode();
        return Map.of(kafka.input.partition(), new OffsetAndMetadata(offset, metadata));
    }

    private void commit() {
        if (!isCommitNeeded()) {
            return;
        }
        flushAndSendOffsets().ifPresent(offsets -> {
            producer.commit();
            await("committed");
            afterCommit(offsets);
        });
    }

    /// Empty when there is nothing to commit.
    private Optional<Map<TopicPartition, OffsetAndMetadata>> flushAndSendOffsets() {
        Task task = task();
        publishesAll = publishesAll || random.nextInt(4) == 0;
        task.store().flushCache();
        publishesAll = schedule.isEnding();
        await("flushed");
        Map<TopicPartition, OffsetAndMetadata> offsets = committable();
        if (offsets.isEmpty() && !producer.isInTransaction()) {
            task.progress().commitNeeded = false;
            return Optional.empty();
        }
        return Optional.of(sendOffsets(offsets));
    }

    /// Gives those that the guard let join.
    private Map<TopicPartition, OffsetAndMetadata> sendOffsets(Map<TopicPartition, OffsetAndMetadata> offsets) {
        Map<TopicPartition, OffsetAndMetadata> joining = StoreOracle.check(guard, offsets);
        await("checked");
        OffsetAndMetadata offset = joining.get(kafka.input.partition());
        if (offset != null) {
            producer.sendOffsets(offset, generation);
        }
        await("offsets sent");
        return joining;
    }

    private void afterCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
        StoreOracle.committed(guard, offsets);
        CommittedState now = Objects.requireNonNull(guard.committed());
        Oracles.told(told, now);
        told = now;
        task().progress().commitNeeded = false;
        task().context().processorMetadata().setNeedsCommit(false);
    }

    /// Streams 4.3.1 takes its tasks for corrupted. Unless the answer comes then, its client lets nothing be sent or
    /// aborted any more, and the process ends: the brokers may commit or not.
    private void commitWithoutAnAnswer() {
        if (!isCommitNeeded()) {
            return;
        }
        if (flushAndSendOffsets().isPresent()) {
            if (random.nextBoolean()) {
                throw new Killed("a commit was not answered");
            }
            producer.commit();
            corrupted();
        }
    }

    /// Streams' `handleCorruption`, then the rebalance that it forces.
    private void corrupted() {
        mayStop = true;
        if (producer.isInTransaction()) {
            sendOffsets(Map.of()); // it commits what other tasks of the thread have done
            producer.commit();
            await("committed without offsets");
        }
        closeDirty();
        producer = random.nextBoolean() ? producer : kafka.open(transactionalId, oracles);
        newTask(random.nextBoolean());
        if (random.nextInt(3) == 0) {
            poll();
            punctuate(); // before the first record is processed
        }
    }

    @SuppressWarnings("deprecation")
    private void closeDirty() {
        Task task = this.task;
        this.task = null;
        if (task == null) {
            return;
        }
        try {
            task.store().flushCache(); // as `prepareCommit(false)`
        } catch (StopException | KafkaException swallowedByStreams) {
            // The task is given up.
        }
        task.processor().close();
        task.store().commit(Map.of());
        task.store().close();
        producer.abort();
    }

    private void close() {
        commit();
        Task task = task();
        this.task = null;
        task.processor().close();
        task.store().commit(Map.of());
        task.store().close();
    }

    // ---- what store and processor send ----

    private SimulatedContext.Sends sends() {
        return new SimulatedContext.Sends() {
            @Override
            public void logChange(byte[] key, byte[] value, Headers headers) {
                await("logged");
                producer.send(kafka.changelog, key, value, headers);
            }

            @Override
            public void forward(Record<byte[], byte[]> record, String sink) {
                await("forwarded");
                SimulatedLog log = switch (sink) {
                    case Publisher.SNAPSHOTS -> kafka.snapshots;
                    case Publisher.PROGRESS -> kafka.progress;
                    default -> kafka.deadLetters;
                };
                schedule.breakage().forward(kafka, log, record,
                        sent -> producer.send(log, sent.key(), sent.value(), sent.headers()));
            }
        };
    }
}
