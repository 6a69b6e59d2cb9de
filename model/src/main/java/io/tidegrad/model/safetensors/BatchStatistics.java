package io.tidegrad.model.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Reads what a batch job has learned about numbers, such as scikit-learn's `StandardScaler`, as statistics of the
/// layers that standardise, and which values its tables have rows for, as entries of vocabularies:
///
/// ```
/// { "count": 20000, "fields": { "amount": { "mean": 41.7, "deviation": 12.9 } … },
///   "vocabularies": { "campaign": [ ["spring", 812], ["autumn", 340] … ] } }
/// ```
///
/// `count` is how many rows were seen (`n_samples_seen_`), `mean` and `deviation` are those of what the layer is given, after
/// `clip` and `transform` (`mean_`, `scale_`); the deviation is the population's. Each field with `scale: standard` is named
/// once, and no other one is. A vocabulary's first value has row 1 of the table, the next one row 2; row 0 is that of all
/// others. Beside it stands how often it was seen. Each field with a vocabulary is named. Either of the two may be left out as
/// a whole.
record BatchStatistics(Path file, JsonNode root) {
    private static final String COUNT = "count";
    private static final String FIELDS = "fields";
    private static final String VOCABULARIES = "vocabularies";

    private static final JsonMapper JSON =
            JsonMapper.builder(JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    /// A count up to which doubles hold every whole number.
    private static final long COUNT_MAX = 1L << 53;

    /// What the file holds, by the names of tensors in the engine.
    ///
    /// @param statistics of each layer that standardises; none if the file has no fields
    /// @param vocabularies of each layer of that kind; none if the file has none
    record Contents(Map<String, double[]> statistics, Map<String, Entries> vocabularies) {
    }

    /// @param count how many values have a row
    /// @param table the vocabulary's entries
    record Entries(int count, float[] table) {
    }

    /// @param bytes what the file holds
    /// @throws InitialWeightsException the file is malformed, or names other fields than the spec has
    static Contents read(Path file, byte[] bytes, ModelSpec spec, Plan plan) {
        try {
            return new BatchStatistics(file, JSON.readTree(bytes)).read(spec, plan);
        } catch (JsonProcessingException e) {
            throw InitialWeightsException.of(file, "JSON", e.getOriginalMessage());
        } catch (IOException e) {
            throw new IllegalStateException("bytes in memory can be read", e);
        }
    }

    private Contents read(ModelSpec spec, Plan plan) {
        TreeSet<String> keys = new TreeSet<>();
        root.fieldNames().forEachRemaining(keys::add);
        keys.removeAll(List.of(COUNT, FIELDS, VOCABULARIES));
        if (!keys.isEmpty()) {
            throw InitialWeightsException.of(file, "the keys count, fields and vocabularies", String.join(", ", keys));
        }
        JsonNode count = root.path(COUNT);
        if (!count.isIntegralNumber() || !count.canConvertToLong() || count.longValue() < 2
                || count.longValue() > COUNT_MAX) {
            throw InitialWeightsException.of(file, "count: how many rows were seen, a whole number from 2 to 2^53",
                    count.isMissingNode() ? "none" : count.toString());
        }
        Map<String, double[]> statistics =
                root.has(FIELDS) || !root.has(VOCABULARIES) ? statistics(spec, plan, count.doubleValue()) : Map.of();
        return new Contents(statistics,
                root.has(VOCABULARIES) ? vocabularies(spec, plan, count.longValue()) : Map.of());
    }

    private TreeSet<String> namesIn(String key) {
        TreeSet<String> names = new TreeSet<>();
        root.path(key).fieldNames().forEachRemaining(names::add);
        return names;
    }

    private Map<String, double[]> statistics(ModelSpec spec, Plan plan, double count) {
        Map<Integer, String> fieldAt = fields(spec);
        TreeSet<String> wanted = new TreeSet<>(fieldAt.values());
        TreeSet<String> found = namesIn(FIELDS);
        if (wanted.isEmpty() || !wanted.equals(found)) {
            throw InitialWeightsException.of(file, wanted.isEmpty() ? "a spec with a number of scale: standard"
                    : "fields: those that the spec gives scale: standard, " + wanted, found + ofRunning(spec));
        }
        if (wanted.size() < fieldAt.size()) {
            throw InitialWeightsException.of(file,
                    "a spec that standardises each field once, so that it is said which is meant",
                    fieldAt.values() + "; write the statistics into the .safetensors file instead");
        }
        Map<String, double[]> statistics = new LinkedHashMap<>();
        add(plan.beforeLoss(), "", fieldAt, count, statistics);
        return statistics;
    }

    private static String ofRunning(ModelSpec spec) {
        for (Feature feature : spec.features()) {
            if (feature instanceof Feature.Number number && number.scale() instanceof Feature.Scale.Running) {
                return "; the statistics of scale: running are more than a mean and a deviation: write them into the"
                        + " .safetensors file";
            }
        }
        return "";
    }

    private Map<String, Entries> vocabularies(ModelSpec spec, Plan plan, long count) {
        TreeMap<String, Integer> keyAt = new TreeMap<>();
        for (int i = 0; i < spec.features().size(); i++) {
            if (spec.features().get(i) instanceof Feature.Vocabulary vocabulary) {
                keyAt.put(vocabulary.field(), spec.layout().idAt(i));
            }
        }
        TreeSet<String> found = namesIn(VOCABULARIES);
        if (keyAt.isEmpty() || !keyAt.keySet().equals(found)) {
            throw InitialWeightsException.of(file, keyAt.isEmpty() ? "a spec with a vocabulary, or no " + VOCABULARIES
                    : VOCABULARIES + ": the fields of those in the spec, " + keyAt.keySet(), found.toString());
        }
        Map<String, Entries> entries = new LinkedHashMap<>();
        keyAt.forEach((field, at) -> {
            List<Vocabulary.Value> values = values(field, count);
            add(plan.beforeLoss(), "", field, at, values, entries);
        });
        return entries;
    }

    /// Of all layers that keep the field's values, those of a recipe's members among them.
    private void add(Layer layer, String path, String field, int keyAt, List<Vocabulary.Value> values,
            Map<String, Entries> to) {
        if (layer instanceof Vocabulary vocabulary && vocabulary.keyAt() == keyAt) {
            if (values.size() > vocabulary.capacity()) {
                throw InitialWeightsException.of(file,
                        field + ": at most " + vocabulary.capacity() + " values, the capacity of its vocabulary",
                        values.size() + "; raise the capacity, or leave out values that came seldom");
            }
            to.put((path.isEmpty() ? "" : path + ".") + "vocabulary",
                    new Entries(values.size(), vocabulary.entriesOf(values)));
        }
        for (int i = 0; i < layer.layers().size(); i++) {
            add(layer.layers().get(i), layer.place(path, i), field, keyAt, values, to);
        }
    }

    private List<Vocabulary.Value> values(String field, long rows) {
        JsonNode list = root.path(VOCABULARIES).path(field);
        if (!list.isArray()) {
            throw InitialWeightsException.of(file, field + ": a list of values, each with how often it was seen, like"
                    + " [[\"spring\", 812], [\"autumn\", 340]]", list.toString());
        }
        List<Vocabulary.Value> values = new ArrayList<>();
        Map<Long, Integer> places = new HashMap<>();
        long seen = 0;
        for (int i = 0; i < list.size(); i++) {
            JsonNode pair = list.get(i);
            JsonNode times = pair.path(1);
            if (pair.size() != 2 || !times.canConvertToLong() || !times.isIntegralNumber() || times.longValue() < 1) {
                throw InitialWeightsException.of(file, field + "[" + i + "]"
                        + ": the value and how often it was seen, a whole number from 1 on, like [\"spring\", 812]",
                        pair.toString());
            }
            long key = Featurizer.vocabularyKey(field, value(field, i, pair.get(0)));
            Integer earlier = places.putIfAbsent(key, i);
            if (earlier != null) {
                throw InitialWeightsException.of(file, field + "[" + i + "]: each value once",
                        pair.get(0) + ", which is " + field + "[" + earlier + "] already");
            }
            seen += times.longValue();
            values.add(new Vocabulary.Value((int) (key >>> 32), (int) key, times.longValue()));
        }
        if (seen < 0 || seen > rows) {
            throw InitialWeightsException.of(file,
                    field + ": values that were seen " + rows + " times together, the count of all rows, at most",
                    seen + " times");
        }
        return values;
    }

    /// What an event would have in the field.
    private @Nullable Object value(String field, int index, JsonNode value) {
        if (value.isNull()) {
            return null;
        }
        if (value.isTextual()) {
            return value.textValue();
        }
        if (value.isBoolean()) {
            return value.booleanValue();
        }
        if (value.isIntegralNumber() && value.canConvertToLong()) {
            return value.longValue();
        }
        if (value.isNumber() && Double.isFinite(value.doubleValue())) {
            return value.doubleValue();
        }
        throw InitialWeightsException.of(file,
                field + "[" + index + "]: a text, a finite number, true, false, or null for a missing one",
                value.toString());
    }

    /// Returns the field of each standardised column of the row.
    private static Map<Integer, String> fields(ModelSpec spec) {
        Map<Integer, String> fieldAt = new HashMap<>();
        for (int i = 0; i < spec.features().size(); i++) {
            if (spec.features().get(i) instanceof Feature.Number number
                    && number.scale() instanceof Feature.Scale.Standard) {
                fieldAt.put(spec.layout().numberAt(i), number.field());
            }
        }
        return fieldAt;
    }

    private void add(Layer layer, String path, Map<Integer, String> fieldAt, double count, Map<String, double[]> to) {
        List<Layer> inner = layer.layers();
        for (int i = 0; i < inner.size(); i++) {
            String place = layer.place(path, i);
            if (i > 0 && inner.get(i) instanceof Standardise && inner.get(i - 1) instanceof Numbers numbers) {
                to.put(place + ".statistics", statistics(numbers, fieldAt, count));
            }
            add(inner.get(i), place, fieldAt, count, to);
        }
    }

    /// A count, then means, then sums of squared differences, as `Standardise` has them.
    private double[] statistics(Numbers numbers, Map<Integer, String> fieldAt, double count) {
        double[] statistics = new double[1 + 2 * numbers.count()];
        statistics[0] = count;
        for (int i = 0; i < numbers.count(); i++) {
            String field = Objects.requireNonNull(fieldAt.get(numbers.from() + i));
            JsonNode of = root.path(FIELDS).path(field);
            double deviation = number(of, field, "deviation", 0);
            statistics[1 + i] = number(of, field, "mean", Double.NEGATIVE_INFINITY);
            statistics[1 + numbers.count() + i] = deviation * deviation * count;
        }
        return statistics;
    }

    private double number(JsonNode of, String field, String key, double least) {
        JsonNode value = of.path(key);
        if (!value.isNumber() || !Double.isFinite(value.doubleValue()) || value.doubleValue() < least) {
            throw InitialWeightsException.of(file,
                    field + ": " + key + ", a finite number" + (least == 0 ? " from 0 on" : ""),
                    value.isMissingNode() ? "none" : value.toString());
        }
        return value.doubleValue();
    }
}
