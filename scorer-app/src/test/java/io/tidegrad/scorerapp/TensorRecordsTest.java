package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Tensors become the rows that the same records become when they come as records.
class TensorRecordsTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: photos
                    input: { topic: photos, event-time: stored }
                    label: { field: good }
                    features:
                      - number: { field: size, transform: log1p }
                      - number: { field: offset, missing: indicator }
                      - category: { field: camera, buckets: 64, dimension: 2 }
                      - cross: { fields: [camera, lens], buckets: 64, dimension: 2 }
                      - time-part: { field: taken, parts: [hour, month], dimension: 2 }
                      - category: { field: sold, buckets: 64, dimension: 2 }
                      - cyclic: { field: sold, part: month }
                      - cyclic: { field: angle, period: 360 }
                      - pixels: { field: image, width: 3, height: 2 }
                      - sequence: { field: track, steps: 3, width: 2, shorter: pad }
                      - sequence: { field: level, steps: 2 }
                      - categories: { field: words, count: 3, buckets: 64, dimension: 2 }
                      - bag: { field: tags, count: 3, buckets: 64, dimension: 2, weights: shares }
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    """, "test");

    private static final RecordFields FIELDS = new RecordFields(SPEC);

    private static List<Event> read(String inputs) {
        byte[] body = ("{\"inputs\": [" + inputs + "]}").getBytes(StandardCharsets.UTF_8);
        return new TensorRecords(FIELDS, field -> false).read(InferReader.read(body, false).inputs());
    }

    private static String tensor(String name, String shape, String type, String data) {
        return "{\"name\": \"%s\", \"shape\": %s, \"datatype\": \"%s\", \"data\": %s}".formatted(name, shape, type,
                data);
    }

    @Test
    void theMetadataNamesATensorForEachFieldThatAFeatureReads() {
        assertThat(FIELDS.inputs()).containsExactly(TensorInfo.of("size", TensorType.FP64),
                TensorInfo.of("offset", TensorType.FP64), TensorInfo.of("camera", TensorType.BYTES),
                TensorInfo.of("lens", TensorType.BYTES), TensorInfo.of("taken", TensorType.INT64),
                // Read as a category first, but also as a time.
                TensorInfo.of("sold", TensorType.INT64), TensorInfo.of("angle", TensorType.FP64),
                TensorInfo.of("image", TensorType.FP64, 2, 3), TensorInfo.of("track", TensorType.FP64, -1, 2),
                TensorInfo.of("level", TensorType.FP64, 2, 1), TensorInfo.of("words", TensorType.BYTES, -1),
                TensorInfo.of("tags", TensorType.BYTES, -1), TensorInfo.of("shares", TensorType.FP64, -1));
    }

    /// A field's values in all records, as the two requests write them.
    private record Column(String name, String type, List<Integer> element, List<String> values) {
        /// Of a record of `/v1`.
        String ofRecord(int record) {
            int width = element.stream().reduce(1, (a, b) -> a * b);
            List<String> own = values.subList(record * width, (record + 1) * width);
            return "\"%s\": %s".formatted(name,
                    element.isEmpty() ? own.getFirst() : "[" + String.join(", ", own) + "]");
        }

        String tensor(int records, boolean nested) {
            List<Integer> shape = new ArrayList<>();
            shape.add(records);
            shape.addAll(element);
            return TensorRecordsTest.tensor(name, shape.toString(), type,
                    nested ? nested(shape, 0, 0, values.size()) : "[" + String.join(", ", values) + "]");
        }

        private String nested(List<Integer> shape, int axis, int from, int to) {
            if (axis == shape.size()) {
                return values.get(from);
            }
            int step = (to - from) / shape.get(axis);
            return IntStream.range(0, shape.get(axis))
                    .mapToObj(i -> nested(shape, axis + 1, from + i * step, from + (i + 1) * step))
                    .collect(Collectors.joining(", ", "[", "]"));
        }
    }

    private static Column column(SplittableRandom random, int records, String name, List<Integer> element) {
        int count = records * element.stream().reduce(1, (a, b) -> a * b);
        String type = switch (name) {
            case "camera", "lens", "words", "tags" -> List.of("BYTES", "INT32", "BOOL", "FP64").get(random.nextInt(4));
            case "taken" -> List.of("BYTES", "INT64", "UINT64").get(random.nextInt(3));
            case "sold" -> "INT64";
            default -> List.of("FP64", "UINT8", "INT16").get(random.nextInt(3));
        };
        List<String> values = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            values.add(switch (name) {
                case "taken" -> type.equals("BYTES") ? "\"2001-0" + (1 + random.nextInt(9)) + "-01T08:30:00Z\""
                        : Long.toString(random.nextLong(1L << 40));
                case "sold" -> Long.toString(random.nextLong(1L << 40));
                default -> switch (type) {
                    case "BYTES" -> "\"\u00fc" + random.nextInt(100) + "\"";
                    case "BOOL" -> Boolean.toString(random.nextBoolean());
                    case "FP64" -> Double.toString(random.nextDouble() * 100);
                    default -> Integer.toString(random.nextInt(128));
                };
            });
        }
        return new Column(name, type, element, values);
    }

    @Test
    void aRecordHasTheSameRowWhicheverWayItComes() {
        long seed = Long.getLong("seed", 20_261_126L);
        System.out.println("random records: -Dseed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        Featurizer featurizer = new Featurizer(SPEC);
        Row expected = featurizer.newRow();
        Row found = featurizer.newRow();
        for (int round = 0; round < 500; round++) {
            int records = 1 + random.nextInt(4);
            int steps = 1 + random.nextInt(3);
            int tags = 1 + random.nextInt(3);
            List<Column> columns = new ArrayList<>();
            for (String name : List.of("size", "camera", "lens", "taken", "sold", "angle")) {
                columns.add(column(random, records, name, List.of()));
            }
            columns.add(column(random, records, "image", random.nextBoolean() ? List.of(2, 3) : List.of(6)));
            columns.add(column(random, records, "track", List.of(steps, 2)));
            columns.add(column(random, records, "level", List.of(2)));
            columns.add(column(random, records, "words", List.of(1 + random.nextInt(3))));
            columns.add(column(random, records, "tags", List.of(tags)));
            columns.add(column(random, records, "shares", List.of(tags)));
            if (random.nextBoolean()) {
                columns.add(column(random, records, "offset", List.of()));
            }
            boolean nested = random.nextBoolean();
            List<Event> asTensors = read(
                    columns.stream().map(column -> column.tensor(records, nested)).collect(Collectors.joining(", ")));
            byte[] body = IntStream.range(0, records)
                    .mapToObj(record -> columns.stream().map(column -> column.ofRecord(record))
                            .collect(Collectors.joining(", ", "{", "}")))
                    .collect(Collectors.joining(", ", "[", "]")).getBytes(StandardCharsets.UTF_8);
            List<Event> asRecords = new RecordReader(FIELDS, field -> false).read(body, body.length);
            assertThat(asTensors).hasSize(records);
            for (int record = 0; record < records; record++) {
                String what = "round " + round + " of seed " + seed;
                assertThat(featurizer.featurizeForScoring(asRecords.get(record), expected)).as(what).isNull();
                assertThat(featurizer.featurizeForScoring(asTensors.get(record), found)).as(what).isNull();
                assertThat(found.numbers).as(what).isEqualTo(expected.numbers);
                assertThat(found.ids).as(what).isEqualTo(expected.ids);
            }
        }
    }

    @Test
    void pixelsMayComeAsBytes() {
        String base64 = Base64.getEncoder().encodeToString(new byte[]{0, 1, 2, 3, 4, -1});
        Event event = read(tensor("image", "[1]", "BYTES", "[\"" + base64 + "\"]")).getFirst();
        assertThat(event.get("image")).isEqualTo(new byte[]{0, 1, 2, 3, 4, -1});
    }

    @Test
    void whatNoFeatureReadsIsCheckedForItsRecordsOnly() {
        String size = tensor("size", "[2]", "INT8", "[1, 2]");
        assertThat(read(size + ", " + tensor("good", "[2, 1]", "BOOL", "[true, false]"))).hasSize(2);
        assertThatThrownBy(() -> read(size + ", " + tensor("good", "[1]", "BOOL", "[true]")))
                .hasMessageContaining("as many records as input 'size', 2, found shape [1]");
    }

    @Test
    void saysWhichTensorDoesNotFit() {
        String size = tensor("size", "[2, 1]", "INT8", "[1, 2]");
        assertThat(read(size)).hasSize(2);
        assertThatThrownBy(() -> read(size + ", " + size))
                .hasMessageContaining("input 'size': expected one tensor of a name");
        assertThatThrownBy(() -> read(tensor("sise", "[1]", "INT8", "[1]")))
                .hasMessageContaining("no field 'sise' in this model; did you mean 'size'?");
        assertThatThrownBy(() -> read(tensor("size", "[1, 2]", "INT8", "[1, 2]")))
                .hasMessageContaining("input 'size': shape: expected one value a record, [1]");
        assertThatThrownBy(() -> read(tensor("image", "[1]", "BYTES", "[\"***\"]"))).hasMessageContaining("not base64");
        assertThatThrownBy(() -> read(tensor("image", "[1, 2]", "BYTES", "[\"AA==\", \"AA==\"]")))
                .hasMessageContaining("expected one value a record");
        assertThatThrownBy(() -> read(tensor("sold", "[2]", "BYTES", "[\"2001-01-01\", \"2001-01-01\"]")))
                .hasMessageContaining("expected epoch ms");
    }
}
