package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.CpuWatchdog;
import io.tidegrad.proof.Mutations;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.RandomData;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;

/// Damaged events of a schema with everything in it, through decoder, featurizer and model.
///
/// A run prints its seed; `-Dseed=…` repeats its choices, `-Dmutations=…` makes more of them.
class HostileBytesTest {
    private static final int MUTATIONS = Integer.getInteger("mutations", 400_000);

    private static final Schema EVENT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Event", "fields": [
                              {"name": "over", "type": ["int", "null", "boolean"]},
                              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                              {"name": "f", "type": ["null", "float", "double", "long", "string"]},
                              {"name": "s", "type": ["null", "string"]},
                              {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}},
                              {"name": "picture", "type": ["bytes",
                                {"type": "array", "items": ["float", "int", "null"]},
                                {"type": "fixed", "name": "X", "size": 4}]},
                              {"name": "more", "type": {"type": "map", "values":
                                {"type": "array", "items": ["string", "null"]}}},
                              {"name": "next", "type": ["null", "Event"], "default": null}]}
                            """);

    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: hostile
                    input: { topic: t, event-time: at }
                    label: { field: over }
                    features:
                      - number: { field: f, scale: standard }
                      - category: { field: s, buckets: 64, dimension: 2 }
                      - cross: { fields: [s, e], buckets: 64, dimension: 2 }
                      - time-part: { field: at, parts: [hour, weekday] }
                      - pixels: { field: picture, width: 2, height: 2 }
                    network: [ dense: 4, relu, dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { adam: { rate: 0.01 } }
                    mini-batch: { size: 4 }
                    """, "test spec");

    private static final Headers NONE = new RecordHeaders();

    private final long seed = Long.getLong("seed", System.nanoTime());

    @Test
    void damagedBytesAreLearnedOrRefusedWithAReasonAndARefusalChangesNothing() {
        System.out
                .println("seed " + seed + " · rerun: mvn -pl trainer-app test -Dtest=HostileBytesTest -Dseed=" + seed);
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", "mock://hostile-bytes"))) {
            AvroCodec codec = new AvroCodec(registry);
            int id = registry.register("t-value", EVENT);
            List<byte[]> good = new ArrayList<>();
            for (Object event : new RandomData(EVENT, 200, seed, true)) {
                GenericRecord record = (GenericRecord) event;
                record.put("over", good.size() % 2);
                record.put("at", TestLog.START * 1_000);
                record.put("f", 0.25f * good.size());
                record.put("picture", ByteBuffer.wrap(new byte[]{1, 2, 3, 4}));
                good.add(codec.encode(id, record));
            }
            EventFold attacked = fold(codec);
            EventFold spared = fold(codec); // sees only what the other one took
            // Stream time needs support before it can call an event implausible.
            for (byte[] value : good) {
                assertThat(attacked.fold(value, NONE)).isEqualTo(new EventFold.Outcome.Accepted());
                assertThat(spared.fold(value, NONE)).isEqualTo(new EventFold.Outcome.Accepted());
            }
            Mutations mutations = new Mutations(seed);
            Map<Rejection.Reason, Integer> reasons = new EnumMap<>(Rejection.Reason.class);
            int accepted = 0;
            try (CpuWatchdog watchdog = new CpuWatchdog(Duration.ofSeconds(5), i -> "input " + i + ", seed " + seed)) {
                for (int i = 0; i < MUTATIONS; i++) {
                    watchdog.begin(i);
                    byte[] value = mutations.of(good.get(i % good.size()));
                    EventFold.Outcome outcome = attacked.fold(value, NONE);
                    switch (outcome) {
                        case EventFold.Outcome.Accepted() -> {
                            accepted++;
                            assertThat(spared.fold(value, NONE)).isEqualTo(outcome);
                        }
                        case EventFold.Outcome.Rejected(var rejection, var schemaId) -> {
                            assertThat(rejection.detail()).isNotBlank();
                            reasons.merge(rejection.reason(), 1, Integer::sum);
                            // A run of events ahead of stream time may be a true gap: it is
                            // counted.
                            if (rejection.reason() == Rejection.Reason.FUTURE_TIME) {
                                assertThat(spared.fold(value, NONE)).isEqualTo(outcome);
                            }
                        }
                        case EventFold.Outcome.Ticked() -> throw new AssertionError("a tick without its header");
                    }
                }
            }
            System.out.println(accepted + " accepted, refused " + reasons);
            assertThat(accepted).isPositive();
            assertThat(reasons).containsKeys(Rejection.Reason.NOT_AVRO, Rejection.Reason.UNKNOWN_SCHEMA);
            assertThat(attacked.model().stateHash()).isEqualTo(spared.model().stateHash());
        }
    }

    private static EventFold fold(AvroCodec codec) {
        return new EventFold(SPEC, OnlineModel.initial(SPEC, new ScalarKernels()), ValueDecoder.avro(SPEC, codec));
    }
}
