package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class OwnSchemasTest {
    private final SchemaRegistry registry = new InMemorySchemaRegistry();
    private final AvroCodec codec = new AvroCodec(registry);

    static Stream<Schema> ownSchemas() {
        return Stream.of(ModelRecord.getClassSchema(), Progress.getClassSchema(), Comparison.getClassSchema(),
                Prediction.getClassSchema(), Verdict.getClassSchema());
    }

    @ParameterizedTest
    @MethodSource("ownSchemas")
    void everyFieldIsDocumented(Schema schema) {
        assertThat(schema.getDoc()).isNotBlank();
        for (Schema.Field field : schema.getFields()) {
            assertThat(field.doc()).as(schema.getName() + "." + field.name()).isNotBlank();
        }
    }

    @Test
    void aProgressRecordComesBackAsItWas() {
        Progress progress = Progress.newBuilder().setModel("flight-delay").setEpoch(1).setVersion(10_000)
                .setTime(Instant.ofEpochMilli(1_700_000_000_123L)).setLearned(10_000).setPending(3).setDeadLetters(2)
                .setLogLoss(0.42).setPriorLogLoss(0.51).setAccuracy(0.8).setAccuracyLast2000(0.81).setAuc(null)
                .setNextOffset(10_006).setEventTime(Instant.ofEpochMilli(980_000_000_000L))
                .setWeightsHash("ab".repeat(32)).setStateHash(null)
                .setLearner(LearnerHealth.newBuilder().setUpdates(9).setTensorsLeftOut(1).setLayersLeftOut(0)
                        .setTensors(List.of(TensorHealth.newBuilder().setName("1.weight").setPlace("network[0]")
                                .setWeights(6).setRead(6).setNotFinite(0).setNorm(0.5).setStep(1e-3).setChange(null)
                                .setLeast(-1f).setMost(2f).setHistogram(List.of(1, 5)).setRate(0.01).build()))
                        .setLayers(List.of(new DeadUnits("layer 2 (Relu)", "network[1]", 64, 3, 256L)))
                        .setPortfolio(List.of(new MemberWeight("steady", 1.0))).build())
                .build();
        byte[] bytes = codec.encode(registry.register("tidegrad.progress-value", progress.getSchema()), progress);

        assertThat(codec.decode(bytes, Progress.class)).isEqualTo(progress);
        GenericRecord generic = codec.decode(bytes);
        assertThat(generic.get("next_offset")).isEqualTo(10_006L);
        assertThat(generic.get("auc")).isNull();
    }

    /// A trainer and a console may be of different builds, either way round.
    @Test
    void progressOfABuildThatDidNotTellTheLearnersHealthIsReadAndSuchABuildReadsWhatIsWrittenNow() {
        Schema now = Progress.getClassSchema();
        Schema before = Schema.createRecord(now.getName(), now.getDoc(), now.getNamespace(), false,
                now.getFields().stream().filter(field -> !field.name().equals("learner"))
                        .map(field -> new Schema.Field(field, field.schema())).toList());
        assertThat(before.getFields()).hasSize(now.getFields().size() - 1);
        var record = new org.apache.avro.generic.GenericRecordBuilder(before).set("model", "m").set("epoch", 1)
                .set("version", 7L).set("time", 5L).set("learned", 7L).set("pending", 0L).set("dead_letters", 0L)
                .set("next_offset", 8L).set("weights_hash", "ab").build();
        Progress read = codec.decode(codec.encode(registry.register("before-value", before), record), Progress.class);
        assertThat(read.getLearner()).isNull();
        assertThat(read.getVersion()).isEqualTo(7);
        assertThat(SchemaCompatibility.checkReaderWriterCompatibility(before, now).getType())
                .isEqualTo(SchemaCompatibility.SchemaCompatibilityType.COMPATIBLE);
    }

    @Test
    void aPredictionComesBackAsItWas() {
        Prediction prediction = Prediction.newBuilder().setRequestId("r-1").setModel("digits").setEpoch(2)
                .setVersion(77).setOffset(78).setFreshnessMs(12).setProbabilities(List.of(0.25f, 0.75f))
                .setTime(Instant.ofEpochMilli(5)).build();
        byte[] bytes =
                codec.encode(registry.register("tidegrad.predictions-value", prediction.getSchema()), prediction);
        assertThat(codec.decode(bytes, Prediction.class)).isEqualTo(prediction);
    }

    @Test
    void aStageOfANewerWriterIsReadAsOneThatNeverAnswers() {
        String newer = ModelRecord.getClassSchema().toString().replace("\"RETIRED\"]", "\"RETIRED\",\"SHADOW\"]");
        Schema writer = new Schema.Parser().parse(newer);
        var record = new org.apache.avro.generic.GenericRecordBuilder(writer);
        for (Schema.Field field : writer.getFields()) {
            record.set(field, switch (field.schema().getType()) {
                case STRING -> "x";
                case INT -> 1;
                case LONG -> 1L;
                case ARRAY -> List.of();
                case UNION -> null;
                case ENUM -> new org.apache.avro.generic.GenericData.EnumSymbol(field.schema(), "SHADOW");
                default -> throw new AssertionError(field);
            });
        }
        int id = registry.register("tidegrad.models-value", writer);
        ModelRecord read = codec.decode(codec.encode(id, record.build()), ModelRecord.class);
        assertThat(read.getStage()).isEqualTo(Stage.CANDIDATE);
    }
}
