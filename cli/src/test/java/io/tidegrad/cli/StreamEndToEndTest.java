package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.joiner.app.JoinerApp;
import io.tidegrad.joiner.app.JoinerConfig;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A trainer learns from what a joiner writes at the same time: nested events in three partitions, labels on a topic of
/// their own, in time and late, and a fold of the examples that knows neither program.
class StreamEndToEndTest {
    private static final int EVENTS = 400;
    private static final int LAST = 30;
    private static final long START = 1_790_000_000_000L;

    private static final Schema EVENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "transaction", "type": {"type": "record", "name": "Transaction", "fields": [
                {"name": "id", "type": "string"}, {"name": "amount", "type": ["null", "double"]}]}},
              {"name": "merchant", "type": {"type": "record", "name": "Merchant", "fields": [
                {"name": "country", "type": "string"}]}},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
            """);
    private static final Schema LABEL = new Schema.Parser().parse("""
            {"type": "record", "name": "Chargeback", "fields": [
              {"name": "transaction", "type": "string"}, {"name": "fraud", "type": "boolean"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
            """);

    private final Readings readings = new Readings();
    private final String stream = "cards-" + readings.id;
    private final String model = "fraud-" + readings.id;
    private final String events = "payments-" + readings.id;
    private final String labels = "chargebacks-" + readings.id;
    private final Topics topics = new Topics("p" + readings.id);
    private final TopicPartition examples = new TopicPartition(topics.examples(stream, 1), 0);

    private Path written(Path directory, String name, String yaml) throws IOException {
        return Files.writeString(directory.resolve(name), yaml);
    }

    private void run(String... words) {
        assertThat(readings.run(topics.prefix(), List.of(words))).as(readings.err()).isZero();
    }

    /// The last events come an hour after all others, within half a minute: the waits of all others are over by then, and
    /// theirs end half an hour later, however slow this machine is.
    private static long time(int i) {
        int first = EVENTS - LAST;
        return START + (i < first ? i * 60_000L : (first + 60) * 60_000L + (i - first) * 1_000L);
    }

    /// Of ten events one has its label in time, one has it late, and one is labeled twice.
    private void send() {
        try (SchemaRegistry registry =
                SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()));
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(Map.of("bootstrap.servers", readings.bootstrap), new ByteArraySerializer(),
                                new ByteArraySerializer())) {
            AvroCodec codec = new AvroCodec(registry);
            int ofEvents = registry.register(events + "-value", EVENT);
            int ofLabels = registry.register(labels + "-value", LABEL);
            for (int i = 0; i < EVENTS; i++) {
                long time = time(i);
                GenericData.Record transaction = new GenericData.Record(EVENT.getField("transaction").schema());
                transaction.put("id", "tx-" + i);
                transaction.put("amount", i % 5 == 0 ? null : Double.valueOf(Readings.a(i)));
                GenericData.Record merchant = new GenericData.Record(EVENT.getField("merchant").schema());
                merchant.put("country", i % 3 == 0 ? "DE" : "FR");
                GenericData.Record event = new GenericData.Record(EVENT);
                event.put("transaction", transaction);
                event.put("merchant", merchant);
                event.put("at", time);
                producer.send(new ProducerRecord<>(events, null, time,
                        ("card-" + i % 7).getBytes(StandardCharsets.UTF_8), codec.encode(ofEvents, event)));
                switch (i % 10) {
                    case 3 -> label(producer, codec, ofLabels, "tx-" + i, time + 1, true);
                    case 5 -> label(producer, codec, ofLabels, "tx-" + Math.max(5, i - 50), time, true);
                    case 7 -> {
                        label(producer, codec, ofLabels, "tx-" + i, time + 1, false);
                        label(producer, codec, ofLabels, "tx-" + i, time + 2, true);
                    }
                    default -> {
                    }
                }
            }
        }
    }

    private void label(KafkaProducer<byte[], byte[]> producer, AvroCodec codec, int schema, String about, long time,
            boolean fraud) {
        GenericData.Record label = new GenericData.Record(LABEL);
        label.put("transaction", about);
        label.put("fraud", fraud);
        label.put("at", time);
        producer.send(new ProducerRecord<>(labels, null, time, null, codec.encode(schema, label)));
    }

    /// Returns how many examples of each kind are committed.
    private Map<Example.Kind, Integer> kinds() throws ExampleException {
        Map<Example.Kind, Integer> kinds = new EnumMap<>(Example.Kind.class);
        for (ConsumerRecord<byte[], byte[]> each : readings.committed(examples)) {
            if (Example.isIn(each.headers())) {
                kinds.merge(Example.read(each.headers()).kind(), 1, Integer::sum);
            }
        }
        return kinds;
    }

    @Test
    void aTrainerLearnsWhatAJoinerWritesAndAFoldOfTheExamplesIsBitIdentical(@TempDir Path directory) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", readings.bootstrap))) {
            KafkaTopics
                    .get(admin
                            .createTopics(
                                    List.of(new NewTopic(events, 3, (short) 1).configs(Map.of("retention.ms", "-1")),
                                            new NewTopic(labels, 2, (short) 1).configs(Map.of("retention.ms", "-1"))))
                            .all());
        }
        Path spec = written(directory, "model.yaml", """
                model: %s
                input: { stream: %s }
                features:
                  - number: { field: transaction.amount, scale: standard }
                  - category: { field: merchant.country, buckets: 16, dimension: 4 }
                network: [ dense: 4, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                publish: { every: PT0.2S }
                """.formatted(model, stream));
        run("streams", "create", "--spec", written(directory, "stream.yaml", """
                stream: %s
                events: { topic: %s, key: transaction.id, event-time: at }
                labels: { topic: %s, key: transaction, value: fraud, event-time: at }
                join: { wait: PT30M, missing: 0, window: P7D, duplicates: last }
                """.formatted(stream, events, labels)).toString());
        try (TrainerApp trainer = readings.trainer(directory, "--spec", spec.toString())) {
            try (JoinerApp joiner =
                    JoinerApp.start(JoinerConfig.parse(
                            List.of("--bootstrap-servers", readings.bootstrap, "--registry-url",
                                    SharedStack.get().registryUrl(), "--prefix", topics.prefix(), "--stream", stream,
                                    "--http-port", "0", "--state-dir", directory.resolve("joiner").toString()),
                            Map.of()))) {
                send();
                assertThat(joiner.ended()).isNotDone();
                await().atMost(Readings.PATIENCE).untilAsserted(() -> {
                    Map<Example.Kind, Integer> kinds = kinds();
                    assertThat(
                            kinds.getOrDefault(Example.Kind.FINAL, 0) + kinds.getOrDefault(Example.Kind.PROVISIONAL, 0))
                            .as("%s: all but the last ones without a label", kinds).isEqualTo(376);
                    assertThat(kinds.getOrDefault(Example.Kind.CORRECTION, 0)).isGreaterThanOrEqualTo(34);
                });
            }
            List<ConsumerRecord<byte[], byte[]>> written = readings.committed(examples);
            CommittedState learned =
                    Readings.awaitLearned(trainer, model, 1, at -> at.nextOffset() > written.getLast().offset());
            OnlineModel fold = readings.fold(spec, written);
            assertThat(Objects.requireNonNull(learned.report()).weightsHash()).isEqualTo(fold.weightsHash());
            assertThat(Objects.requireNonNull(learned.report()).stateHash()).isEqualTo(fold.stateHash());
        } finally {
            readings.close();
        }
    }
}
