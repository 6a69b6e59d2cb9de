package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.JoinOutput;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.model.stream.Example;
import java.util.Objects;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// Writes the example of an event that brings its label with it.
record ExampleWriter(ProcessorContext<byte[], byte[]> context, JoinCounts counts,
        byte @Nullable [] key) implements JoinOutput {
    @Override
    public void example(String id, Example example, @Nullable Content content) {
        counts.example(example.kind());
        context.forward(record(key, example, Objects.requireNonNull(content)), JoinerTopology.EXAMPLES);
    }

    /// Returns an example as a record of its topic. Its timestamp is the event's time, so far as Kafka knows it.
    static Record<byte[], byte[]> record(byte @Nullable [] key, Example example, Content content) {
        RecordHeaders headers = new RecordHeaders();
        JoinInputCodec.carry(content, headers);
        example.writeTo(headers);
        return new Record<>(key, content.value(), Math.max(0, example.eventTime()), headers);
    }

    @Override
    public void refuse(Reason reason, String detail) {
        throw new IllegalStateException("an event with its label is not refused: " + detail);
    }

    @Override
    public void orphan(LabelRecord label, String detail) {
        throw new IllegalStateException("an event with its label leaves no orphan: " + detail);
    }

    @Override
    public void count(Counted what) {
        counts.count(what);
    }
}
