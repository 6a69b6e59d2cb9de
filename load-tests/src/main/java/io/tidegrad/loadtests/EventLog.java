package io.tidegrad.loadtests;

import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ConfluentAvroSerializer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// A topic full of a stream's events, and a tick at the end that closes whatever mini-batch is open.
///
/// @param end offset after the tick
record EventLog(ShippedStream stream, TopicPartition partition, long events, long end) {
    static EventLog fill(
            LocalStack stack, ShippedStream stream, List<StreamEvent> shipped, long events)
            throws InterruptedException {
        String topic = ModelSpec.parse(stream.spec(), stream.specFile()).inputTopic();
        EventsTopic.create(stack.bootstrapServers(), topic);
        Schema schema = stream.schema();
        AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
        Callback acknowledged = (metadata, e) -> failure.compareAndSet(null, e);
        try (Producer<byte[], @Nullable GenericContainer> producer = producer(stack)) {
            for (long event = 0; event < events && failure.get() == null; event++) {
                producer.send(
                        new ProducerRecord<>(
                                topic, 0, null, stream.repeated(shipped, event).toAvro(schema)),
                        acknowledged);
            }
            ProducerRecord<byte[], @Nullable GenericContainer> tick =
                    new ProducerRecord<>(topic, 0, null, null);
            tick.headers().add(Tick.HEADER, new byte[0]);
            producer.send(tick, acknowledged);
        }
        Exception e = failure.get();
        if (e != null) {
            throw new LoadTestException("can't fill the topic " + topic + ": " + e, e);
        }
        return new EventLog(stream, new TopicPartition(topic, 0), events, events + 1);
    }

    private static Producer<byte[], @Nullable GenericContainer> producer(LocalStack stack) {
        return new KafkaProducer<>(
                Map.of(
                        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        stack.bootstrapServers(),
                        ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG,
                        ByteArraySerializer.class.getName(),
                        ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG,
                        ConfluentAvroSerializer.class.getName(),
                        "schema.registry.url",
                        stack.registryUrl(),
                        ProducerConfig.ACKS_CONFIG,
                        "all",
                        ProducerConfig.LINGER_MS_CONFIG,
                        "10",
                        ProducerConfig.BATCH_SIZE_CONFIG,
                        "131072"));
    }
}
