package io.tidegrad.scorerapp.topic;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.ConfluentAvroSerializer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

/// The example of `docs/scoring.md`.
class TopicExampleTest {
    @LongProof("the documented example as a process")
    @Test
    void theDocumentedRequestIsAnswered() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(1).published()) {
            ask(TopicScorerStack.bootstrapServers(), TopicScorerStack.registryUrl(), world.topics.requests(),
                    TopicScorerWorld.REQUEST);
            world.awaitAnswered(world.start(), 1);
            ConsumerRecord<byte[], byte[]> answer = world.all(world.topics.predictions()).getFirst();
            assertThat(new String(answer.key(), StandardCharsets.UTF_8)).isEqualTo("request-1");
            assertThat(world.prediction(answer).getProbabilities().getFirst()).isBetween(0f, 1f);
        }
    }

    @Test
    void theDocumentationShowsThisCode() throws Exception {
        Path root = Path.of(System.getProperty("tidegrad.root"));
        String source = Files
                .readString(root.resolve("scorer-app/src/test/java/io/tidegrad/scorerapp/topic/TopicExampleTest.java"));
        String example =
                source.substring(source.indexOf("// tag::" + "example") + 16, source.indexOf("// end::" + "example"))
                        .stripTrailing();
        assertThat(Files.readString(root.resolve("docs/scoring.md")))
                .contains("<!-- request-example -->\n```java\n" + example.stripIndent().strip() + "\n```");
    }

    private static void ask(String kafka, String registry, String topic, Schema schema) {
        // tag::example
        Map<String, Object> settings = Map.of("bootstrap.servers", kafka, "schema.registry.url", registry);
        ConfluentAvroSerializer values = new ConfluentAvroSerializer();
        values.configure(settings, false);
        try (KafkaProducer<String, GenericContainer> producer =
                new KafkaProducer<>(settings, new StringSerializer(), values)) {
            GenericRecord flight = new GenericRecordBuilder(schema)
                    .set("departed", Instant.parse("2001-05-01T08:30:00Z").toEpochMilli()).set("distance", 2586)
                    .set("origin", "SFO").set("destination", "JFK").build();
            producer.send(new ProducerRecord<>(topic, "request-1", flight));
        }
        // end::example
    }
}
