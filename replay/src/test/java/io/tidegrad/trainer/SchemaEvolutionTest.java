package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.control.RegisteredModel;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.Verify;
import io.tidegrad.replay.VerifyOptions;
import io.tidegrad.replay.VerifyResult;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// The schema of a topic's events changes before, while and after a model is learned. What a field means in an event is
/// what was found out when the model was registered: no later schema, and no later alias, changes a bit.
class SchemaEvolutionTest extends TrainerFixture {
    private static final int PART = 200;

    private final Schema renamed = changed(TestLog.EVENT, "\"place\"", "\"spot\",\"aliases\":[\"place\"]");
    private final Schema more = changed(changed(renamed, "\"a\"", "\"alpha\",\"aliases\":[\"a\"]"), "\"over\"",
            "\"more\",\"type\":\"int\",\"default\":0},{\"name\":\"over\"");
    private final Schema elsewhere = changed(more, "\"spot\",\"type\":\"string\",\"aliases\":[\"place\"]",
            "\"where\",\"type\":\"string\",\"default\":\"\"");
    private int sent;

    SchemaEvolutionTest() {
        super(1);
    }

    private static Schema changed(Schema schema, String name, String by) {
        String before = schema.toString();
        String after = before.replace("\"name\":" + name, "\"name\":" + by);
        assertThat(after).isNotEqualTo(before);
        return new Schema.Parser().parse(after);
    }

    private int register(Schema schema) {
        return log.registry.register(log.topic + "-value", schema);
    }

    /// The next events of the fixed stream, by another schema: fields of other names have the same values.
    private void send(Schema schema) {
        int id = register(schema);
        AvroCodec codec = new AvroCodec(log.registry);
        for (int i = 0; i < PART; i++, sent++) {
            GenericRecord event = codec.decode(log.event(sent));
            GenericRecord record = new GenericData.Record(schema);
            for (Schema.Field field : schema.getFields()) {
                record.put(field.pos(), switch (field.name()) {
                    case "spot", "where" -> event.get("place");
                    case "alpha" -> event.get("a");
                    case "more" -> 1;
                    default -> event.get(field.name());
                });
            }
            log.send(log.event(codec.encode(id, record)));
        }
    }

    /// What a model learns of the log where each event is read by Avro's own reader, into the schema that was the newest
    /// when the model was registered.
    private TestLog.Fold byAvro(ModelSpec spec, Map<Integer, Schema> writers) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        EventFold fold = new EventFold(spec, model, value -> new MapEvent(fields(value, writers)));
        for (ConsumerRecord<byte[], byte[]> record : log.visible(log.topic)) {
            assertThat(fold.fold(record.value(), record.headers())).isEqualTo(new EventFold.Outcome.Accepted());
        }
        return new TestLog.Fold(0, 0, model.parameters().examples(), model.pending(), 0, List.of(), model.weightsHash(),
                model.stateHash(), 0);
    }

    private static Map<String, Object> fields(byte[] value, Map<Integer, Schema> writers) {
        Schema writer = Objects.requireNonNull(writers.get(AvroCodec.schemaId(value)));
        GenericRecord event;
        try {
            event = new GenericDatumReader<GenericRecord>(writer).read(null,
                    DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Map<String, Object> fields = new HashMap<>();
        put(fields, "at", event.get("at"));
        put(fields, "place",
                event.hasField("place") ? event.get("place") : event.hasField("spot") ? event.get("spot") : null);
        put(fields, "a", event.get(event.hasField("a") ? "a" : "alpha"));
        put(fields, "b", event.get("b"));
        put(fields, "over", event.get("over"));
        return fields;
    }

    private static void put(Map<String, Object> fields, String name, @Nullable Object value) {
        if (value != null) {
            fields.put(name, value);
        }
    }

    @Test
    @LongProof("several trainers start")
    void whatAnEventMeansIsWhatWasFoundOutWhenTheModelWasRegistered() {
        int first = register(TestLog.EVENT);
        int newest = register(renamed);
        log.send(0, PART);
        sent = PART;
        try (TrainerApp trainer = TrainerApp.start(log.config("--keep-snapshots", "1000"))) {
            awaitSettled(trainer, PART);
            send(renamed);
            awaitSettled(trainer, 2L * PART);
            send(more); // a schema that nobody knew when the model was registered, with a name and an alias of its own
            awaitSettled(trainer, 3L * PART);
        }
        ModelSpec spec = RegisteredModel.find(kafka(), log.topics(), log.model()).lineage().spec();
        assertThat(spec.input().reader()).isEqualTo(new ModelSpec.Reader.Of(newest));

        send(elsewhere); // the place is missing: no alias that counts leads to it
        TestLog.Fold expected = byAvro(spec,
                Map.of(first, TestLog.EVENT, newest, renamed, register(more), more, register(elsewhere), elsewhere));
        assertThat(expected.learned()).isEqualTo(4L * PART);
        register(changed(elsewhere, "\"where\"", "\"spot\",\"aliases\":[\"place\",\"where\"]")); // too late
        try (TrainerApp trainer = TrainerApp.start(log.config("--keep-snapshots", "1000"))) {
            CommittedState state = awaitSettled(trainer, 4L * PART);
            assertThat(Objects.requireNonNull(state.report()).stateHash()).isEqualTo(expected.stateHash());
            assertThat(state.accounts().deadLetters()).isZero();
        }
        assertThat(Replay.run(Replays.of(kafka(), registry(), log.prefix, log.model())).stateHash())
                .isEqualTo(expected.stateHash());
        VerifyResult verified =
                Verify.run(
                        new VerifyOptions(kafka(), registry(), log.prefix, log.model(), log.model(),
                                OptionalLong.empty(), Kernels.active(), 1),
                        VerifyTest.scorer(log, log.model()), ReplayProgress.Listener.NONE);
        assertThat(verified.difference()).isNull();
        assertThat(verified.weightsHash()).isEqualTo(expected.weightsHash());
    }
}
