package io.tidegrad.loadtests;

import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.LongFunction;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/// A topic with a stream's events, good or malformed, and at its end a tick that closes the open mini-batch.
///
/// @param malformed whether each event is one that can't be learned
/// @param end offset after the tick
/// @param bytes of the values
record EventLog(TrainStream stream, TopicPartition partition, long events, boolean malformed, long end, long bytes) {
    static EventLog fill(Lab lab, TrainStream stream, long events) throws InterruptedException {
        String topic = ModelSpec.parse(stream.spec(), stream.specFile()).inputTopic();
        return fill(lab, stream, events, topic, false);
    }

    /// All kinds of `Malformed` in turns, in a topic of their own.
    static EventLog fillMalformed(Lab lab, TrainStream stream, long events) throws InterruptedException {
        return fill(lab, stream, events, stream.label() + "-malformed", true);
    }

    private static EventLog fill(Lab lab, TrainStream stream, long events, String topic, boolean malformed)
            throws InterruptedException {
        EventsTopic.create(lab.bootstrapServers(), topic);
        return new EventLog(stream, new TopicPartition(topic, 0), 0, malformed, 0, 0).with(lab, events);
    }

    /// Writes so many more events and a tick.
    EventLog with(Lab lab, long more) {
        String topic = partition.topic();
        LongFunction<GenericRecord> made = stream.events();
        long bytes = this.bytes;
        try (Malformed.Encoder encoder = new Malformed.Encoder(lab.registryUrl(), topic, stream);
                Writer writer = new Writer(topic, lab.bootstrapServers(), Map.of())) {
            boolean written = true;
            for (long event = events; event < events + more && written; event++) {
                GenericRecord next = made.apply(event);
                byte[] value = malformed ? encoder.malformed(Malformed.inTurn(event), next) : encoder.good(next);
                bytes += value == null ? 0 : value.length;
                written = writer.send(new ProducerRecord<>(topic, 0, null, value));
            }
            writer.tick(topic, 0, new byte[0]);
            writer.flush();
        }
        return new EventLog(stream, partition, events + more, malformed, end + more + 1, bytes);
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
