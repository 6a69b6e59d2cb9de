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
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;

/// Reads what a batch job has learned about numbers, such as scikit-learn's `StandardScaler`, as statistics of the
/// layers that standardise:
///
/// ```
/// { "count": 20000, "fields": { "amount": { "mean": 41.7, "deviation": 12.9 } … } }
/// ```
///
/// `count` is how many rows were seen (`n_samples_seen_`), `mean` and `deviation` are those of what the layer is given, after
/// `clip` and `transform` (`mean_`, `scale_`); the deviation is the population's. Each field with `scale: standard` is named
/// once, and no other one is.
record ScaleStatistics(Path file, JsonNode root) {
    private static final JsonMapper JSON =
            JsonMapper.builder(JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    /// A count up to which doubles hold every whole number.
    private static final long COUNT_MAX = 1L << 53;

    /// Returns each standardising layer's statistics by the name of its tensor in the engine.
    ///
    /// @param bytes what the file holds
    /// @throws InitialWeightsException the file is malformed, or names other fields than the spec standardises
    static Map<String, double[]> read(Path file, byte[] bytes, ModelSpec spec, Plan plan) {
        try {
            return new ScaleStatistics(file, JSON.readTree(bytes)).read(spec, plan);
        } catch (JsonProcessingException e) {
            throw InitialWeightsException.of(file, "JSON", e.getOriginalMessage());
        } catch (IOException e) {
            throw new IllegalStateException("bytes in memory can be read", e);
        }
    }

    private Map<String, double[]> read(ModelSpec spec, Plan plan) {
        JsonNode count = root.path("count");
        if (!count.isIntegralNumber() || !count.canConvertToLong() || count.longValue() < 2
                || count.longValue() > COUNT_MAX) {
            throw InitialWeightsException.of(file, "count: how many rows were seen, a whole number from 2 to 2^53",
                    count.isMissingNode() ? "none" : count.toString());
        }
        Map<Integer, String> fieldAt = fields(spec);
        TreeSet<String> wanted = new TreeSet<>(fieldAt.values());
        TreeSet<String> found = new TreeSet<>();
        root.path("fields").fieldNames().forEachRemaining(found::add);
        if (wanted.isEmpty() || !wanted.equals(found)) {
            throw InitialWeightsException.of(file, wanted.isEmpty() ? "a spec with a number of scale: standard"
                    : "fields: those that the spec gives scale: standard, " + wanted, found + ofRunning(spec));
        }
        if (wanted.size() < fieldAt.size()) {
            throw InitialWeightsException.of(file,
                    "a spec that standardises each field once, so that it is said which is " + "meant",
                    fieldAt.values() + "; write the statistics into the .safetensors file instead");
        }
        Map<String, double[]> statistics = new LinkedHashMap<>();
        add(plan.beforeLoss(), "", fieldAt, count.doubleValue(), statistics);
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
            JsonNode of = root.path("fields").path(field);
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
