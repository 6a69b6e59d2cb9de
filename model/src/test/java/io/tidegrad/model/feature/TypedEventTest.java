package io.tidegrad.model.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.spec.ModelSpec;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TypedEventTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: everything
                    input: { topic: events, event-time: at }
                    label: { field: late }
                    features:
                      - number: { field: distance, transform: log1p, missing: 3 }
                      - number: { field: code, missing: indicator }
                      - category: { field: code, buckets: 1048576, dimension: 1 }
                      - category: { field: origin, buckets: 4096, dimension: 1 }
                      - cross: { fields: [origin, code, flag], buckets: 4096, dimension: 1 }
                      - time-part: { field: at, parts: [hour, weekday] }
                      - pixels: { field: image, width: 2, height: 2, divide-by: 255 }
                      - categories: { field: words, count: 3, buckets: 64, dimension: 2 }
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    seed: 1
                    """, "test");

    private final Featurizer ofMaps = new Featurizer(SPEC);
    private final Featurizer ofTyped = new Featurizer(SPEC);
    private final TypedEvent typed = new TypedEvent("image", "distance", "words", "code", "origin", "at", "flag");

    @Test
    void rowsAreThoseOfTheSameValuesInAMap() {
        long seed = 815;
        Random random = new Random(seed);
        for (int i = 0; i < 2_000; i++) {
            Map<String, Object> fields = new HashMap<>();
            typed.clear();
            distance(random, fields);
            code(random, fields);
            if (random.nextBoolean()) {
                String origin = random.nextBoolean() ? "SFO" : "Zürich 🛫 " + random.nextInt();
                fields.put("origin", origin);
                typed.set(typed.field("origin"), new StringBuilder(origin));
            }
            if (random.nextBoolean()) {
                boolean flag = random.nextBoolean();
                fields.put("flag", flag);
                typed.set(typed.field("flag"), flag);
            }
            if (random.nextBoolean()) {
                Instant at = Instant.ofEpochMilli(random.nextLong(4_000_000_000_000L));
                fields.put("at", at);
                typed.set(typed.field("at"), at);
            }
            byte[] image = new byte[4];
            random.nextBytes(image);
            fields.put("image", image);
            typed.set(typed.field("image"), image);
            List<String> words = List.of("a", "b" + random.nextInt(9));
            fields.put("words", words);
            typed.set(typed.field("words"), words);
            assertSameRow("seed " + seed + ", event " + i, fields);
        }
    }

    private void distance(Random random, Map<String, Object> fields) {
        int handle = typed.field("distance");
        switch (random.nextInt(4)) {
            case 0 -> {
                double distance = random.nextDouble() * 1e4;
                fields.put("distance", distance);
                typed.set(handle, distance);
            }
            case 1 -> {
                int distance = random.nextInt(10_000);
                fields.put("distance", distance);
                typed.set(handle, distance);
            }
            case 2 -> {
                double distance = random.nextBoolean() ? Double.NaN : -2;
                fields.put("distance", distance);
                typed.set(handle, distance);
            }
            default -> {
            }
        }
    }

    /// A number that is a category too: its text is that of its own type.
    private void code(Random random, Map<String, Object> fields) {
        int handle = typed.field("code");
        switch (random.nextInt(5)) {
            case 0 -> {
                // Beyond 2^53 a double is another number.
                long code = 900_719_925_474_099L + random.nextInt();
                fields.put("code", code);
                typed.set(handle, code);
            }
            case 1 -> {
                float code = random.nextFloat();
                fields.put("code", code);
                typed.set(handle, code);
            }
            case 2 -> {
                double code = random.nextFloat();
                fields.put("code", code);
                typed.set(handle, code);
            }
            case 3 -> {
                double code = random.nextInt();
                fields.put("code", code);
                typed.set(handle, code);
            }
            default -> {
            }
        }
    }

    private void assertSameRow(String which, Map<String, Object> fields) {
        Row expected = ofMaps.newRow();
        Row found = ofTyped.newRow();
        Rejection refused = ofMaps.featurizeForScoring(new MapEvent(fields), expected);
        assertThat(ofTyped.featurizeForScoring(typed, found)).as(which).isEqualTo(refused);
        if (refused == null) {
            assertThat(found.numbers).as(which).isEqualTo(expected.numbers);
            assertThat(found.ids).as(which).isEqualTo(expected.ids);
        }
    }

    @Test
    void aWholeNumberBeyondADoublesIsItsOwnCategory() throws RejectedException {
        long code = (1L << 53) + 1;
        Numeral numeral = new Numeral();
        numeral.set(code);
        CanonicalText text = new CanonicalText().clear();
        text.appendValue("code", numeral);
        assertThat(new String(text.toBytes(), StandardCharsets.UTF_8)).isEqualTo("9007199254740993");
    }

    @Test
    void anotherSpecReadsItsOwnFieldsThroughTheSameHandles() {
        ModelSpec other = ModelSpec.parse("""
                        model: other
                        input: { topic: events }
                        label: { field: late }
                        features:
                          - number: { field: speed, missing: 7 }
                          - number: { field: distance }
                        network: [ dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: { sgd: { rate: 0.1 } }
                        seed: 1
                        """, "test");
        int distance = typed.field("distance");
        typed.set(distance, 5.0).set(typed.field("image"), new byte[4]);
        Row row = ofTyped.newRow();
        assertThat(ofTyped.featurizeForScoring(typed, row)).isNull();

        Featurizer featurizer = new Featurizer(other);
        Row another = featurizer.newRow();
        assertThat(featurizer.featurizeForScoring(typed.set(distance, 6.0), another)).isNull();
        assertThat(another.numbers).containsExactly(7, 6);

        assertThat(ofTyped.featurizeForScoring(typed.set(distance, 0.0), row)).isNull();
        assertThat(row.numbers[0]).isZero();
    }

    @Test
    void aNameThatIsNotThereIsToldWithTheOneThatWasMeant() {
        assertThatThrownBy(() -> typed.field("distnace")).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("expected a field of this event, found 'distnace'; did you mean 'distance'?");
        assertThatThrownBy(() -> new TypedEvent("a", "b", "a")).hasMessage("expected each field once, found 'a' twice");
    }
}
