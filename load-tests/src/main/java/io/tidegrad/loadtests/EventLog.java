package io.tidegrad.loadtests;

import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// A topic with a stream's events, good or malformed, and at its end a tick that closes the open mini-batch.
///
/// @param malformed whether each event is one that can't be learned
/// @param end offset after the tick
record EventLog(ShippedStream stream, TopicPartition partition, long events, boolean malformed, long end) {
    static EventLog fill(LocalStack stack, ShippedStream stream, List<StreamEvent> shipped, long events)
            throws InterruptedException {
        String topic = ModelSpec.parse(stream.spec(), stream.specFile()).inputTopic();
        return fill(stack, stream, shipped, events, topic, false);
    }

    /// All kinds of `Malformed` in turns, in a topic of their own.
    static EventLog fillMalformed(LocalStack stack, ShippedStream stream, List<StreamEvent> shipped, long events)
            throws InterruptedException {
        return fill(stack, stream, shipped, events, stream.label() + "-malformed", true);
    }

    private static EventLog fill(LocalStack stack, ShippedStream stream, List<StreamEvent> shipped, long events,
            String topic, boolean malformed) throws InterruptedException {
        EventsTopic.create(stack.bootstrapServers(), topic);
        return new EventLog(stream, new TopicPartition(topic, 0), 0, malformed, 0).with(stack, shipped, events);
    }

    /// Writes so many more events and a tick.
    EventLog with(LocalStack stack, List<StreamEvent> shipped, long more) throws InterruptedException {
        String topic = partition.topic();
        AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
        Callback acknowledged = (metadata, e) -> failure.compareAndSet(null, e);
        try (Malformed.Encoder encoder = new Malformed.Encoder(stack.registryUrl(), topic, stream);
                Producer<byte[], byte @Nullable []> producer = KafkaClients.writer(stack.bootstrapServers(),
                        Map.of("acks", "all", "linger.ms", "10", "batch.size", "131072"))) {
            for (long event = events; event < events + more && failure.get() == null; event++) {
                StreamEvent next = stream.repeated(shipped, event);
                byte[] value = malformed ? encoder.malformed(Malformed.inTurn(event), next) : encoder.good(next);
                producer.send(new ProducerRecord<>(topic, 0, null, value), acknowledged);
            }
            ProducerRecord<byte[], byte @Nullable []> tick = new ProducerRecord<>(topic, 0, null, null);
            tick.headers().add(Tick.HEADER, new byte[0]);
            producer.send(tick, acknowledged);
        }
        Exception e = failure.get();
        if (e != null) {
            throw new LoadTestException("can't fill the topic " + topic + ": " + e, e);
        }
        return new EventLog(stream, partition, events + more, malformed, end + more + 1);
    }

    /// Writes the spec of the stream's model, under a name of its own, so that it learns from the beginning of this
    /// topic.
    Path writeSpec(String model, int miniBatch, Path directory) {
        String yaml = stream.spec().replaceFirst("(?m)^model: .*$", "model: " + model)
                .replaceFirst("\\btopic: [\\w-]+", "topic: " + partition.topic())
                .replaceFirst("(?m)^mini-batch: .*$", "mini-batch: { size: " + miniBatch + " }");
        return Processes.write(directory.resolve("spec.yaml"), yaml);
    }
}
