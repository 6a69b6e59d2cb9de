package io.tidegrad.trainer.publish;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.WatchedField;
import java.io.ByteArrayOutputStream;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.junit.jupiter.api.Test;

/// What the record of progress tells of watched fields, from events to bytes.
class AvroFieldsTest {
    private static final String HOSTILE = "<img src=x onerror=alert(1)>";

    static {
        AvroCodec.trustOwnClasses();
    }

    private final SplittableRandom random = new SplittableRandom(3);

    /// Numbers n0, n1, … that may be missing, and one category of a name that means harm.
    private static OnlineModel model(int numbers) {
        StringBuilder features =
                new StringBuilder("  - category: { field: \"" + HOSTILE + "\", buckets: 64, dimension: 2 }\n");
        for (int i = 0; i < numbers; i++) {
            features.append("  - number: { field: n").append(i).append(", missing: indicator }\n");
        }
        return OnlineModel.initial(ModelSpec.parse("""
                model: watched
                input: { topic: events }
                label: { field: y }
                features:
                """ + features + """
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { sgd: { rate: 0.01 } }
                mini-batch: { size: 8 }
                """, "watched.yaml"), new ScalarKernels());
    }

    private void learn(OnlineModel model, int numbers, int events, List<String> missing) {
        Featurizer featurizer = new Featurizer(model.spec());
        Row row = featurizer.newRow();
        for (int i = 0; i < events; i++) {
            Map<String, Object> fields = new HashMap<>();
            fields.put("y", random.nextBoolean());
            fields.put(HOSTILE, "word " + random.nextInt(3));
            for (int number = 0; number < numbers; number++) {
                fields.put("n" + number, random.nextDouble());
            }
            missing.forEach(fields::remove);
            assertThat(featurizer.featurize(new MapEvent(fields), row)).isNull();
            assertThat(model.accept(row)).isNull();
        }
    }

    private static byte[] encoded(List<WatchedField> fields) {
        InMemorySchemaRegistry registry = new InMemorySchemaRegistry();
        Progress progress = Progress.newBuilder().setModel("watched").setEpoch(1).setVersion(1).setTime(Instant.EPOCH)
                .setLearned(1).setPending(0).setDeadLetters(0).setNextOffset(1).setWeightsHash("ab").setFields(fields)
                .build();
        return new AvroCodec(registry).encode(registry.register("progress-value", progress.getSchema()), progress);
    }

    private static WatchedField field(List<WatchedField> fields, String name) {
        return fields.stream().filter(each -> each.getField().equals(name)).findFirst().orElseThrow();
    }

    @Test
    void aFieldThatGoesMissingShowsAndTheOthersAreToldToo() {
        OnlineModel model = model(2);
        learn(model, 2, 16_000, List.of());
        List<WatchedField> well = AvroFields.of(model);
        assertThat(well).extracting(WatchedField::getField).containsExactly(HOSTILE, "n0", "n1");
        assertThat(well).allSatisfy(each -> {
            assertThat(Objects.requireNonNull(each.getMissing()).getNow()).isZero();
            assertThat(each.getMissing().getLasted()).isZero();
            assertThat(Objects.requireNonNull(each.getMissing().getMost())).isZero();
            assertThat(each.getLeak()).isNotNull();
        });

        learn(model, 2, 1_000, List.of("n1"));
        List<WatchedField> ill = AvroFields.of(model);

        assertThat(Objects.requireNonNull(field(ill, "n1").getMissing()).getNow()).isGreaterThan(0.9f);
        assertThat(field(ill, "n1").getMissing().getLasted()).isPositive();
        assertThat(Objects.requireNonNull(field(ill, "n0").getMissing()).getLasted()).isZero();
        assertThat(field(ill, "n0").getOutOfRange()).isNotNull();
        assertThat(field(ill, "n0").getUnseen()).isNull();
        assertThat(field(ill, HOSTILE).getUnseen()).isNotNull();
        assertThat(field(ill, HOSTILE).getOutOfRange()).isNull();
        assertThat(field(ill, "n0").getMedianBefore()).isBetween(0.4f, 0.6f);
        assertThat(ill).allSatisfy(each -> assertThat(each.getContribution()).isBetween(0f, 1f));
    }

    @Test
    void recordsStaySmallHoweverManyFieldsThereAre() {
        OnlineModel model = model(40);
        learn(model, 40, 17_000, List.of());
        assertThat(AvroFields.of(model)).hasSize(32);
        learn(model, 40, 16 * 33 * 4, List.of());

        List<WatchedField> fields = AvroFields.of(model);

        assertThat(fields).hasSize(32).allSatisfy(each -> assertThat(each.getContribution()).isNotNull());
        assertThat(encoded(fields).length - encoded(List.of()).length).isBetween(1_500, 3_000);
    }

    @Test
    void recordsOfTrainersThatKnowNoFieldsAreRead() throws Exception {
        Schema now = Progress.getClassSchema();
        Schema earlier = Schema.createRecord(now.getName(), now.getDoc(), now.getNamespace(), false,
                now.getFields().stream().filter(each -> !each.name().equals("fields"))
                        .map(each -> new Schema.Field(each, each.schema())).toList());
        GenericRecord record = new GenericRecordBuilder(earlier).set("model", "watched").set("epoch", 1)
                .set("version", 1L).set("time", 0L).set("learned", 9L).set("pending", 0L).set("dead_letters", 0L)
                .set("next_offset", 9L).set("weights_hash", "ab").build();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        new GenericDatumWriter<GenericRecord>(earlier).write(record, encoder);
        encoder.flush();

        Progress read = new SpecificDatumReader<Progress>(earlier, now, SpecificData.getForClass(Progress.class))
                .read(null, DecoderFactory.get().binaryDecoder(bytes.toByteArray(), null));
        assertThat(read.getFields()).isEmpty();
        assertThat(read.getLearned()).isEqualTo(9);

        Progress told = Progress.newBuilder(read).setFields(AvroFields.of(model(2))).build();
        bytes.reset();
        encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        new SpecificDatumWriter<>(Progress.class).write(told, encoder);
        encoder.flush();
        assertThat(new GenericDatumReader<GenericRecord>(now, earlier)
                .read(null, DecoderFactory.get().binaryDecoder(bytes.toByteArray(), null)).get("learned"))
                .isEqualTo(9L);
    }
}
