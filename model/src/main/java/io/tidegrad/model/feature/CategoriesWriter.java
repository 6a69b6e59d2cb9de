package io.tidegrad.model.feature;

import io.tidegrad.model.spec.Feature;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Writes the values in a field's list, or the pieces of its text, each hashed like a category of that field, and for a
/// weighted bag their weights. A missing field counts as empty.
final class CategoriesWriter extends FeatureWriter {
    /// @param field the field's index among the values
    /// @param count the most values
    /// @param at index of the first id
    /// @param countAt index of the id that holds the number of values
    /// @param rest the id written after the end of the list
    record Places(String name, int field, int count, int buckets, int at, int countAt, int rest) {
    }

    private final Places places;
    private final @Nullable TextPieces pieces; // null: the field is a list
    private final CanonicalText text;
    private final byte[] nullText; // `field`
    private final byte[] prefix; // `field=`
    private final @Nullable String weights;
    private final int weightsField;
    private final int weightsAt;

    CategoriesWriter(Places places, Feature.@Nullable Cut cut, CanonicalText text) {
        this(places, cut, text, null, -1, -1);
    }

    /// @param weights the field with the weights; null if the values have none
    CategoriesWriter(Places places, Feature.@Nullable Cut cut, CanonicalText text, @Nullable String weights,
            int weightsField, int weightsAt) {
        this.places = places;
        pieces = cut == null ? null : TextPieces.of(cut);
        this.text = text;
        this.weights = weights;
        this.weightsField = weightsField;
        this.weightsAt = weightsAt;
        nullText = places.name.getBytes(StandardCharsets.UTF_8);
        prefix = (places.name + "=").getBytes(StandardCharsets.UTF_8);
    }

    @Override
    void write(@Nullable Object[] values, Row row) throws RejectedException {
        Object value = values[places.field];
        int count = pieces == null ? writeList(value, row) : value == null ? 0 : writePieces(pieces, value, row);
        Arrays.fill(row.ids, places.at + count, places.at + places.count, places.rest);
        row.ids[places.countAt] = count;
        if (weights != null) {
            writeWeights(weights, values[weightsField], count, row);
        }
    }

    private int writeList(@Nullable Object value, Row row) throws RejectedException {
        List<?> list = list(places.name, value, "a list of values");
        int count = list.size();
        if (count > places.count) {
            throw new RejectedException(Rejection.Reason.WRONG_TYPE, "field '" + places.name
                    + "': expected a list of at most " + places.count + " values, found " + count);
        }
        for (int i = 0; i < count; i++) {
            row.ids[places.at + i] = bucket(list.get(i));
        }
        return count;
    }

    private int writePieces(TextPieces pieces, Object value, Row row) throws RejectedException {
        pieces.begin(places.name, value);
        int count = 0;
        while (count < places.count && pieces.next()) {
            text.clear().append(prefix);
            pieces.appendTo(text);
            row.ids[places.at + count] = text.bucket(places.buckets);
            count++;
        }
        return count;
    }

    private int bucket(@Nullable Object value) throws RejectedException {
        text.clear();
        if (value == null) {
            text.append(nullText);
        } else {
            text.append(prefix);
            text.appendValue(places.name, value);
        }
        return text.bucket(places.buckets);
    }

    private void writeWeights(String name, @Nullable Object value, int count, Row row) throws RejectedException {
        List<?> list = list(name, value, "a list of numbers");
        if (list.size() != count) {
            throw new RejectedException(Rejection.Reason.WRONG_TYPE,
                    "field '" + name + "': expected a number for each of the " + count + " values of '" + places.name
                            + "', found " + list.size());
        }
        for (int i = 0; i < count; i++) {
            row.numbers[weightsAt + i] = Values.element(name, list, i);
        }
        Arrays.fill(row.numbers, weightsAt + count, weightsAt + places.count, 0);
    }

    private static List<?> list(String field, @Nullable Object value, String expected) throws RejectedException {
        return switch (value) {
            case null -> List.of();
            case List<?> list -> list;
            case Object other -> throw Values.wrongType(field, expected, other);
        };
    }
}
