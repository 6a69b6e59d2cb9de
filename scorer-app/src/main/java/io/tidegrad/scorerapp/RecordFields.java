package io.tidegrad.scorerapp;

import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.FieldTree;
import io.tidegrad.schemas.settings.NearestName;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// The fields that a model's spec names, and what an error about them should say. Derived once for each spec.
final class RecordFields {
    private static final String CATEGORY = "string, number, boolean or null";
    private static final String TIME = "time, ISO-8601 or epoch ms";

    private final Map<String, String> expected = new LinkedHashMap<>();
    private final Map<String, TensorInfo> inputs = new LinkedHashMap<>();
    private final Set<String> pixels = new LinkedHashSet<>();
    private final Set<String> lists = new LinkedHashSet<>();

    /// What times count.
    private final Map<String, TimeUnit> timeUnits = new HashMap<>();

    private final FieldTree tree;

    /// Fields of events in Avro that one feature reads as a time and another as text.
    private final Set<String> timeAndCategory = new LinkedHashSet<>();

    RecordFields(ModelSpec spec) {
        Set<String> times = new LinkedHashSet<>();
        Set<String> categories = new LinkedHashSet<>();
        for (Feature feature : spec.features()) {
            switch (feature) {
                case Feature.Sequence sequence -> {
                    expect(sequence.field(),
                            (sequence.padded() ? "array of at most " : "array of ") + sequence.count() + " numbers");
                    input(sequence.field(), TensorType.FP64, sequence.padded() ? TensorInfo.ANY : sequence.steps(),
                            sequence.width());
                }
                case Feature.Categories list -> expectList(list.field(), list.count(), list.cut(), categories);
                case Feature.ShiftedLabel shifted -> {
                    expect(shifted.field(), "array of at most " + shifted.count() + " classes from 0 to "
                            + (shifted.classes() - 1) + " or nulls, those of the steps before");
                    input(shifted.field(), TensorType.FP64, TensorInfo.ANY);
                }
                case Feature.Bag bag -> {
                    expectList(bag.field(), bag.count(), bag.cut(), categories);
                    if (bag.weights() != null) {
                        expect(bag.weights(), "array of at most " + bag.count() + " numbers");
                        input(bag.weights(), TensorType.FP64, TensorInfo.ANY);
                    }
                }
                case Feature.Number number -> expectNumber(number.field());
                case Feature.Quantiles quantiles -> expectNumber(quantiles.field());
                case Feature.History history -> {
                    if (history.field() != null) {
                        expectNumber(history.field());
                    }
                    if (history.time() != null) {
                        expectTime(history.time(), history.timeUnit(), times);
                    }
                    expectCategories(history.key(), categories);
                }
                case Feature.Category category -> expectCategories(category.fields(), categories);
                case Feature.Vocabulary vocabulary -> expectCategories(vocabulary.fields(), categories);
                case Feature.Cross cross -> cross.crossed().forEach(of -> {
                    if (of.isTime()) {
                        expectTime(of.field(), of.timeUnit(), times);
                    } else if (of.isNumber()) {
                        expectNumber(of.field());
                    } else {
                        expectCategories(List.of(of.field()), categories);
                    }
                });
                case Feature.TimePart time -> expectTime(time.field(), time.timeUnit(), times);
                case Feature.Cyclic cyclic -> {
                    if (cyclic.part() == null) {
                        expectNumber(cyclic.field());
                    } else {
                        expectTime(cyclic.field(), cyclic.timeUnit(), times);
                    }
                }
                case Feature.Pixels image -> {
                    pixels.add(image.field());
                    expect(image.field(),
                            "array of " + image.count() + " numbers, or base64 of " + image.count() + " bytes");
                    input(image.field(), TensorType.FP64, image.height(), image.width());
                }
            }
        }
        if (spec.weightField() != null) {
            expect(spec.weightField(), "weight (not used)");
        }
        if (spec.input().eventTime() != null) {
            expect(spec.input().eventTime(), "time (not used)");
            timeUnits.put(spec.input().eventTime(), spec.input().timeUnit());
        }
        if (spec.label().field() != null) {
            expect(spec.label().field(), "label (not used)");
            if (spec.label().isList()) {
                lists.add(spec.label().field()); // a step without a class is null
            }
        }
        if (spec.input().format() == ModelSpec.Format.AVRO) {
            timeAndCategory.addAll(times);
            timeAndCategory.retainAll(categories);
        }
        tree = FieldTree.of(expected.keySet());
    }

