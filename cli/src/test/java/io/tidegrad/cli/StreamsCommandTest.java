package io.tidegrad.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.StreamOverview;
import io.tidegrad.control.StreamState;
import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.JoinOutput;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.verify.Arrival;
import io.tidegrad.joiner.verify.BruteForceJoin;
import io.tidegrad.joiner.verify.StreamVerification;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// Decisions about streams as they are typed, models that learn from one, and the comparison of examples with topics. The
/// test is the joiner: it writes what a brute-force join gives, and commits what a joiner would have read.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StreamsCommandTest {
    private static final Schema PAYMENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "id", "type": "string"}, {"name": "at", "type": "long"}, {"name": "a", "type": "float"}]}
            """);
    private static final Schema CHARGEBACK = new Schema.Parser().parse("""
            {"type": "record", "name": "Chargeback", "fields": [
              {"name": "id", "type": "string"}, {"name": "at", "type": "long"}, {"name": "fraud", "type": "int"}]}
            """);
    private static final Schema PAYMENT_WITH_COUNTRY = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "tx", "type": "string", "aliases": ["id"]}, {"name": "at", "type": "long"},
              {"name": "amount", "type": "float", "aliases": ["a"]},
              {"name": "country", "type": "string", "default": ""}]}
            """);
    private static final int PARTITIONS = 3;

    private final Readings readings = new Readings();
    private final String id = readings.id;
    private final Topics topics = new Topics("p" + id);
    private final Admin admin = Admin.create(Map.of("bootstrap.servers", readings.bootstrap));
    private final SchemaRegistry registry =
            SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()));
    private final KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(Map.of("bootstrap.servers", readings.bootstrap, "acks", "all"),
                    new ByteArraySerializer(), new ByteArraySerializer());

    @TempDir
    Path directory;

    @AfterAll
    void stop() {
        producer.close();
        registry.close();
        admin.close();
        readings.close();
    }

    private KafkaSettings kafka() {
        return KafkaSettings.of(readings.bootstrap);
    }

    private static <T> T get(KafkaFuture<T> future) {
        return KafkaTopics.get(future);
    }

    private void topic(String name, int partitions, Map<String, String> settings) {
        TopicCreation.create(admin, new NewTopic(name, partitions, (short) 1).configs(settings));
    }

    private Path file(String name, String text) {
        try {
            return Files.writeString(directory.resolve(name), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// @param wait in seconds
    private static String stream(String name, int wait) {
        return """
                stream: %1$s
                events: { topic: %1$s-payments, key: id, event-time: at }
                labels: { topic: %1$s-chargebacks, key: id, value: fraud, event-time: at }
                join: { wait: PT%2$dS, missing: 0, window: PT100S }
                """.formatted(name, wait);
    }

    private String created(String name) {
        String stream = name + "-" + id;
        topic(stream + "-payments", PARTITIONS, Map.of());
        topic(stream + "-chargebacks", 2, Map.of());
        Path spec = file(stream + ".yaml", stream(stream, 30));
        assertThat(run("streams", "create", "--spec", spec.toString())).as(readings.err()).isZero();
        return stream;
    }

    private Path model(String name, String stream) {
        return model(name, stream, "a");
    }

    private Path model(String name, String stream, String field) {
        return file(name + ".yaml", """
                model: %s
                input: { stream: %s }
                features: [ number: { field: %s, scale: standard } ]
                network: [ dense: 4, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                publish: { every: PT0.2S }
                """.formatted(name, stream, field));
    }

    private int run(String... words) {
        return readings.run(topics.prefix(), List.of(words));
    }

    private JsonNode shown(String stream) {
        assertThat(run("streams", "show", stream, "--json")).as(readings.err()).isZero();
        return readings.json();
    }

    @Test
    void whereNothingWasDecidedYetThereAreNoStreams() {
        String fresh = "f" + id;
        assertThat(readings.run(fresh, List.of("streams", "list"))).as(readings.err()).isZero();
        assertThat(readings.out()).startsWith("no streams; create one: tidegrad streams create");
        assertThat(readings.run(fresh, List.of("streams", "show", "cards"))).isEqualTo(2);
        assertThat(readings.err()).contains("expected the stream cards, found no stream;");
    }

    @Test
    void allThatKeepsAStreamFromBeingCreatedIsToldAtOnce() {
        String stream = "refused-" + id;
        topic(stream + "-payments", PARTITIONS, Map.of("cleanup.policy", "compact,delete", "retention.ms", "60000"));
        topic(topics.examples(stream, 1), 1, Map.of());
        send(topics.examples(stream, 1), 0, "k", new byte[1]);
        Path spec = file(stream + ".yaml", stream(stream, 30));
        assertThat(run("streams", "create", "--spec", spec.toString())).isEqualTo(2);
        assertThat(readings.err()).contains("tidegrad: stream " + stream + " can't be created:")
                .containsPattern("where +expected +found +what to do")
                .containsPattern("topic " + stream + "-chargebacks +the topic of labels +no such topic +create it")
                .containsPattern(
                        "topic p" + id + ".examples." + stream + ".1 +none of this name, or an empty one +1 rec")
                .containsPattern("topic " + stream + "-payments +cleanup.policy=delete +compact,delete +write events")
                .containsPattern("topic " + stream + "-payments +retention.ms of at least join.window, PT1M40S +PT1M +"
                        + "raise it");
        assertThat(run("streams", "show", stream)).isEqualTo(2);
        assertThat(readings.err()).contains("expected the stream " + stream + ", found ");
    }

    @Test
    void aStreamIsCreatedPausedResumedChangedAndDeleted() {
        String stream = created("life");
        assertThat(readings.out()).contains("stream        " + stream + ": create at ", "stage         none -> live",
                "epochs        none -> 1", "examples      p" + id + ".examples." + stream + ".1",
                "events        " + stream + "-payments (", "), 3 partitions", "), 2 partitions");
        String log = topics.examples(stream, 1);
        KafkaTopics.Found examples =
                Objects.requireNonNull(new KafkaTopics(admin, (short) 1).look(Set.of(log), true).get(log));
        assertThat(examples.partitions()).isOne();
        assertThat(examples.settings()).containsEntry("cleanup.policy", "delete")
                .containsEntry("retention.ms", "" + 90L * 24 * 3_600_000)
                .containsEntry("message.timestamp.type", "LogAppendTime");

        Path same = file(stream + "-same.yaml", stream(stream, 30) + "# as before\n");
        assertThat(run("streams", "create", "--spec", same.toString())).isEqualTo(2);
        assertThat(readings.err()).contains("one that differs in form only");
        Path apart = file(stream + "-apart.yaml", stream(stream, 30) + "align: PT1M\nexamples: { retention: P9D }\n");
        assertThat(run("streams", "create", "--spec", apart.toString(), "--from", "2026-01-31T12:00:00Z")).isEqualTo(2);
        assertThat(readings.err()).contains("none, or that of epoch 1, which goes on");
        assertThat(run("streams", "create", "--spec", apart.toString())).as(readings.err()).isZero();
        assertThat(readings.out()).contains("epochs        1\n",
                "changed       align PT10M -> PT1M, examples.retention PT2160H -> PT216H");
        await("the broker knows what the controller did").atMost(Readings.PATIENCE)
                .untilAsserted(() -> assertThat(new KafkaTopics(admin, (short) 1).look(Set.of(log), true).get(log))
                        .isNotNull().satisfies(now -> assertThat(now.settings()).containsEntry("retention.ms",
                                "" + 9L * 24 * 3_600_000)));
        assertThat(run("streams", "resume", stream)).isEqualTo(2);
        assertThat(readings.err())
                .contains("stream " + stream + ": expected one that is paused, found one that is joined");
        assertThat(run("streams", "pause", stream, "--reason", "labels are wrong")).as(readings.err()).isZero();
        assertThat(readings.out()).contains("stage         live -> paused", ": labels are wrong");
        assertThat(run("streams", "pause", stream)).isEqualTo(2);
        assertThat(readings.err()).contains("that it is paused already, since 20");
        assertThat(run("streams", "resume", stream)).isZero();

        Path changed = file(stream + "-2.yaml", stream(stream, 40));
        assertThat(run("streams", "create", "--spec", changed.toString(), "--from", "12")).isEqualTo(2);
        assertThat(readings.err()).contains("--from: expected begin, or a time such as");
        assertThat(run("streams", "create", "--spec", changed.toString(), "--from", "2026-01-31T12:00:00Z"))
                .as(readings.err()).isZero();
        assertThat(readings.out()).contains("epochs        1 -> 1, 2");
        JsonNode shown = shown(stream);
        assertThat(shown.path("epoch").asInt()).isEqualTo(2);
        assertThat(shown.path("epochs").get(0).path("from").isNull()).isTrue();
        assertThat(shown.path("epochs").get(1).path("from").asText()).isEqualTo("2026-01-31T12:00:00Z");
        assertThat(shown.path("epochs").get(1).path("events").path("partitions").asInt()).isEqualTo(3);
        assertThat(shown.path("decisions")).extracting(each -> each.path("action").asText()).containsExactly("create",
                "create", "pause", "resume", "create");
        assertThat(shown.path("spec").asText()).contains("wait: PT40S");

        assertThat(run("streams", "list")).isZero();
        assertThat(readings.out())
                .containsPattern("\\n" + stream + " +live +2 +0 +" + stream + "-payments +" + stream + "-chargebacks");
        assertThat(run("streams", "show", stream)).isZero();
        assertThat(readings.out()).contains("; no joiner runs, all is read; models: none");

        assertThat(run("streams", "delete", stream, "--epoch", "3")).isEqualTo(2);
        assertThat(readings.err()).contains("expected an epoch that it has, found epoch 3; it has 1, 2");
        assertThat(run("streams", "delete", stream, "--epoch", "2", "--keep-data")).as(readings.err()).isZero();
        assertThat(readings.out()).contains("epochs        1, 2 -> 1", "deleted       nothing: kept on request");
        for (String deleted : List.of(topics.examples(stream, 1), "nothing")) {
            assertThat(run("streams", "delete", stream)).as(readings.err()).isZero();
            assertThat(readings.out()).contains("-> deleted".substring(deleted.equals("nothing") ? 3 : 0),
                    "deleted       " + deleted + System.lineSeparator());
        }
        assertThat(run("streams", "delete", stream, "--epoch", "2")).as(readings.err()).isZero();
        assertThat(readings.out()).contains("deleted       " + topics.examples(stream, 2));
        assertThat(run("streams", "show", stream)).isEqualTo(2);
        assertThat(readings.err()).contains("deleted it at ", "tidegrad streams create");
        assertThat(run("streams", "create", "--spec", changed.toString())).as(readings.err()).isZero();
        assertThat(readings.out()).contains("epochs        none -> 3");
    }

    @Test
    void aStreamWhoseTopicGotMorePartitionsSaysSo() {
        String stream = created("wider");
        get(admin.createPartitions(Map.of(stream + "-payments", NewPartitions.increaseTo(5))).all());
        await("the broker knows what the controller did").atMost(Readings.PATIENCE).untilAsserted(() -> {
            assertThat(run("streams", "list", stream)).isZero();
            assertThat(readings.out()).contains(stream + ": epoch 1, topic " + stream
                    + "-payments: expected 3 partitions, found 5; begin a new stream or epoch");
        });
    }

    private void send(String topic, int partition, String key, byte[] value) {
        send(new ProducerRecord<>(topic, partition, null, key.getBytes(UTF_8), value));
    }

    private void send(ProducerRecord<byte[], byte[]> record) {
        try {
            producer.send(record).get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private byte[] encoded(String topic, Schema schema, String of, long at, String field, Object value) {
        GenericData.Record record = new GenericData.Record(schema);
        record.put("id", of);
        record.put("at", at);
        record.put(field, value);
        return new AvroCodec(registry).encode(registry.register(topic + "-value", schema), record);
    }

    private byte[] payment(String stream, int i, long at) {
        return encoded(stream + "-payments", PAYMENT, "tx" + i, at, "a", (i % 7) / 7f);
    }

    private void write(String stream, int epoch, String key, byte[] value, Example example) {
        ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(topics.examples(stream, epoch), 0, key.getBytes(UTF_8), value);
        example.writeTo(record.headers());
        send(record);
    }

    /// Only labels are refused here.
    private void refuse(String stream, BruteForceJoin.DeadLetter letter) {
        assertThat(letter.reason()).isEqualTo(JoinOutput.Reason.ORPHAN_LABEL);
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topics.deadLetters(), 0, null, new byte[1]);
        record.headers().add(DeadLetter.REASON, letter.reason().code().getBytes(UTF_8))
                .add(DeadLetter.TOPIC, (stream + "-chargebacks").getBytes(UTF_8))
                .add(DeadLetter.PARTITION, Integer.toString(letter.at().partition()).getBytes(UTF_8))
                .add("tidegrad-offset", Long.toString(letter.at().offset()).getBytes(UTF_8))
                .add(DeadLetter.STREAM, stream.getBytes(UTF_8)).add("tidegrad-epoch", "1".getBytes(UTF_8));
        send(record);
    }

    private void tick(String stream, int epoch, long time) {
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topics.examples(stream, epoch), 0, null, null);
        record.headers().add(Tick.HEADER, Tick.headerValue(time));
        send(record);
    }

    /// As a joiner that has read everything.
    private void commitAll(String stream, int epoch) {
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        for (int i = 0; i < PARTITIONS; i++) {
            latest.put(new TopicPartition(stream + "-payments", i), OffsetSpec.latest());
        }
        for (int i = 0; i < 2; i++) {
            latest.put(new TopicPartition(stream + "-chargebacks", i), OffsetSpec.latest());
        }
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        get(admin.listOffsets(latest).all())
                .forEach((partition, end) -> offsets.put(partition, new OffsetAndMetadata(end.offset())));
        get(admin.alterConsumerGroupOffsets(topics.joinerApplicationId(stream, epoch), offsets).all());
    }

    @Test
    void aModelLearnsFromAStreamAsFromATopic(@TempDir Path state) {
        String stream = created("learned");
        String name = "of-stream-" + id;
        long now = System.currentTimeMillis();
        for (int i = 0; i < 200; i++) {
            String label = i % 7 > 3 ? "1" : "0";
            write(stream, 1, "tx" + i, payment(stream, i, now + i), new Example(Example.Kind.FINAL, label, null, 1,
                    new Example.Source(stream + "-payments", i % PARTITIONS, i), now + i, now + i));
        }
        Path spec = model(name, stream);
        assertThat(run("models", "create", "--spec", model("lost-" + id, "nowhere-" + id).toString())).isEqualTo(2);
        assertThat(readings.err()).contains("input.stream: expected the stream nowhere-" + id + ", found only ");
        try (TrainerApp trainer = readings.trainer(state, "--all-models")) {
            assertThat(run("models", "create", "--spec", spec.toString())).as(readings.err()).isZero();
            CommittedState learned = Readings.awaitLearned(trainer, name, 1, 200);
            assertThat(learned.version()).isEqualTo(200);
            assertThat(run("models", "list", name, "--json")).as(readings.err()).isZero();
            assertThat(readings.json().path("stream").asText()).isEqualTo(stream);
            assertThat(readings.json().path("stream_epoch").asInt()).isOne();
            assertThat(readings.json().path("topic").asText()).isEqualTo(topics.examples(stream, 1));
            assertThat(run("models", "list", name)).isZero();
            assertThat(readings.out()).contains(topics.examples(stream, 1) + " (stream " + stream + ", epoch 1)");
            assertThat(shown(stream).path("epochs").get(0).path("models").get(0).asText()).isEqualTo(name);
            assertThat(run("streams", "delete", stream)).isEqualTo(2);
            assertThat(readings.err())
                    .containsPattern("epoch 1 +no model that learns from it +" + name + " +delete them");

            // A new epoch is none of this model, and another one begins there.
            Path changed = file(stream + "-2.yaml", stream(stream, 40));
            assertThat(run("streams", "create", "--spec", changed.toString())).as(readings.err()).isZero();
            Path second = model("second-" + id, stream);
            assertThat(run("models", "create", "--spec", second.toString(), "--timeout", "0")).as(readings.err())
                    .isZero();
            assertThat(run("models", "list", "second-" + id, "--json")).isZero();
            assertThat(readings.json().path("stream_epoch").asInt()).isEqualTo(2);

            assertThat(run("models", "rollback", name, "--version", "" + learned.version(), "--resume-at", "base"))
                    .as(readings.err()).isZero();
            Readings.awaitLearned(trainer, name, 2, 200);
            assertThat(run("verify", "--model", name, "--json")).as(readings.err() + readings.out()).isZero();
            assertThat(readings.json().path("epoch").asInt()).isEqualTo(2);
        }
        assertThat(run("replay", "--model", name, "--json")).as(readings.err()).isZero();
        assertThat(readings.json().path("learned").asLong()).isEqualTo(200);
        // By the model's epoch of the stream, not by the newest.
        assertThat(run("replay", "--model", name, "--with-spec", spec.toString(), "--json")).as(readings.err())
                .isZero();
        assertThat(readings.json().path("learned").asLong()).isEqualTo(200);
        assertThat(run("replay", "--model", name, "--as", "kept-" + id, "--json")).as(readings.err()).isZero();
        assertThat(run("models", "list", "kept-" + id, "--json")).isZero();
        assertThat(readings.json().path("stream_epoch").asInt()).isOne();
        Path other = model("elsewhere-" + id, "other");
        assertThat(run("replay", "--model", name, "--with-spec", other.toString())).isEqualTo(2);
        assertThat(readings.err()).contains("found one that learns from the stream other");
    }

    private void writeExamples(String stream, int from, int to) {
        long now = System.currentTimeMillis();
        for (int i = from; i < to; i++) {
            write(stream, 1, "tx" + i, payment(stream, i, now + i), new Example(Example.Kind.FINAL,
                    i % 7 > 3 ? "1" : "0", null, 1, new Example.Source(stream + "-payments", 0, i), now + i, now + i));
        }
    }

    @LongProof("two trainers and a joiner")
    @Test
    void modelsOfOneStreamInTwoTrainersEachLearnAllOfIt(@TempDir Path state, @TempDir Path stateOfOther) {
        String stream = created("shared");
        deadLettersAsAJoinerCreatesThem(stream);
        List<String> names = List.of("one-" + id, "two-" + id, "three-" + id);
        List<String> specs = names.stream().map(name -> model(name, stream).toString()).toList();
        writeExamples(stream, 0, 60);
        try (TrainerApp trainer = readings.trainer(state, "--spec", specs.get(0), "--spec", specs.get(1));
                TrainerApp other = readings.trainer(stateOfOther, "--spec", specs.get(2))) {
            for (int examples : new int[]{60, 90}) {
                writeExamples(stream, 60, examples);
                for (String name : names) {
                    Readings.awaitLearned(names.indexOf(name) < 2 ? trainer : other, name, 1, examples);
                }
            }
        }
        for (String name : names) {
            assertThat(run("verify", "--model", name, "--json")).as(readings.err() + readings.out()).isZero();
        }
    }

    /// With room for an event, not for an example.
    private void deadLettersAsAJoinerCreatesThem(String stream) {
        KafkaTopics kafka = new KafkaTopics(admin, (short) 1);
        String events = stream + "-payments";
        String bytesMax = Objects.requireNonNull(kafka.look(Set.of(events), true).get(events)).settings()
                .get("max.message.bytes");
        kafka.createAgain(new KafkaTopics.Wanted(topics.deadLetters(), "delete",
                Integer.parseInt(Objects.requireNonNull(bytesMax)) + DeadLetter.ROOM_BYTES, Map.of()));
    }

    @LongProof("a joiner, and 12 rates tried")
    @Test
    void aTrainerRegistersAModelOfAStreamAndALearningRateIsFoundForIt(@TempDir Path state) {
        String stream = created("given");
        String name = "given-model-" + id;
        writeExamples(stream, 0, 120);
        Path spec = model(name, stream);
        deadLettersAsAJoinerCreatesThem(stream);
        try (TrainerApp trainer = readings.trainer(state, "--spec", spec.toString())) {
            assertThat(Readings.awaitLearned(trainer, name, 1, 120).version()).isEqualTo(120);
        }
        assertThat(run("lr-find", "--spec", spec.toString(), "--events", "100", "--json")).as(readings.err()).isZero();
    }

    @Test
    void examplesAreComparedWithWhatTheTopicsGive() {
        new KafkaTopics(admin, (short) 1).createAgain(
                new KafkaTopics.Wanted(topics.deadLetters(), "delete", 2_000_000, Map.of("retention.ms", "-1")));
        String stream = created("verified");
        StreamSpec spec = StreamSpec.parse(stream(stream, 30), "spec");
        long now = System.currentTimeMillis() - 500_000;
        List<Arrival> arrivals = new ArrayList<>();
        Map<Integer, Long> offsets = new HashMap<>();
        Map<String, byte[]> values = new HashMap<>();
        for (int i = 0; i < 40; i++) {
            long at = now + i * 1_000L;
            int partition = i % PARTITIONS;
            byte[] value = payment(stream, i, at);
            send(stream + "-payments", partition, "card" + i, value);
            values.put("tx" + i, value);
            long offset = offsets.merge(partition, 1L, Long::sum) - 1;
            arrivals.add(new Arrival.OfEvent("tx" + i,
                    new EventRecord(at, new Position(partition, offset), 1, new EventRecord.Content(value))));
        }
        for (int i = 0; i < 40; i += 4) { // some in time, some after their wait, the last of an event that never came
            long at = now + i * 1_000L + (i % 8 == 0 ? 5_000 : 50_000);
            String of = i == 36 ? "nobody" : "tx" + i;
            send(stream + "-chargebacks", i / 4 % 2, of,
                    encoded(stream + "-chargebacks", CHARGEBACK, of, at, "fraud", 1));
            arrivals.add(new Arrival.OfLabel(of, new LabelRecord(at, new Position(i / 4 % 2, i / 8), "1", null, null)));
        }
        send(stream + "-payments", 0, "card", "garbage".getBytes(UTF_8)); // a dead letter
        assertThat(run("verify", "--stream", stream)).isEqualTo(2);
        assertThat(readings.err()).contains("expected a joiner that has joined epoch 1, found no offsets of group p");

        // A joiner that has read nothing yet: nothing is known, which is not equality.
        TopicPartition first = new TopicPartition(stream + "-payments", 0);
        get(admin.alterConsumerGroupOffsets(topics.joinerApplicationId(stream, 1),
                Map.of(first, new OffsetAndMetadata(0))).all());
        assertThat(run("verify", "--stream", stream, "--json")).isEqualTo(75);
        assertThat(readings.json().path("equal").isNull()).isTrue();
        assertThat(readings.json().path("nothing_compared").asText()).contains("every id is left out");
        assertThat(run("verify", "--stream", stream)).isEqualTo(75);
        assertThat(readings.out()).containsPattern("nothing compared +every id is left out: ").doesNotContain("equal");

        List<Arrival> taken = new ArrayList<>(arrivals);
        taken.sort(Comparator.comparingLong(Arrival::time));
        taken.add(new Arrival.Tick(now + 300_000));
        BruteForceJoin.join(spec, taken).forEach((of, result) -> {
            result.examples().forEach(example -> write(stream, 1, of, Objects.requireNonNull(values.get(of)), example));
            result.deadLetters().forEach(letter -> refuse(stream, letter));
        });
        tick(stream, 1, now + 300_000);
        commitAll(stream, 1);
        assertThat(run("verify", "--stream", stream, "--json")).as(readings.err() + readings.out()).isZero();
        JsonNode equal = readings.json();
        assertThat(equal.path("ids").asLong()).isEqualTo(41);
        assertThat(equal.path("examples").asLong()).isEqualTo(44); // four labels came after the wait of their events
        assertThat(equal.path("rejected").asLong()).isOne();
        assertThat(equal.path("late").asLong() + equal.path("undecided").asLong() + equal.path("unsettled").asLong())
                .isZero();

        // Not read by the joiner yet: no difference.
        long later = now + 400_000;
        send(stream + "-payments", 1, "card", payment(stream, 99, later));
        assertThat(run("verify", "--stream", stream)).as(readings.out()).isZero();
        assertThat(readings.out()).contains("equal         44 examples of 41 ids",
                "left out      1 ids that have records which the joiner has not read yet");

        // Read, and its wait is over, and no example came; and another example came twice.
        commitAll(stream, 1);
        tick(stream, 1, later + 31_000);
        assertThat(run("verify", "--stream", stream)).isEqualTo(3);
        assertThat(readings.out()).contains("DIFFERENT     1 of 42 ids", "id            tx99", "found       no example",
                "expected    provisional 0 of " + stream + "-payments:1:13");
        Objects.requireNonNull(BruteForceJoin.join(spec, taken).get("tx8")).examples()
                .forEach(example -> write(stream, 1, "tx8", Objects.requireNonNull(values.get("tx8")), example));
        assertThat(run("verify", "--stream", stream, "--json")).isEqualTo(3);
        assertThat(readings.json().path("different").asLong()).isEqualTo(2);
        assertThat(readings.json().path("differences")).extracting(each -> each.path("id").asText())
                .containsExactly("tx8", "tx99");

        // The same with another label, or with the value of another event.
        send(stream + "-payments", 2, "card", payment(stream, 100, later));
        send(stream + "-payments", 2, "card", payment(stream, 101, later));
        commitAll(stream, 1);
        write(stream, 1, "tx100", payment(stream, 100, later), new Example(Example.Kind.PROVISIONAL, "1", null, 1,
                new Example.Source(stream + "-payments", 2, 13), later, later));
        write(stream, 1, "tx101", payment(stream, 100, later), new Example(Example.Kind.PROVISIONAL, "0", null, 1,
                new Example.Source(stream + "-payments", 2, 14), later, null));
        assertThat(run("verify", "--stream", stream)).isEqualTo(3);
        assertThat(readings.out()).contains("DIFFERENT     4 of 44 ids", "id            tx100",
                "found       provisional 1 of " + stream + "-payments:2:13", "id            tx101",
                "expected    the key, the value and the carried headers of the event");

        // A newer epoch, which nobody has joined yet, is another one.
        assertThat(run("streams", "create", "--spec", file(stream + "-2.yaml", stream(stream, 40)).toString()))
                .as(readings.err()).isZero();
        assertThat(run("verify", "--stream", stream)).isEqualTo(2);
        assertThat(readings.err()).contains("expected a joiner that has joined epoch 2");
        assertThat(run("verify", "--stream", stream, "--epoch", "3")).isEqualTo(2);
        assertThat(readings.err()).contains("expected an epoch that it has, found epoch 3; it has 1, 2");
        assertThat(run("verify", "--stream", stream, "--epoch", "1", "--json")).isEqualTo(3);
        assertThat(readings.json().path("epoch").asInt()).isOne();
        assertThat(readings.json().path("differences").get(1).path("id").asText()).isEqualTo("tx101");
        assertThat(readings.json().path("differences").get(1).path("altered").asBoolean()).isTrue();

        // By a part of the ids at a time.
        StreamState.Epoch epoch = StreamOverview.read(kafka(), topics, admin).epoch(stream, OptionalInt.of(1));
        StreamVerification.Result inPasses;
        try (RecordDecoder decoder = RecordDecoder.of(Map.of("schema.registry.url", SharedStack.get().registryUrl()))) {
            inPasses = StreamVerification.run(new StreamVerification.Options(kafka(), topics, epoch, 20), decoder,
                    admin, (pass, passes, records) -> {
                    });
        }
        assertThat(inPasses.passes()).isGreaterThan(3);
        assertThat(inPasses.ids()).isEqualTo(44);
        assertThat(inPasses.rejected()).isOne();
        assertThat(inPasses.differences()).extracting(StreamVerification.Difference::id)
                .containsExactlyInAnyOrder("tx8", "tx99", "tx100", "tx101");
    }

    @Test
    void anEventInJsonIsItsExample() {
        String stream = "json-" + id;
        topic(stream + "-payments", PARTITIONS, Map.of());
        Path spec = file(stream + ".yaml", """
                stream: %1$s
                events: { topic: %1$s-payments, event-time: at, format: json }
                label: fraud
                """.formatted(stream));
        assertThat(run("streams", "create", "--spec", spec.toString())).as(readings.err()).isZero();
        long now = System.currentTimeMillis();
        for (int i = 0; i < 30; i++) {
            int fraud = i % 2;
            byte[] value = "{\"at\":%d,\"fraud\":%d,\"card\":{\"a\":0.5}}".formatted(now + i, fraud).getBytes(UTF_8);
            send(stream + "-payments", i % PARTITIONS, "card" + i, value);
            write(stream, 1, i == 7 ? "card8" : "card" + i, value, new Example(Example.Kind.FINAL, "" + fraud, null, 1,
                    new Example.Source(stream + "-payments", i % PARTITIONS, i / PARTITIONS), now + i, now + i));
        }
        send(stream + "-payments", 0, "card", "no JSON".getBytes(UTF_8));
        Map<TopicPartition, OffsetAndMetadata> read = new HashMap<>();
        for (int i = 0; i < PARTITIONS; i++) {
            read.put(new TopicPartition(stream + "-payments", i), new OffsetAndMetadata(i == 0 ? 11 : 10));
        }
        get(admin.alterConsumerGroupOffsets(topics.joinerApplicationId(stream, 1), read).all());
        assertThat(run("verify", "--stream", stream, "--json")).as(readings.err()).isEqualTo(3);
        JsonNode result = readings.json();
        assertThat(result.path("ids").asInt()).isEqualTo(30);
        assertThat(result.path("rejected").asInt()).isOne();
        assertThat(result.path("differences")).hasSize(1);
        assertThat(result.path("differences").get(0).path("id").asText()).isEqualTo(stream + "-payments:1:2");
        assertThat(result.path("differences").get(0).path("altered").asBoolean()).isTrue();
    }

    @Test
    void aStreamAndItsModelAreRegisteredByTheSchemasOfTheirEvents(@TempDir Path state) {
        String stream = "schemas-" + id;
        topic(stream + "-payments", PARTITIONS, Map.of());
        topic(stream + "-chargebacks", 2, Map.of());
        int older = registry.register(stream + "-payments-value", PAYMENT);
        int newer = registry.register(stream + "-payments-value", new Schema.Parser().parse("""
                {"type": "record", "name": "Payment", "fields": [
                  {"name": "tx", "type": "string", "aliases": ["id"]}, {"name": "at", "type": "long"},
                  {"name": "amount", "type": "float", "aliases": ["a"]}]}
                """));
        String text = stream(stream, 30).replace("key: id, event-time: at }", "key: tx, event-time: at }");
        Path slip = file(stream + "-slip.yaml", text.replace("key: tx", "key: txx"));
        assertThat(run("streams", "create", "--spec", slip.toString())).isEqualTo(2);
        assertThat(readings.err()).contains("field 'txx': expected one of Payment (schema id " + newer + ")",
                "did you mean 'tx'?");
        Path spec = file(stream + ".yaml", text);
        assertThat(run("streams", "create", "--spec", spec.toString())).as(readings.err()).isZero();
        assertThat(shown(stream).path("spec").asText()).contains("schema: " + newer);
        // It says less than what was registered, and is the same.
        registry.register(stream + "-payments-value", PAYMENT_WITH_COUNTRY);
        assertThat(run("streams", "create", "--spec", spec.toString())).isEqualTo(2);
        assertThat(readings.err()).contains("a spec that changes something of epoch 1");

        String name = "by-schemas-" + id;
        assertThat(
                run("models", "create", "--spec", model("slip-" + id, stream, "amuont").toString(), "--timeout", "0"))
                .isEqualTo(2);
        assertThat(readings.err()).contains("field 'amuont': expected one of Payment", "did you mean 'amount'?");
        long now = System.currentTimeMillis();
        AvroCodec codec = new AvroCodec(registry);
        for (int i = 0; i < 20; i++) {
            GenericData.Record event = new GenericData.Record(PAYMENT);
            event.put("id", "tx" + i);
            event.put("at", now + i);
            event.put("a", i / 20f);
            write(stream, 1, "tx" + i, codec.encode(older, event), new Example(Example.Kind.FINAL, "" + i % 2, null, 1,
                    new Example.Source(stream + "-payments", 0, i), now + i, now + i));
        }
        try (TrainerApp trainer = readings.trainer(state, "--all-models")) {
            assertThat(run("models", "create", "--spec", model(name, stream, "amount").toString())).as(readings.err())
                    .isZero();
            assertThat(Readings.awaitLearned(trainer, name, 1, 20).version()).isEqualTo(20);
            assertThat(run("verify", "--model", name)).as(readings.out()).isZero();
        }
        assertThat(run("models", "show", name)).isZero();
        assertThat(readings.out()).contains("stream " + stream + ", epoch 1");
    }

    @Test
    void eitherAModelOrAStreamIsVerified() {
        assertThat(run("verify")).isEqualTo(2);
        assertThat(readings.err())
                .contains("--model: expected either a model or --stream with a stream, found neither");
        assertThat(run("verify", "--model", "m", "--stream", "s")).isEqualTo(2);
        assertThat(readings.err()).contains("found both");
    }
}
