package io.tidegrad.loadtests;

import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/// Made-up clicks in the shape of Criteo's: 13 numbers, 26 categories of 3 to some 400,000 values, of which few are frequent,
/// and whether somebody clicked, which about a quarter did. Each is a function of its number.
///
/// The model is that of W5 (`bench.Workload`), with a table for each category: 16.8 million weights, of which an event
/// changes 26 rows of 16 by Adagrad.
final class Clicks {
    static final int ROWS = 200_000;

    private static final int NUMBERS = 13;
    private static final int CATEGORIES = 26;
    private static final long SEED = 42;

    static final Schema SCHEMA = schema();
    static final String SPEC =
            """
            model: clicks
            input: { topic: clicks }
            label: { field: clicked }
            features:
            %s
            network: [ dense: 128, relu, dense: 64, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adagrad: { rate: 0.01 } }
            mini-batch: { size: 1 }
            publish: { every: PT30S }
            seed: 42
            """.formatted(Stream
                    .concat(IntStream.range(0, NUMBERS).mapToObj(i -> "  - number: { field: n" + i + " }"),
                            IntStream.range(0, CATEGORIES)
                                    .mapToObj(i -> "  - category: { field: c" + i
                                            + ", buckets: 40330, dimension: 16, update: touched }"))
                    .collect(Collectors.joining("\n")));

    private Clicks() {}

    private static Schema schema() {
        SchemaBuilder.FieldAssembler<Schema> fields = SchemaBuilder.record("Click").fields();
        for (int i = 0; i < NUMBERS; i++) {
            fields.requiredFloat("n" + i);
        }
        for (int i = 0; i < CATEGORIES; i++) {
            fields.requiredString("c" + i);
        }
        return fields.requiredBoolean("clicked").endRecord();
    }

    static GenericRecord event(int index) {
        SplittableRandom random = new SplittableRandom(SEED + index);
        GenericData.Record event = new GenericData.Record(SCHEMA);
        double score = -0.4;
        for (int i = 0; i < NUMBERS; i++) {
            float number = (float) (random.nextInt(2_001) - 1_000) / 500;
            event.put(i, number);
            score += i % 4 == 0 ? number / 3 : 0;
        }
        for (int i = 0; i < CATEGORIES; i++) {
            double values = 3 * Math.pow(1.6, i); // 381,000 of the last
            int value = (int) Math.pow(values, random.nextDouble());
            event.put(NUMBERS + i, "%08x".formatted(value * 0x9e3779b1 + i));
            score += i % 3 == 0 && value % 2 == 0 ? 0.3 : -0.1;
        }
        event.put(NUMBERS + CATEGORIES, random.nextDouble() < 1 / (1 + Math.exp(-score)));
        return event;
    }
}
