package io.tidegrad.loadtests;

import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongFunction;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// A topic with a stream's events, good or malformed, and at its end a tick that closes the open mini-batch.
///
/// @param malformed whether each event is one that can't be learned
/// @param end offset after the tick
/// @param bytes of the values
record EventLog(TrainStream stream, TopicPartition partition, long events, boolean malformed, long end, long bytes) {
    static EventLog fill(LocalStack stack, TrainStream stream, long events) throws InterruptedException {
        String topic = ModelSpec.parse(stream.spec(), stream.specFile()).inputTopic();
        return fill(stack, stream, events, topic, false);
    }

    /// All kinds of `Malformed` in turns, in a topic of their own.
    static EventLog fillMalformed(LocalStack stack, TrainStream stream, long events) throws InterruptedException {
        return fill(stack, stream, events, stream.label() + "-malformed", true);
    }

    private static EventLog fill(LocalStack stack, TrainStream stream, long events, String topic, boolean malformed)
            throws InterruptedException {
        EventsTopic.create(stack.bootstrapServers(), topic);
        return new EventLog(stream, new TopicPartition(topic, 0), 0, malformed, 0, 0).with(stack, events);
    }

    /// Writes so many more events and a tick.
    EventLog with(LocalStack stack, long more) throws InterruptedException {
        String topic = partition.topic();
        AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
        LongFunction<GenericRecord> made = stream.events();
        long written = 0;
        Callback acknowledged = (metadata, e) -> failure.compareAndSet(null, e);
        try (Malformed.Encoder encoder = new Malformed.Encoder(stack.registryUrl(), topic, stream);
                Producer<byte[], byte @Nullable []> producer = KafkaClients.writer(stack.bootstrapServers(),
                        Map.of("acks", "all", "linger.ms", "10", "batch.size", "131072"))) {
            for (long event = events; event < events + more && failure.get() == null; event++) {
                GenericRecord next = made.apply(event);
                byte[] value = malformed ? encoder.malformed(Malformed.inTurn(event), next) : encoder.good(next);
                written += value == null ? 0 : value.length;
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
        return new EventLog(stream, partition, events + more, malformed, end + more + 1, bytes + written);
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
