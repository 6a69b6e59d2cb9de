package io.tidegrad.scorerapp.topic;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.control.ControlAction;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.ConfluentAvroDeserializer;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.scorer.TestControl;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// What can't be answered becomes a dead letter with its reason, its bytes untouched; and what would lose a request is
/// refused before the first is taken.
@Execution(ExecutionMode.CONCURRENT)
class RefusedRequestsTest {
    private static final String DISTANCES = "distances";
    private static final int PREDICTION_BYTES_MAX = 100_000;

    private record Sent(String reason, byte @Nullable [] key, byte @Nullable [] value, List<String> details) {
    }

    private final List<Sent> sent = new ArrayList<>();

    private void send(TopicScorerWorld world, String reason, byte @Nullable [] key, byte @Nullable [] value,
            @Nullable String model, String... details) {
        ProducerRecord<byte[], byte[]> request = new ProducerRecord<>(world.topics.requests(), 0, key, value);
        request.headers().add(TopicScorerWorld.NUMBER, TopicScorerWorld.bytes(Integer.toString(sent.size())));
        // As of a dead letter that is sent again: that is over.
        request.headers().add("tidegrad-reason", TopicScorerWorld.bytes("of-yesterday"));
        request.headers().add("tidegrad-epoch", TopicScorerWorld.bytes("1"));
        if (model != null) {
            request.headers().add(ModelChoice.HEADER, TopicScorerWorld.bytes(model));
        }
        world.producer.send(request);
        sent.add(new Sent(reason, key, value, List.of(details)));
    }

    private static byte[] flight(TopicScorerWorld world, String field, Object value) {
        SchemaBuilder.FieldAssembler<Schema> fields =
                SchemaBuilder.record("Flight").namespace("com.example.other").fields();
        fields = fields.requiredLong("departed").requiredString("origin");
        fields = fields.requiredString("destination");
        Schema schema =
                (value instanceof String ? fields.requiredString(field) : fields.requiredDouble(field)).endRecord();
        GenericRecord record = new GenericData.Record(schema);
        record.put("departed", 978_307_200_000L);
        record.put("origin", "SFO");
        record.put("destination", "JFK");
        record.put(field, value);
        return world.encoded(record);
    }

    private static final String FIXED_OF_2_GB = """
            {"type": "record", "name": "Fixed", "fields": [
              {"name": "x", "type": {"type": "fixed", "name": "Fx", "size": 2000000000}}]}
            """;

    /// Records of two fields each, both of the one within: 2^levels nulls, in no bytes at all.
    private static String doubling(int levels) {
        String leaf = "{\"type\": \"record\", \"name\": \"L0\", \"fields\": []}";
        for (int level = 1; level <= levels; level++) {
            leaf = """
                    {"type": "record", "name": "L%d", "fields": [
                      {"name": "a", "type": %s}, {"name": "b", "type": "L%d"}]}
                    """.formatted(level, leaf, level - 1);
        }
        return leaf;
    }

    private static byte[] hostile(TopicScorerWorld world, String schema, byte[] avro) {
        byte[] header = world.header(new Schema.Parser().parse(schema));
        byte[] value = Arrays.copyOf(header, header.length + avro.length);
        System.arraycopy(avro, 0, value, header.length, avro.length);
        return value;
    }

    /// Errs as no deserializer should, when the distance says so.
    public static final class Erring implements Deserializer<GenericRecord> {
        private final ConfluentAvroDeserializer sound = new ConfluentAvroDeserializer();

        @Override
        public void configure(Map<String, ?> config, boolean isKey) {
            sound.configure(config, isKey);
        }

        @Override
        public @Nullable GenericRecord deserialize(String topic, byte @Nullable [] value) {
            GenericRecord record = sound.deserialize(topic, value);
            Object distance = record == null ? null : record.get("distance");
            if (distance instanceof Double number) {
                switch (number.intValue()) {
                    case -1 -> throw new OutOfMemoryError("as tested");
                    case -2 -> throw new StackOverflowError("as tested");
                    case -3 -> throw new IllegalStateException("as tested");
                    default -> {
                        // A flight as any other.
                    }
                }
            }
            return record;
        }

        @Override
        public void close() {
            sound.close();
        }
    }

