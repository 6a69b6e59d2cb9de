package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.JoinOutput;
import io.tidegrad.joiner.join.LabeledEvents;
import io.tidegrad.joiner.topology.SourceValue.Read;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.stream.Example;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// Makes an example of each event of a stream whose events bring their labels with them. Nothing is remembered.
final class LabeledEventsProcessor implements Processor<byte[], SourceValue, byte[], byte[]> {
    private final JoinerTopology.Parts parts;
    private final ThreadLocal<CommitPace> paces;
    private final LabeledEvents join;
    private @Nullable ProcessorContext<byte[], byte[]> context;
    private @Nullable CommitPace pace;
    private KeyProcessor.@Nullable Side side;

    /// @param paces of the threads
    LabeledEventsProcessor(JoinerTopology.Parts parts, ThreadLocal<CommitPace> paces) {
        this.parts = parts;
        this.paces = paces;
        join = new LabeledEvents(parts.spec());
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        CommitPace pace = CommitPace.of(paces, context);
        this.pace = pace;
        context.<CommitHook>getStateStore(CommitHook.OF_KEYS).bind(pace::commits);
        side = parts.events(context, pace);
    }

    @Override
    public void process(Record<byte[], SourceValue> record) {
        ProcessorContext<byte[], byte[]> context = Objects.requireNonNull(this.context, "init comes first");
        SourceValue.Run run = record.value().run();
        run.reads().forEach(read -> process(read, context));
        Objects.requireNonNull(side, "init comes first").took(run.lastOffset());
        Objects.requireNonNull(pace, "init comes first").took(context);
    }

    private void process(Read read, ProcessorContext<byte[], byte[]> context) {
        switch (read) {
            case Read.Input(String id, JoinInput input, String label) -> {
                switch (input) {
                    case JoinInput.OfEvent event -> write(id, event, Objects.requireNonNull(label), context);
                    case JoinInput.OfTick tick -> context.forward(tick(tick.time()), JoinerTopology.EXAMPLES);
                    case JoinInput.OfLabel given -> throw new IllegalStateException("a label among the events");
                }
            }
            case Read.Refused refused -> {
                String reason = refused.rejection().reason().code();
                parts.counts().deadLetter(reason);
                context.forward(parts.deadLetters().of(refused.record(), reason, refused.rejection().detail(),
                        context.currentSystemTimeMs()), JoinerTopology.UNREADABLE);
            }
        }
    }

    private void write(@Nullable String id, JoinInput.OfEvent input, String label,
            ProcessorContext<byte[], byte[]> context) {
        parts.counts().event();
        EventRecord event = input.event();
        Example example = join.example(id == null ? "" : id, event, label);
        if (example == null) {
            parts.counts().count(JoinOutput.Counted.SAMPLED_OUT);
            return;
        }
        parts.counts().example(example.kind());
        byte[] key = id == null ? input.key() : id.getBytes(StandardCharsets.UTF_8);
        context.forward(example(key, example, event.content()), JoinerTopology.EXAMPLES);
    }

    /// Returns an example as a record of its topic. Its timestamp is the event's time, so far as Kafka knows it.
    static Record<byte[], byte[]> example(byte @Nullable [] key, Example example, Content content) {
        RecordHeaders headers = new RecordHeaders();
        JoinInputCodec.carry(content, headers);
        example.writeTo(headers);
        return new Record<>(key, content.value(), Math.max(0, example.eventTime()), headers);
    }

    /// Returns a tick for whoever learns from the examples.
    static Record<byte[], byte[]> tick(long time) {
        RecordHeaders headers = new RecordHeaders();
        headers.add(Tick.HEADER, Tick.headerValue(time));
        return new Record<>(KeyProcessor.TICK_KEY, new byte[0], Math.max(0, time), headers);
    }
}