    private void expectNumber(String field) {
        expect(field, "number");
        input(field, TensorType.FP64);
    }

    private void expectCategories(List<String> fields, Set<String> categories) {
        categories.addAll(fields);
        for (String field : fields) {
            expect(field, CATEGORY);
            input(field, TensorType.BYTES);
        }
    }

    private void expectTime(String field, TimeUnit unit, Set<String> times) {
        times.add(field);
        timeUnits.put(field, unit);
        expect(field, unit == TimeUnit.MILLISECONDS ? TIME
                : "time, ISO-8601 or epoch " + unit.name().toLowerCase(Locale.ROOT));
        input(field, TensorType.INT64);
    }

    /// @param cut of a text; null of a list
    private void expectList(String field, int count, Feature.@Nullable Cut cut, Set<String> categories) {
        if (cut != null) {
            expectCategories(List.of(field), categories);
            return;
        }
        lists.add(field);
        expect(field, "array of at most " + count + " strings, numbers, booleans or nulls");
        input(field, TensorType.BYTES, TensorInfo.ANY);
    }

    /// A category also accepts numbers and times. If another feature reads the field as one of these, that is what is
    /// expected.
    ///
    /// @param element dimensions of one record's values; empty for a single value
    private void input(String field, TensorType type, int... element) {
        inputs.merge(field, TensorInfo.of(field, type, element),
                (known, now) -> known.type() == TensorType.BYTES ? now : known);
    }

    private void expect(String field, String kind) {
        expected.putIfAbsent(field, kind);
    }

    /// Returns what each field may hold, in the order of the spec.
    Map<String, String> expected() {
        return expected;
    }

    boolean isKnown(String field) {
        return expected.containsKey(field);
    }

    /// Whether the path is a field, or leads to one.
    boolean leadsToField(String path) {
        return tree.leadsTo(path);
    }

    FieldTree tree() {
        return tree;
    }

    /// Returns whether the field's array may hold values that are no numbers.
    boolean isList(String field) {
        return lists.contains(field);
    }

    /// Returns what a number in this field counts, if it is a time.
    TimeUnit timeUnit(String field) {
        return timeUnits.getOrDefault(field, TimeUnit.MILLISECONDS);
    }

    boolean isPixels(String field) {
        return pixels.contains(field);
    }

    /// Returns the input tensors of the model: one for each field that a feature reads, in the order of the spec.
    Collection<TensorInfo> inputs() {
        return inputs.values();
    }

    /// Returns null for a field that no feature reads.
    @Nullable
    TensorInfo input(String field) {
        return inputs.get(field);
    }

    /// Returns the value of a field's text: bytes for pixels, else the text itself. A time as text is refused, because
    /// it would be another category than the number that training saw.
    ///
    /// @throws HttpProblem `wrong-type`
    Object text(String text, String field, int record) {
        if (timeAndCategory.contains(field)) {
            throw new HttpProblem(ProblemReason.WRONG_TYPE, record, "field '" + field
                    + "': a category is made of this time: expected epoch ms, as in training, found text");
        }
        if (!isPixels(field)) {
            return text;
        }
        try {
            return Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException notBase64) {
            throw wrongType(field, record, "text that is not base64");
        }
    }

    /// Like `text`, for bytes: pixels stay as they are, and anything else is read as UTF-8.
    ///
    /// @throws HttpProblem `wrong-type`
    Object bytes(byte[] bytes, String field, int record) {
        if (isPixels(field)) {
            return bytes;
        }
        try {
            CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return text(text.toString(), field, record);
        } catch (CharacterCodingException notText) {
            throw wrongType(field, record, "bytes that are no UTF-8");
        }
    }

    HttpProblem wrongType(String field, int record, String found) {
        return new HttpProblem(ProblemReason.WRONG_TYPE, record,
                "field '" + field + "': expected " + expected.getOrDefault(field, "an object") + ", found " + found);
    }

    /// @param record position of the record, or `HttpProblem.NO_RECORD`
    HttpProblem unknown(String field, int record) {
        // A field of a whole event can resemble one that the model reads, so this is said after a near name too.
        return new HttpProblem(ProblemReason.UNKNOWN_FIELD, record, "no field '" + StrictJson.printable(field)
                + "' in this model" + NearestName.hint(field, expected.keySet())
                + " (a whole event is taken where its schema is the newest of TOPIC-value in the registry, or with"
                + " unknown-fields=ignore)");
    }
}
