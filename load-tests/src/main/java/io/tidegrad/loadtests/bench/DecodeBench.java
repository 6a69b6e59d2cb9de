package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.FieldValues;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.FieldSelection;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.SchemaPaths;
import io.tidegrad.schemas.SchemaRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.jspecify.annotations.Nullable;

/// Decodes events in memory, in this JVM, and looks at some of their fields: by a plan as trainer and scorer do, or as
/// one does with Avro's reader.
final class DecodeBench {
    /// Set for the JVM of the rival.
    static final String BY_AVRO = "tidegrad.bench.by-avro";

    private static final int EVENTS = 1024; // half a megabyte

    /// A payment: five records of eight fields, of the types that such events have.
    private static final Schema SCHEMA = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "transaction", "type": {"type": "record", "name": "Transaction", "fields": [
                {"name": "id", "type": "string"},
                {"name": "number", "type": "long"},
                {"name": "amount", "type": "double"},
                {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR", "USD", "GBP"]}},
                {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                {"name": "authorized", "type": "boolean"},
                {"name": "channel", "type": "string"},
                {"name": "retries", "type": "int"}]}},
              {"name": "card", "type": {"type": "record", "name": "Card", "fields": [
                {"name": "id", "type": "string"},
                {"name": "bin", "type": "int"},
                {"name": "issuer", "type": "string"},
                {"name": "country", "type": "string"},
                {"name": "expires", "type": {"type": "int", "logicalType": "date"}},
                {"name": "limit", "type": "double"},
                {"name": "contactless", "type": "boolean"},
                {"name": "age", "type": "int"}]}},
              {"name": "merchant", "type": {"type": "record", "name": "Merchant", "fields": [
                {"name": "id", "type": "string"},
                {"name": "name", "type": "string"},
                {"name": "category", "type": "int"},
                {"name": "country", "type": ["null", "string"]},
                {"name": "city", "type": ["null", "string"]},
                {"name": "rating", "type": ["null", "float"]},
                {"name": "since", "type": {"type": "int", "logicalType": "date"}},
                {"name": "online", "type": "boolean"}]}},
              {"name": "device", "type": {"type": "record", "name": "Device", "fields": [
                {"name": "os", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "screen", "type": "int"},
                {"name": "latitude", "type": ["null", "double"]},
                {"name": "longitude", "type": ["null", "double"]},
                {"name": "network", "type": "string"},
                {"name": "trusted", "type": "boolean"},
                {"name": "seconds", "type": "long"}]}},
              {"name": "history", "type": {"type": "record", "name": "History", "fields": [
                {"name": "count", "type": "long"},
                {"name": "sum", "type": "double"},
                {"name": "mean", "type": "double"},
                {"name": "largest", "type": "double"},
                {"name": "declined", "type": "int"},
                {"name": "last", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                {"name": "days", "type": "float"},
                {"name": "share", "type": "float"}]}}]}""");

    private final Workload.Decoding workload;
    private final List<String> paths;
    private final byte[][] values = new byte[EVENTS][];
    private final @Nullable Object[] found;
    private final SchemaRegistry registry = new InMemorySchemaRegistry();
    private int next;

    DecodeBench(Workload.Decoding workload, int batch) {
        if (batch != 1) {
            throw new IllegalArgumentException(
                    "--batch: expected 1, as " + workload.name() + " takes event by event, found " + batch);
        }
        this.workload = workload;
        paths = workload.pathsOf(List.copyOf(SchemaPaths.of(SCHEMA)));
        found = new Object[paths.size()];
        AvroCodec codec = new AvroCodec(registry);
        int id = registry.register("payments-value", SCHEMA);
        Random random = new Random(Workload.SEED);
        for (int i = 0; i < EVENTS; i++) {
            values[i] = codec.encode(id, record(SCHEMA, random));
        }
    }

    private static GenericRecord record(Schema schema, Random random) {
        GenericRecord record = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
            record.put(field.pos(), value(field.schema(), random));
        }
        return record;
    }

    private static @Nullable Object value(Schema schema, Random random) {
        return switch (schema.getType()) {
            case RECORD -> record(schema, random);
            case UNION -> random.nextInt(4) == 0 ? null : value(schema.getTypes().getLast(), random);
            case STRING -> "abcdefghijklmnopqrstuvwxyz".substring(random.nextInt(12), 14 + random.nextInt(12));
            case ENUM -> new GenericData.EnumSymbol(schema,
                    schema.getEnumSymbols().get(random.nextInt(schema.getEnumSymbols().size())));
            case BOOLEAN -> random.nextBoolean();
            case INT -> random.nextInt(20_000);
            case LONG ->
                schema.getLogicalType() == null ? random.nextLong(1_000) : 1_795_000_000_000L + random.nextInt();
            case FLOAT -> random.nextFloat();
            case DOUBLE -> random.nextDouble();
            default -> throw new IllegalStateException("no field of a payment has the type " + schema.getType());
        };
    }

    List<Measurement> run(double seconds) {
        boolean byAvro = Boolean.getBoolean(BY_AVRO);
        Meter meter = new Meter();
        Meter.Window window = meter.measure(byAvro ? byAvro() : byPlan(), 1, byAvro, seconds);
        Measurement.Lines lines =
                new Measurement.Lines(workload.name(), 1, 1, byAvro ? Rival.AVRO.title() : Kernels.active().name(), "");
        return window.to(lines).all();
    }

    private byte[] next() {
        byte[] value = values[next];
        next = (next + 1) % EVENTS;
        return value;
    }

    private Meter.Steps byPlan() {
        AvroCodec codec = new AvroCodec(registry);
        FieldSelection selection = new FieldSelection(paths.stream().map(FieldPath::parse).toList(), null);
        FieldValues event = new FieldValues(paths);
        return steps -> {
            for (int i = 0; i < steps; i++) {
                event.begin();
                codec.read(next(), selection, event);
                event.get(paths, found);
            }
        };
    }

    private Meter.Steps byAvro() {
        GenericDatumReader<GenericRecord> reader = new GenericDatumReader<>(SCHEMA);
        List<List<String>> steps = new ArrayList<>();
        paths.forEach(path -> steps.add(List.of(path.split("\\."))));
        return new Meter.Steps() {
            private @Nullable BinaryDecoder decoder;

            @Override
            public void run(int count) {
                for (int i = 0; i < count; i++) {
                    byte[] value = next();
                    decoder = DecoderFactory.get().binaryDecoder(value, AvroCodec.HEADER_BYTES,
                            value.length - AvroCodec.HEADER_BYTES, decoder);
                    GenericRecord record = read(reader, decoder);
                    for (int path = 0; path < found.length; path++) {
                        found[path] = lookUp(record, steps.get(path));
                    }
                }
            }
        };
    }

    private static GenericRecord read(GenericDatumReader<GenericRecord> reader, BinaryDecoder decoder) {
        try {
            return reader.read(null, decoder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static @Nullable Object lookUp(GenericRecord record, List<String> names) {
        Object at = record;
        for (int i = 0; i < names.size() && at instanceof GenericRecord inner; i++) {
            at = inner.get(names.get(i));
        }
        return at;
    }
}
