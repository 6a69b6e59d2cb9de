package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.Entry;
import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.JoinOutput;
import io.tidegrad.joiner.join.LabelJoin;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// Adapts the join to Kafka Streams: it keeps the entries and the task's time, and writes what the join gives. Everything
/// happens inside of the task's transaction.
final class JoinProcessor implements Processor<byte[], JoinInputs, byte[], byte[]>, JoinOutput {
    private static final Duration LOOK_EVERY = Duration.ofMillis(500);
    private static final Duration TICK_EVERY = Duration.ofSeconds(1);

    /// Inputs between two looks at what is due, and the most that one look does, so that it keeps up and stays short.
    private static final int SWEEP_EVERY = 512;

    private static final int SWEEP_MAX = 4_096;

    /// Looks in a row while nothing comes.
    private static final int SWEEPS_MAX = 10;

    /// Entries that are looked at for each record when forgotten ones are deleted. In half of the time in which a store
    /// fills, all of it was looked at, so it is about a quarter larger than it has to be.
    private static final int CLEANED_PER_RECORD = 2;

    private static final int CLEANED_MIN = 128;

    private final JoinerTopology.Parts parts;
    private final ThreadLocal<CommitPace> paces;
    private final StreamSpec spec;
    private final LabelJoin join;

    private @Nullable Running running;

    /// The largest event time of all events, labels and ticks that this task has taken.
    private long time = Long.MIN_VALUE;

    private long ticked = Long.MIN_VALUE;
    private int sinceSweep;

    /// The id that is being joined, and the input, if there is one.
    private byte[] id = {};

    private @Nullable JoinInput input;

    /// What exists from `init` to `close`.
    private record Running(ProcessorContext<byte[], byte[]> context, JoinState state, CommitHook hook, CommitPace pace,
            Corrections corrections) {
    }

    /// @param paces of the threads
    JoinProcessor(JoinerTopology.Parts parts, ThreadLocal<CommitPace> paces) {
        this.parts = parts;
        this.paces = paces;
        spec = parts.spec();
        join = new LabelJoin(spec);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        CommitHook hook = context.getStateStore(CommitHook.OF_JOIN);
        JoinState state = new JoinState(join, context.getStateStore(JoinStore.ENTRIES));
        // A task that lost its transaction begins anew with the same processor.
        CommitPace pace = CommitPace.of(paces, context);
        Running running = new Running(context, state, hook, pace,
                new Corrections(parts.lookups().get(), this::writeAgain, System::nanoTime));
        this.running = running;
        sinceSweep = 0;
        Long committed = hook.committedTime();
        time = committed == null ? Long.MIN_VALUE : committed;
        hook.bind(this::beforeCommit);
        context.schedule(LOOK_EVERY, PunctuationType.WALL_CLOCK_TIME, now -> {
            StreamTime stream = parts.time();
            time = Math.max(time, stream.time());
            for (int i = 0; i < SWEEPS_MAX && running.state().swept(time) < time; i++) {
                look(running);
            }
            look(running);
            parts.counts().waitingSince(context.taskId().partition(), running.state().waitingSince());
            tick(running, stream);
            pace.took(context);
        });
    }

    @Override
    public void process(Record<byte[], JoinInputs> record) {
        Running running = running();
        for (JoinInputs.Keyed each : record.value().all()) {
            join(running, each.id(), each.input());
        }
        running.pace().took(running.context());
    }

    private void join(Running running, byte[] of, JoinInput input) {
        time = Math.max(time, input.time());
        if (!(input instanceof JoinInput.OfTick)) {
            this.input = input;
            id = of;
            Entry found = running.state().get(id);
            String text = new String(id, StandardCharsets.UTF_8);
            Entry left = switch (input) {
                case JoinInput.OfEvent event -> join.event(text, found, event.event(), time, this);
                case JoinInput.OfLabel label -> join.label(text, found, label.label(), time, this);
                case JoinInput.OfTick tick -> found;
            };
            running.state().put(id, found, left);
            this.input = null;
        }
        if (++sinceSweep >= SWEEP_EVERY) {
            look(running);
        }
    }

