package io.tidegrad.loadtests;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.tidegrad.localstack.Json;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/// What was found, as data: names that end in their unit (`p50_ms`), each with a number, a word or all samples. A line
/// of JSON and a table are two views of it.
public final class Result {
    private static final ObjectMapper JSON = new ObjectMapper();

    /// Ends the names of lists of samples, one a repetition.
    private static final String ALL = "_all";

    private static final int HASH_LENGTH = 64;
    private static final int HASH_SHOWN = 12;

    private final ObjectNode values;

    private Result(ObjectNode values) {
        this.values = values;
    }

    public Result() {
        this(JSON.createObjectNode());
    }

    /// @throws LoadTestException the line is no JSON
    public static Result parse(String json) {
        try {
            return new Result(JSON.readValue(json, ObjectNode.class));
        } catch (JsonProcessingException e) {
            throw new LoadTestException("expected a line of JSON, found " + json, e);
        }
    }

    /// @param value a number, a word, a truth, or samples
    public Result put(String name, Object value) {
        values.set(name, JSON.valueToTree(value));
        return this;
    }

    /// Adds all samples, and their median.
    public Result samples(String name, double... samples) {
        return put(name, Spread.of(samples).median()).put(name + ALL, samples);
    }

    /// Adds p50 and p99, by nearest rank, and the maximum.
    ///
    /// @param sorted milliseconds
    Result percentiles(String prefix, double... sorted) {
        for (int percent : new int[]{50, 99}) {
            put(prefix + "p" + percent + "_ms", sorted[(int) Math.ceil(percent * 0.01 * sorted.length) - 1]);
        }
        return put(prefix + "max_ms", sorted[sorted.length - 1]);
    }

    /// NaN if there is no number of this name.
    public double number(String name) {
        return Json.number(values, name);
    }

    /// Empty if there is no word of this name.
    public String word(String name) {
        return values.path(name).asText();
    }

    /// All names, in the order in which they were put.
    public List<String> names() {
        List<String> names = new ArrayList<>();
        values.fieldNames().forEachRemaining(names::add);
        return names;
    }

    /// The samples of a name that ends in `_all`; none if it is no list.
    public double[] all(String name) {
        return StreamSupport.stream(values.path(name).spliterator(), false).mapToDouble(JsonNode::asDouble).toArray();
    }

    /// A copy that lacks some names.
    public Result without(Collection<String> names) {
        return new Result(values.deepCopy().without(names));
    }

    public String json() {
        return values.toString();
    }

    /// A line of JSON for each.
    public static String json(List<Result> results) {
        return results.stream().map(result -> result.json() + "\n").collect(Collectors.joining());
    }

    /// A table with a row for each result; with a column for each where there are more names than results. Samples are
    /// shown as their median and range.
    public static String text(List<Result> results) {
        List<List<String>> rows = rows(results);
        StringBuilder text = new StringBuilder();
        for (List<String> cells : rows) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < cells.size(); column++) {
                int at = column;
                int width = rows.stream().mapToInt(row -> row.get(at).length()).max().orElse(1);
                // The first column is aligned left and the others right.
                String format = "%" + (column == 0 ? "-" : "") + Math.max(1, width) + "s  ";
                line.append(String.format(Locale.ROOT, format, cells.get(column)));
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }

    /// The rows of that table, the first of which is its header.
    public static List<List<String>> rows(List<Result> results) {
        Set<String> names = new LinkedHashSet<>();
        results.forEach(result -> result.values.fieldNames().forEachRemaining(names::add));
        names.removeIf(name -> isOfSamples(name, names));
        List<List<String>> rows = new ArrayList<>();
        if (results.size() <= names.size()) {
            names.forEach(name -> rows
                    .add(Processes.with(List.of(label(name)), results.stream().map(each -> each.cell(name)).toList())));
        } else {
            rows.add(names.stream().map(Result::label).toList());
            results.forEach(each -> rows.add(names.stream().map(each::cell).toList()));
        }
        return rows;
    }

    /// Whether the samples of the name say as much.
    private static boolean isOfSamples(String name, Set<String> names) {
        return names.contains(name.replaceFirst("_(least|most)$", "") + ALL);
    }

    /// A name in words, with its unit as it is written.
    public static String label(String name) {
        return (name.endsWith(ALL) ? name.substring(0, name.length() - ALL.length()) : name).replace('_', ' ')
                .replaceAll("\\bmb\\b", "MB").replaceAll("\\bcpu\\b", "CPU").replace("kafka", "Kafka");
    }

    private String cell(String name) {
        JsonNode value = values.path(name);
        if (value.isNumber()) {
            return number(value.asDouble());
        }
        if (value.isArray()) {
            return Spread.of(all(name)).text();
        }
        String word = value.asText();
        return word.length() == HASH_LENGTH ? word.substring(0, HASH_SHOWN) + "…" : word;
    }

    /// Whole numbers as they are, and others with three digits.
    public static String number(double value) {
        boolean whole = value == Math.rint(value) || Math.abs(value) >= 999.5;
        return Double.isNaN(value) ? "" : String.format(Locale.ROOT, whole ? "%,.0f" : "%.3g", value);
    }
}
