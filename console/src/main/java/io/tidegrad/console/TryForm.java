package io.tidegrad.console;

import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// What a page needs to let people make an event of a model: for each field what it may hold, what the newest events hold
/// in it, and some of them.
final class TryForm {
    private static final int EXAMPLES_MAX = 12;
    private static final int VALUES_MAX = 100;

    /// Square, as an image that is read row by row; a shorter list is none.
    private static final int SIDE_MIN = 8;

    /// By field, in the order of the spec.
    private final Map<String, Map<String, @Nullable Object>> fields = new LinkedHashMap<>();

    private TryForm() {}

    /// Becomes JSON.
    static Map<String, @Nullable Object> of(ModelSpec spec, NewestEvents.Read newest) {
        TryForm form = new TryForm();
        spec.features().forEach(form::take);
        form.fields.forEach((name, of) -> seen(name, of, newest.events()));
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("fields", new ArrayList<>(form.fields.values()));
        String label = spec.label().field();
        said.put("examples", newest.events().stream().limit(EXAMPLES_MAX).map(event -> {
            Map<String, @Nullable Object> values = new LinkedHashMap<>(event);
            values.keySet().retainAll(form.fields.keySet());
            Map<String, @Nullable Object> example = new LinkedHashMap<>();
            example.put("values", values);
            example.put("label", label == null ? null : event.get(label));
            return example;
        }).toList());
        said.put("events", newest.events().size());
        said.put("problem", newest.problem());
        said.put("label", label == null ? "label" : label);
        said.put("positive", spec.label().positive());
        said.put("threshold", spec.label().threshold());
        said.put("classes", spec.label().classes());
        return said;
    }

    private void take(Feature feature) {
        switch (feature) {
            case Feature.Number number -> {
                Feature.Clip clip = number.clip();
                put(number.field(), "number");
                if (clip != null) {
                    range(number.field(), clip.low(), clip.high());
                }
            }
            case Feature.Quantiles quantiles -> put(quantiles.field(), "number");
            case Feature.Cyclic cyclic -> {
                put(cyclic.field(), cyclic.part() == null ? "number" : "time");
                if (cyclic.part() == null) {
                    range(cyclic.field(), 0, cyclic.period());
                }
            }
            case Feature.TimePart time -> put(time.field(), "time");
            case Feature.Category category -> put(category.field(), "category");
            case Feature.Vocabulary vocabulary -> put(vocabulary.field(), "category");
            case Feature.Cross cross -> cross.crossed()
                    .forEach(of -> put(of.field(), of.isTime() ? "time" : of.isNumber() ? "number" : "category"));
            case Feature.History history -> {
                history.key().forEach(key -> put(key, "category"));
                if (history.field() != null) {
                    put(history.field(), "number");
                }
                if (history.time() != null) {
                    put(history.time(), "time");
                }
            }
            case Feature.Pixels pixels -> image(pixels.field(), pixels.width(), pixels.height(), pixels.divideBy());
            case Feature.Sequence sequence -> {
                if (!sequence.padded() && sequence.steps() == sequence.width() && sequence.width() >= SIDE_MIN) {
                    image(sequence.field(), sequence.width(), sequence.steps(), null);
                } else {
                    list(sequence.field(), "numbers", sequence.count());
                }
            }
            case Feature.Categories list -> texts(list.field(), list.cut(), list.count());
            case Feature.Bag bag -> {
                texts(bag.field(), bag.cut(), bag.count());
                if (bag.weights() != null) {
                    list(bag.weights(), "numbers", bag.count());
                }
            }
            case Feature.ShiftedLabel shifted -> list(shifted.field(), "numbers", shifted.count());
        }
    }

    /// A field that several features read is what the most particular of them makes of it: any value is a category.
    private Map<String, @Nullable Object> put(String field, String kind) {
        Map<String, @Nullable Object> of = fields.computeIfAbsent(field, name -> {
            Map<String, @Nullable Object> made = new LinkedHashMap<>();
            made.put("name", name);
            made.put("kind", "category");
            return made;
        });
        if ("category".equals(of.get("kind"))) {
            of.put("kind", kind);
        }
        return of;
    }

    private void range(String field, double low, double high) {
        Map<String, @Nullable Object> of = put(field, "number");
        of.put("min", low);
        of.put("max", high);
    }

    /// @param ink the number of a pixel that is full; null if nobody says it
    private void image(String field, int width, int height, @Nullable Double ink) {
        Map<String, @Nullable Object> of = put(field, "image");
        of.put("width", width);
        of.put("height", height);
        of.put("ink", ink);
    }

    private void list(String field, String kind, int count) {
        put(field, kind).put("count", count);
    }

    private void texts(String field, Feature.@Nullable Cut cut, int count) {
        if (cut == null) {
            list(field, "texts", count);
        } else {
            put(field, "text");
        }
    }

    /// Adds what the newest events have in a field.
    private static void seen(String name, Map<String, @Nullable Object> of, List<Map<String, Object>> events) {
        List<Object> values = events.stream().map(event -> event.get(name)).filter(Objects::nonNull).toList();
        switch (String.valueOf(of.get("kind"))) {
            case "number", "time" -> {
                List<Double> numbers = values.stream().filter(Number.class::isInstance)
                        .map(each -> ((Number) each).doubleValue()).sorted().toList();
                if (!numbers.isEmpty()) {
                    of.put("min", numbers.getFirst());
                    of.put("max", numbers.getLast());
                    of.put("whole", numbers.stream().allMatch(each -> each == Math.rint(each)));
                }
            }
            case "category" -> {
                Map<Object, Integer> often = new LinkedHashMap<>();
                values.forEach(value -> often.merge(value, 1, Integer::sum));
                of.put("values",
                        often.entrySet().stream()
                                .sorted(Map.Entry.<Object, Integer>comparingByValue(Comparator.reverseOrder()))
                                .limit(VALUES_MAX).map(Map.Entry::getKey).sorted(Comparator.comparing(String::valueOf))
                                .toList());
            }
            case "image" -> {
                if (of.get("ink") == null) {
                    of.put("ink",
                            values.stream().filter(List.class::isInstance).flatMap(list -> ((List<?>) list).stream())
                                    .filter(Number.class::isInstance).mapToDouble(each -> ((Number) each).doubleValue())
                                    .max().orElse(1));
                }
            }
            default -> {
            }
        }
    }
}
