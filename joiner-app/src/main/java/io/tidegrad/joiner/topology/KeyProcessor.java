package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.topology.SourceValue.Read;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// Gives the records of one side their id as key. What can't be read becomes a dead letter.
final class KeyProcessor implements Processor<byte[], SourceValue, byte[], Object> {
    /// The key of a tick, which goes to all partitions.
    static final byte[] TICK_KEY = {};

    /// How often the place that was read is committed although nothing came, so that a side shows that it was read to its
    /// end, or what its next record waits for. The end may be that of a transaction, where no record is.
    private static final Duration TELL_EVERY = Duration.ofSeconds(1);

    /// How soon others are told while records are held back or what there is to tell changes: while they wait for a gap
    /// between events to be passed, a second is long.
    private static final Duration LOOK_OFTEN = Duration.ofMillis(100);

    private final String next;
    private final JoinDeadLetters deadLetters;
    private final JoinCounts counts;
    private final Side side;
    private @Nullable ProcessorContext<byte[], Object> context;

    /// One of the two sides of the join.
    ///
    /// @param name see `CommitHook.next`
    /// @param partitions of the topic if the join takes its records as they lie; else 0
    record Side(String name, String topic, int partitions, Alignment alignment) {
        private TopicPartition of(ProcessorContext<?, ?> context) {
            return new TopicPartition(topic, context.taskId().partition());
        }

        /// Others may be read on, for the task has taken the record.
        void took(ProcessorContext<?, ?> context) {
            context.recordMetadata().ifPresent(record -> alignment.took(of(context), record.offset()));
        }

        /// Lets the task of a partition commit how far it is although nothing comes. If its next record is held back, other
        /// processes hear of its time: they would wait for this partition otherwise, and it for them.
        void tell(ProcessorContext<?, ?> context) {
            new Telling(context, this).again(LOOK_OFTEN);
        }
    }

    /// Streams commits after each punctuation, whatever it does. So it comes seldom unless there is something new.
    private static final class Telling {
        private final ProcessorContext<?, ?> context;
        private final Side side;
        private final TopicPartition partition;
        private @Nullable Long told;
        private @Nullable Cancellable punctuation;
        private Duration every = Duration.ZERO;

        Telling(ProcessorContext<?, ?> context, Side side) {
            this.context = context;
            this.side = side;
            partition = side.of(context);
        }

        void again(Duration every) {
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
            Long reached = side.alignment.reached(partition);
            boolean isNew = !Objects.equals(reached, told);
            told = reached;
            if (reached == null) {
                CommitHook.drained(context, side.name);
            } else if (reached > Long.MIN_VALUE) {
                CommitHook.next(context, side.name, reached);
            }
            again(isNew || side.alignment.isHeld(partition) ? LOOK_OFTEN : TELL_EVERY);
        }
    }

    /// @param next the node that takes what has an id
    KeyProcessor(String next, JoinDeadLetters deadLetters, JoinCounts counts, Side side) {
        this.side = side;
        this.next = next;
        this.deadLetters = deadLetters;
        this.counts = counts;
    }

    @Override
    public void init(ProcessorContext<byte[], Object> context) {
        this.context = context;
        side.tell(context);
    }

    @Override
    public void process(Record<byte[], SourceValue> record) {
        ProcessorContext<byte[], Object> context = Objects.requireNonNull(this.context, "init comes first");
        switch (record.value().read()) {
            case Read.Input(String id, JoinInput input, String label) -> {
                RecordHeaders headers = new RecordHeaders();
                switch (input) {
                    case JoinInput.OfEvent event -> {
                        counts.event();
                        JoinInputCodec.carry(event.event().content(), headers);
                    }
                    case JoinInput.OfLabel given -> counts.label();
                    case JoinInput.OfTick tick -> {
                    }
                }
                byte[] key = id == null ? TICK_KEY : id.getBytes(StandardCharsets.UTF_8);
                if (id != null && side.partitions > 0) {
                    counts.lies(input instanceof JoinInput.OfEvent, key, context.taskId().partition(), side.partitions);
                }
                context.forward(new Record<>(key, input, record.timestamp(), headers), next);
            }
            case Read.Refused refused -> {
                String reason = refused.rejection().reason().code();
                counts.deadLetter(reason);
                Record<byte[], byte[]> letter = deadLetters.of(refused.record(), reason, refused.rejection().detail(),
                        context.currentSystemTimeMs());
                context.forward(
                        new Record<>(letter.key(), (Object) letter.value(), letter.timestamp(), letter.headers()),
                        JoinerTopology.UNREADABLE);
            }
        }
        side.took(context);
    }
}
