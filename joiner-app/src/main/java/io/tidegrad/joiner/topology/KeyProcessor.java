package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.topology.JoinInputs.Keyed;
import io.tidegrad.joiner.topology.SourceValue.Read;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.errors.TaskCorruptedException;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// Reads what the two sides say to the join, and sends it to the partitions of the ids. What can't be read becomes a dead
/// letter.
final class KeyProcessor implements Processor<byte[], SourceValue, byte[], Object> {
    /// The key of what is about no single event: a tick, and a record of many inputs.
    static final byte[] TICK_KEY = {};

    /// How often the place that was read is committed although nothing came, so that a side shows that it was read to its
    /// end, or what its next record waits for. The end may be that of a transaction, where no record is.
    private static final Duration TELL_EVERY = Duration.ofSeconds(1);

    /// How soon others are told while records are held back or what there is to tell changes: while they wait for a gap
    /// between events to be passed, a second is long.
    private static final Duration LOOK_OFTEN = Duration.ofMillis(100);

    private final JoinerTopology.Parts parts;
    private final ThreadLocal<CommitPace> paces;
    private final @Nullable ThreadLocal<InputPacks> packsOfThreads;
    private final Map<String, Side> sides = new HashMap<>(); // by topic
    private @Nullable ProcessorContext<byte[], Object> context;
    private @Nullable InputPacks packs;
    private @Nullable CommitPace pace;

    /// A task's partition of events or of labels. It lets the task commit how far it is although nothing comes. If the next
    /// record is held back, other processes hear of its time: they would wait for this partition otherwise, and it for them.
    ///
    /// Streams commits what was punctuated, whatever it did. So it comes seldom unless there is something new.
    static final class Side {
        private final ProcessorContext<?, ?> context;
        private final CommitPace pace;
        private final Alignment alignment;
        private final String name;
        private final TopicPartition partition;
        private @Nullable Long told;
        private @Nullable Cancellable punctuation;
        private Duration every = Duration.ZERO;

        /// @param name see `CommitHook.next`
        Side(ProcessorContext<?, ?> context, CommitPace pace, Alignment alignment, String name, String topic) {
            this.context = context;
            this.pace = pace;
            this.alignment = alignment;
            this.name = name;
            partition = new TopicPartition(topic, context.taskId().partition());
            again(LOOK_OFTEN);
        }

        /// Others may be read on, for the task has taken the record at this offset.
        void took(long offset) {
            alignment.took(partition, offset);
        }

        private void again(Duration every) {
            if (every.equals(this.every)) {
                return;
            }
            if (punctuation != null) {
                punctuation.cancel();
            }
            this.every = every;
            punctuation = context.schedule(every, PunctuationType.WALL_CLOCK_TIME, now -> tell());
        }

        private void tell() {
            Long reached = alignment.reached(partition);
            boolean isNew = !Objects.equals(reached, told);
            told = reached;
            if (reached == null) {
                CommitHook.drained(context, name);
            } else if (reached > Long.MIN_VALUE) {
                CommitHook.next(context, name, reached);
            }
            boolean isToBeTold = isNew || alignment.isHeld(partition);
            if (isToBeTold) {
                pace.took(context);
            }
            again(isToBeTold ? LOOK_OFTEN : TELL_EVERY);
        }
    }

    /// @param paces of the threads
    /// @param packs likewise, for what they send to the repartition topic; null: there is none, for ids lie where they belong
    KeyProcessor(JoinerTopology.Parts parts, ThreadLocal<CommitPace> paces, @Nullable ThreadLocal<InputPacks> packs) {
        this.parts = parts;
        this.paces = paces;
        packsOfThreads = packs;
    }

    @Override
    public void init(ProcessorContext<byte[], Object> context) {
        this.context = context;
        CommitPace pace = CommitPace.of(paces, context);
        this.pace = pace;
        sides.put(parts.spec().events().topic(), parts.events(context, pace));
        StreamSpec.Labels labels = Objects.requireNonNull(parts.spec().labels());
        sides.put(labels.topic(), new Side(context, pace, parts.alignment(), JoinProgress.LABELS, labels.topic()));
        if (packsOfThreads != null) {
            InputPacks packs = packsOfThreads.get();
            this.packs = packs;
            context.<CommitHook>getStateStore(CommitHook.OF_KEYS).bind(() -> {
                pace.commits();
                packs.send(this::send);
            });
        }
    }

    @Override
    public void process(Record<byte[], SourceValue> record) {
        ProcessorContext<byte[], Object> context = context();
        SourceValue.Run run = record.value().run();
        run.reads().forEach(read -> process(read, context));
        context.recordMetadata().ifPresent(at -> Objects.requireNonNull(sides.get(at.topic())).took(run.lastOffset()));
        Objects.requireNonNull(pace, "init comes first").took(context);
    }

    private void process(Read read, ProcessorContext<byte[], Object> context) {
        switch (read) {
            case Read.Input(String id, JoinInput input, String label) -> {
                switch (input) {
                    case JoinInput.OfEvent event -> parts.counts().event();
                    case JoinInput.OfLabel given -> parts.counts().label();
                    case JoinInput.OfTick tick -> {
                    }
                }
                take(new Keyed(id == null ? TICK_KEY : id.getBytes(StandardCharsets.UTF_8), input), context);
            }
            case Read.Refused refused -> {
                String reason = refused.rejection().reason().code();
                parts.counts().deadLetter(reason);
                Record<byte[], byte[]> letter = parts.deadLetters().of(refused.record(), reason,
                        refused.rejection().detail(), context.currentSystemTimeMs());
                context.forward(
                        new Record<>(letter.key(), (Object) letter.value(), letter.timestamp(), letter.headers()),
                        JoinerTopology.UNREADABLE);
            }
        }
    }

    private void take(Keyed input, ProcessorContext<byte[], Object> context) {
        int partitions = parts.joinPartitions();
        boolean isTick = input.input() instanceof JoinInput.OfTick;
        InputPacks packs = this.packs;
        if (packs == null) {
            int lies = context.taskId().partition();
            if (!isTick) {
                parts.counts().lies(input.input() instanceof JoinInput.OfEvent, input.id(), lies, partitions);
            }
            send(new JoinInputs(lies, List.of(input)));
        } else if (isTick) {
            for (int i = 0; i < partitions; i++) {
                packs.add(this, i, input, this::send);
            }
        } else {
            packs.add(this, Utils.toPositive(Utils.murmur2(input.id())) % partitions, input, this::send);
        }
    }

    private void send(JoinInputs inputs) {
        try {
            context().forward(new Record<>(TICK_KEY, inputs, inputs.time()), JoinerTopology.INPUTS);
        } catch (TaskCorruptedException e) {
            // A record that was sent is lost. Streams would begin the task anew that sent it, and might commit others of the
            // thread, whose inputs it had as well.
            throw new StopException(ExitCode.RETRYABLE,
                    "stream " + parts.spec().stream()
                            + ": expected that Kafka takes what is on its way to the join, found: " + e.getMessage()
                            + "; nothing is lost: joining goes on once Kafka answers",
                    e);
        }
    }

    private ProcessorContext<byte[], Object> context() {
        return Objects.requireNonNull(context, "init comes first");
    }

    @Override
    public void close() {
        if (packs != null) {
            packs.forget(this);
        }
    }
}
