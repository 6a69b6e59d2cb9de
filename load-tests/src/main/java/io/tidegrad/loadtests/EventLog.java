package io.tidegrad.loadtests;

import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/// A topic with a stream's events, good or malformed, and at its end a tick that closes the open mini-batch.
///
/// @param malformed whether each event is one that can't be learned
/// @param end offset after the tick
record EventLog(ShippedStream stream, TopicPartition partition, long events, boolean malformed, long end) {
    static EventLog fill(Lab lab, ShippedStream stream, List<StreamEvent> shipped, long events)
            throws InterruptedException {
        String topic = ModelSpec.parse(stream.spec(), stream.specFile()).inputTopic();
        return fill(lab, stream, shipped, events, topic, false);
    }

    /// All kinds of `Malformed` in turns, in a topic of their own.
    static EventLog fillMalformed(Lab lab, ShippedStream stream, List<StreamEvent> shipped, long events)
            throws InterruptedException {
        return fill(lab, stream, shipped, events, stream.label() + "-malformed", true);
    }

    private static EventLog fill(Lab lab, ShippedStream stream, List<StreamEvent> shipped, long events, String topic,
            boolean malformed) throws InterruptedException {
        EventsTopic.create(lab.bootstrapServers(), topic);
        return new EventLog(stream, new TopicPartition(topic, 0), 0, malformed, 0).with(lab, shipped, events);
    }

    /// Writes so many more events and a tick.
    EventLog with(Lab lab, List<StreamEvent> shipped, long more) {
        String topic = partition.topic();
        try (Malformed.Encoder encoder = new Malformed.Encoder(lab.registryUrl(), topic, stream);
                Writer writer = new Writer(topic, lab.bootstrapServers(), Map.of())) {
            boolean written = true;
            for (long event = events; event < events + more && written; event++) {
                StreamEvent next = stream.repeated(shipped, event);
                byte[] value = malformed ? encoder.malformed(Malformed.inTurn(event), next) : encoder.good(next);
                written = writer.send(new ProducerRecord<>(topic, 0, null, value));
            }
            writer.tick(topic, 0, new byte[0]);
            writer.flush();
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