    @LongProof("a broker's answers one by one")
    @Test
    void aRequestThatErrsTwiceIsADeadLetterAndThoseBesideItAreAnswered() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(1).published()) {
            byte[] key = TopicScorerWorld.bytes("who");
            send(world, "", key, world.value(0), null);
            for (String error : new String[]{"OutOfMemoryError", "StackOverflowError", "IllegalStateException"}) {
                double distance = -1 - (sent.size() - 1) / 2;
                send(world, "internal", key, flight(world, "distance", distance), null,
                        "failed twice: " + error + ": as tested");
                send(world, "", key, world.value(0), null);
            }
            world.producer.flush();
            RequestsConfig ours = world.config(TopicScorerStack.bootstrapServers(), TopicScorerWorld.SHORT);
            TopicScorer topicScorer = world.start(
                    new RequestsConfig(ours.topics(), ours.requests(), ours.predictions(), Map.of(), ours.group(),
                            ours.kafka(),
                            new RegistrySettings(TopicScorerStack.registryUrl(),
                                    Map.of(RecordDecoder.DESERIALIZER, Erring.class.getName())),
                            -1),
                    TopicClients.KAFKA);
            world.awaitAnswered(topicScorer, 4);
            assertThat(topicScorer.status().deadLetters()).containsEntry("internal", 3L);
            world.awaitState(topicScorer, TopicScorerStatus.State.RUNNING);
            List<Sent> refused = sent.stream().filter(of -> !of.reason().isEmpty()).toList();
            List<ConsumerRecord<byte[], byte[]>> letters = world.all(world.topics.deadLetters());
            assertThat(letters).hasSameSizeAs(refused);
            for (int i = 0; i < letters.size(); i++) {
                assertThat(letters.get(i).value()).isEqualTo(refused.get(i).value());
                assertThat(TopicScorerWorld.text(letters.get(i), "tidegrad-reason")).isEqualTo("internal");
                assertThat(TopicScorerWorld.text(letters.get(i), "tidegrad-detail")).contains(refused.get(i).details());
            }
        }
    }

    @Test
    void aRequestThatCantBeAnsweredIsADeadLetterWithItsReasonAndTheNextIsAnswered() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(1).published()) {
            world.create(world.topics.predictions(), 2,
                    Map.of("max.message.bytes", Integer.toString(PREDICTION_BYTES_MAX)));
            world.routers.put(DISTANCES, world.follow(DISTANCES));
            try (TestPublisher other =
                    new TestPublisher(TopicScorerStack.bootstrapServers(), world.topics, DISTANCES).createTopic()) {
                other.publish(TestTrainer.ofDistances(DISTANCES).learn(10).publishFull());
            }
            byte[] key = TopicScorerWorld.bytes("who");
            byte[] good = world.value(3);
            String model = world.model;
            byte[] unknown = good.clone();
            Arrays.fill(unknown, 1, AvroCodec.HEADER_BYTES, (byte) 0x55);
            send(world, "null-value", key, null, model, "found a null value");
            send(world, "not-avro", key, new byte[]{0, 1}, model, "found 2");
            send(world, "not-avro", key, TopicScorerWorld.bytes("{\"a\": 1}"), model, "magic byte");
            send(world, "unknown-schema", key, unknown, model, "1431655765");
            send(world, "not-avro", key, Arrays.copyOf(good, good.length - 2), model, "byte");
            send(world, "not-avro", key, Arrays.copyOf(good, good.length + 1), model, "ends at");
            send(world, "wrong-type", key, flight(world, "distance", "far"), model, "distance", "far");
            send(world, "not-finite", key, flight(world, "distance", Double.NaN), model, "distance", "NaN");
            send(world, "not-avro", key, hostile(world, FIXED_OF_2_GB, new byte[15]), model,
                    "a fixed of 2000000000 bytes");
            send(world, "too-large", key, hostile(world, doubling(26), new byte[0]), model,
                    "a value of 5 bytes may take");
            send(world, "no-request-id", null, good, model, "found none");
            send(world, "no-request-id", new byte[0], good, model, "found none");
            send(world, "bad-request-id", new byte[]{'a', (byte) 0xff}, good, model, "2 bytes");
            send(world, "no-model-named", key, good, null, "flights", DISTANCES, "found none");
            send(world, "unknown-model", key, good, "fligths", "flights", "'fligths'");
            send(world, "prediction-too-large", new byte[PREDICTION_BYTES_MAX], good, model, "at most 100000 bytes");
            send(world, "", key, good, DISTANCES);
            send(world, "", key, good, model);
            world.producer.flush();
            TopicScorer topicScorer = world.start();
            world.awaitAnswered(topicScorer, 2);

            List<ConsumerRecord<byte[], byte[]>> letters = world.all(world.topics.deadLetters());
            assertThat(letters).hasSize(sent.size() - 2);
            Map<String, Long> counted = new HashMap<>();
            for (int i = 0; i < letters.size(); i++) {
                ConsumerRecord<byte[], byte[]> letter = letters.get(i);
                Sent of = sent.get(i);
                assertThat(TopicScorerWorld.text(letter, "tidegrad-reason"))
                        .as(TopicScorerWorld.text(letter, "tidegrad-detail")).isEqualTo(of.reason());
                assertThat(TopicScorerWorld.text(letter, "tidegrad-detail")).contains(of.details());
                assertThat(letter.key()).isEqualTo(of.key());
                assertThat(letter.value()).isEqualTo(of.value());
                assertThat(TopicScorerWorld.text(letter, TopicScorerWorld.NUMBER)).isEqualTo("" + i);
                assertThat(TopicScorerWorld.text(letter, "tidegrad-topic")).isEqualTo(world.topics.requests());
                assertThat(TopicScorerWorld.text(letter, "tidegrad-partition")).isEqualTo("0");
                assertThat(TopicScorerWorld.text(letter, "tidegrad-offset")).isEqualTo("" + i);
                assertThat(TopicScorerWorld.text(letter, "tidegrad-group")).isEqualTo(world.topics.requestsGroup());
                // A trainer takes dead letters with an epoch for facts about its log.
                assertThat(TopicScorerWorld.text(letter, "tidegrad-epoch")).isEmpty();
                counted.merge(of.reason(), 1L, Long::sum);
            }
            assertThat(TopicScorerWorld.text(letters.get(3), "tidegrad-schema-id")).isEqualTo("1431655765");
            assertThat(TopicScorerWorld.text(letters.get(3), "tidegrad-version"))
                    .as("no model has looked at what can't be read").isEmpty();
            assertThat(TopicScorerWorld.text(letters.get(6), "tidegrad-version")).isEqualTo(model + " 1.55");
            assertThat(topicScorer.status().deadLetters()).containsAllEntriesOf(counted);

            List<ConsumerRecord<byte[], byte[]>> predictions = world.all(world.topics.predictions());
            assertThat(predictions.stream().map(record -> world.prediction(record).getModel()))
                    .containsExactly(DISTANCES, model);
            assertThat(TopicScorerWorld.text(predictions.getFirst(), ModelChoice.HEADER)).isEqualTo(DISTANCES);
            assertThat(predictions)
                    .allSatisfy(record -> assertThat(TopicScorerWorld.text(record, "tidegrad-reason")).isEmpty());
        }
    }

    @LongProof("a broker's answers one by one")
    @Test
    void headersThatAreTooLongAreCutAndItIsSaid() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(1).published()) {
            ProducerRecord<byte[], byte[]> request =
                    new ProducerRecord<>(world.topics.requests(), TopicScorerWorld.bytes("id"), world.value(0));
            request.headers().add("trace", new byte[]{7}).add("long", new byte[70_000]);
            request.headers().add("after", new byte[]{8});
            world.producer.send(request).get();
            world.awaitAnswered(world.start(), 1);
            Header[] headers = world.all(world.topics.predictions()).getFirst().headers().toArray();
            assertThat(Arrays.stream(headers).map(Header::key)).containsExactly("trace", "after",
                    "tidegrad-headers-cut");
        }
    }

    @LongProof("a decision that has to arrive; that a deleted model does not answer is seen in ScorerFollowsDecisionsTest")
    @Test
    void requestsForAModelThatWasDeletedAreDeadLettersThatSayWhen() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(1).published();
                TestControl control =
                        new TestControl(TopicScorerStack.bootstrapServers(), world.topics).createTopic()) {
            TopicScorer topicScorer = world.start();
            world.ask(3);
            world.awaitAnswered(topicScorer, 3);
            control.decide(world.model, new ControlAction.Delete());
            world.awaitNothingServes();
            world.ask(2);
            world.awaitDeadLetters(topicScorer, 2);
            assertThat(world.all(world.topics.deadLetters())).allSatisfy(letter -> {
                assertThat(TopicScorerWorld.text(letter, "tidegrad-reason")).isEqualTo("model-deleted");
                assertThat(TopicScorerWorld.text(letter, "tidegrad-detail")).contains("by ops@here: as tested");
            });
        }
    }

    @Test
    void requestsThatWereDeletedBeforeTheyWereReadAreCountedAndTheRestIsAnswered() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(1).published()) {
            TopicScorer before = world.start();
            world.ask(10);
            world.awaitAnswered(before, 10);
            before.close();
            world.ask(10);
            world.deleteRequestsBefore(15);
            TopicScorer after = world.start();
            world.awaitAnswered(after, 5);
            assertThat(after.status().lost()).isEqualTo(5);
            assertThat(world.faults()).hasSize(5).allMatch(fault -> fault.endsWith("was answered 0 times"));
        }
    }

    // ---- topics ----

    @LongProof("many starts")
    @Test
    void aTopicThatWouldLoseRequestsOrAnswersIsRefusedWithTheRemedy() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(1).published()) {
            RequestsConfig good = world.config(TopicScorerStack.bootstrapServers(), TopicScorerWorld.SHORT);
            world.create("compacted-" + good.requests(), 1, Map.of("cleanup.policy", "compact"));
            assertThat(refusal(world, good, "compacted-" + good.requests(), good.predictions())).contains(
                    "expected cleanup.policy=delete, found compact", "compaction removes requests before they are read",
                    "--add-config cleanup.policy=delete");
            assertThat(refusal(world, good, good.requests(), "compacted-" + good.requests())).contains("found compact",
                    "keep one answer of an id that asked twice");
            assertThat(refusal(world, good, "misspelt", good.predictions())).contains(
                    "topic misspelt: expected the topic of requests, found none",
                    "only " + world.topics.requests() + " is created here");
            world.create(world.topics.deadLetters(), 1, Map.of("max.message.bytes", "1000000"));
            assertThat(refusal(world, good, good.requests(), good.predictions())).contains(
                    world.topics.deadLetters() + ": expected max.message.bytes of at least 1441792", "found 1000000");
        }
    }

    // ---- rights ----

    @Test
    @LongProof("a broker of its own")
    void aRightThatIsMissingIsNamedAndOnceItIsGivenRequestsAreAnswered() throws Exception {
        try (TopicScorerWorld world = new TopicScorerWorld(1).published()) {
            // All before the rights: who asks has others.
            world.ask(5);
            world.create(world.topics.predictions(), 1, Map.of());
            world.create(world.topics.deadLetters(), 1, Map.of("max.message.bytes", Integer.toString(2_000_000)));
            String group = world.topics.requestsGroup();
            world.allow(ResourceType.TOPIC, world.topics.requests(), AclOperation.READ, AclOperation.DESCRIBE_CONFIGS);
            world.allow(ResourceType.TOPIC, world.topics.deadLetters(), AclOperation.WRITE,
                    AclOperation.DESCRIBE_CONFIGS);
            // Reading is this test's.
            world.allow(ResourceType.TOPIC, world.topics.predictions(), AclOperation.READ,
                    AclOperation.DESCRIBE_CONFIGS);
            world.allow(ResourceType.GROUP, group, AclOperation.READ);
            world.allow(ResourceType.TRANSACTIONAL_ID, group, AclOperation.WRITE);
            TopicScorer topicScorer = world.start();
            world.awaitState(topicScorer, TopicScorerStatus.State.REFUSED);
            assertThat(topicScorer.refusal()).hasValueSatisfying(
                    why -> assertThat(why).contains("expected the right WRITE on topic " + world.topics.predictions()));
            world.allow(ResourceType.TOPIC, world.topics.predictions(), AclOperation.WRITE);
            world.awaitAnswered(topicScorer, 5);
            assertThat(world.faults()).isEmpty();
        }
    }

    private static String refusal(TopicScorerWorld world, RequestsConfig good, String requests, String predictions) {
        TopicScorer topicScorer = world.start(new RequestsConfig(good.topics(), requests, predictions, Map.of(),
                good.group(), good.kafka(), good.registry(), -1), TopicClients.KAFKA);
        world.awaitState(topicScorer, TopicScorerStatus.State.REFUSED);
        String refusal = topicScorer.refusal().orElse("");
        topicScorer.close();
        return refusal;
    }
}