    /// Ends what is over, in bounded steps.
    private void look(Running running) {
        JoinState state = running.state();
        state.due(time, SWEEP_MAX, (due, found) -> {
            id = due;
            state.put(due, found, join.expire(new String(due, StandardCharsets.UTF_8), found, time, this));
        });
        state.clean(time, Math.max(CLEANED_PER_RECORD * sinceSweep, CLEANED_MIN));
        sinceSweep = 0;
    }

    /// While nothing comes, one task tells whoever learns from the examples that time goes on.
    private void tick(Running running, StreamTime stream) {
        long now = stream.settled();
        if (running.context().taskId().partition() == 0 && stream.isIdle() && now > Long.MIN_VALUE
                && (ticked == Long.MIN_VALUE || now - ticked >= TICK_EVERY.toMillis())) {
            ticked = now;
            running.context().forward(LabeledEventsProcessor.tick(now), JoinerTopology.EXAMPLES);
        }
    }

    private void beforeCommit() {
        Running running = running();
        running.pace().commits();
        running.corrections().write();
        running.state().log();
        running.hook().time(time, running.state().swept(time));
    }

    @Override
    public void example(String text, Example example, @Nullable Content content) {
        Corrections corrections = running().corrections();
        if (content == null) {
            corrections.add(id, example);
        } else {
            corrections.writeBefore(id);
            write(id, example, content);
        }
    }

    private void write(byte[] id, Example example, Content content) {
        parts.counts().example(example.kind());
        running().context().forward(LabeledEventsProcessor.example(id, example, content), JoinerTopology.EXAMPLES);
    }

    private void writeAgain(byte[] id, Example example, Position at, @Nullable Content content) {
        if (content == null) {
            gone(id, example, at);
        } else {
            write(id, example, content);
        }
    }

    private void gone(byte[] id, Example example, Position at) {
        RecordHeaders headers = new RecordHeaders();
        example.writeTo(headers);
        deadLetter(running(), at(spec.events().topic(), at, id, null, headers), "event-gone",
                "expected the event in its topic, to write its correction, found that retention or a deletion took it;"
                        + " keep events for at least join.window");
    }

    @Override
    public void refuse(Reason reason, String detail) {
        ConsumerRecord<byte[], byte[]> at = switch (Objects.requireNonNull(input, "only an input is refused")) {
            case JoinInput.OfEvent(EventRecord event, byte[] key) -> {
                RecordHeaders headers = new RecordHeaders();
                JoinInputCodec.carry(event.content(), headers);
                yield at(spec.events().topic(), event.at(), key, event.content().value(), headers);
            }
            case JoinInput.OfLabel(LabelRecord label) -> at(label);
            case JoinInput.OfTick tick -> throw new IllegalStateException("a tick is not refused");
        };
        deadLetter(running(), at, reason.code(), detail);
    }

    @Override
    public void orphan(LabelRecord label, String detail) {
        deadLetter(running(), at(label), Reason.ORPHAN_LABEL.code(), detail);
    }

    private ConsumerRecord<byte[], byte[]> at(LabelRecord label) {
        return at(Objects.requireNonNull(spec.labels()).topic(), label.at(), label.key(), label.value(),
                new RecordHeaders());
    }

    private static ConsumerRecord<byte[], byte[]> at(String topic, Position at, byte @Nullable [] key,
            byte @Nullable [] value, Headers headers) {
        return new ConsumerRecord<>(topic, at.partition(), at.offset(), ConsumerRecord.NO_TIMESTAMP,
                TimestampType.NO_TIMESTAMP_TYPE, ConsumerRecord.NULL_SIZE, ConsumerRecord.NULL_SIZE, key, value,
                headers, Optional.empty());
    }

    private void deadLetter(Running running, ConsumerRecord<byte[], byte[]> record, String reason, String detail) {
        parts.counts().deadLetter(reason);
        running.context().forward(
                parts.deadLetters().of(record, reason, detail, running.context().currentSystemTimeMs()),
                JoinerTopology.DEAD_LETTERS);
    }

    @Override
    public void count(Counted what) {
        parts.counts().count(what);
    }

    private Running running() {
        return Objects.requireNonNull(running, "init comes first");
    }

    @Override
    public void close() {
        Running closed = running;
        if (closed != null) {
            closed.corrections().close();
            parts.counts().waitingSince(closed.context().taskId().partition(), Long.MAX_VALUE);
            running = null;
        }
    }
}
