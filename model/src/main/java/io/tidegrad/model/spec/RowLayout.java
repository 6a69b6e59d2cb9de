package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.model.RowShape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Which columns of a row belong to which feature: the one place that the `Featurizer` (writes them) and the network's
/// first layers (read them) agree by. Numbers lie in four blocks, raw ones first, then those to be scaled, then the weights of
/// bags, then what histories remember and quantiles are made of, each in the spec's order; ids lie in the spec's order: one a
/// table and value, behind those of a list how many values it has. A history has four: a table row and a tag for its key, and
/// the two parts of its time if it has one; quantiles have one, 1 where the number is missing, else 0; a vocabulary has two, 64
/// bits of a hash. A cross of something learned has the hash of the rest, then for each learned part the ids, and of quantiles
/// the number, of the feature of that name.
public final class RowLayout {
    private final List<Feature> features;
    private final int[] numberAt; // by feature: its first raw column, its scaled one, its first weight, or its own
    private final int[] indicatorAt; // by feature, -1 without
    private final int[] idAt;
    private final int[] lengthAt; // by feature, -1 without
    private final int rawNumbers;
    private final int scaledNumbers;
    private final int bagWeights;
    private final int tracked;
    private final int ids;

    RowLayout(List<Feature> features) {
        this.features = List.copyOf(features);
        numberAt = new int[features.size()];
        indicatorAt = new int[features.size()];
        idAt = new int[features.size()];
        lengthAt = new int[features.size()];
        int raw = 0;
        int id = 0;
        for (int i = 0; i < features.size(); i++) {
            Feature feature = features.get(i);
            Width width = Width.of(feature);
            idAt[i] = id;
            id += width.ids;
            lengthAt[i] = feature.hasLength() || feature instanceof Feature.Bag ? id++ : -1;
            numberAt[i] = raw;
            raw += width.numbers;
            indicatorAt[i] = width.indicator ? raw++ : -1;
        }
        rawNumbers = raw;
        ids = id;
        int scaled = 0;
        for (int i = 0; i < features.size(); i++) {
            if (isScaled(features.get(i))) {
                numberAt[i] = raw + scaled++;
            }
        }
        scaledNumbers = scaled;
        int weights = 0;
        for (int i = 0; i < features.size(); i++) {
            if (features.get(i) instanceof Feature.Bag bag && bag.weights() != null) {
                numberAt[i] = raw + scaled + weights;
                weights += bag.count();
            }
        }
        bagWeights = weights;
        int numbers = 0;
        for (int i = 0; i < features.size(); i++) {
            int own = tracked(features.get(i));
            if (own > 0) {
                numberAt[i] = raw + scaled + weights + numbers;
                numbers += own;
            }
        }
        tracked = numbers;
    }

    public int rawNumbers() {
        return rawNumbers;
    }

    public int scaledNumbers() {
        return scaledNumbers;
    }

    /// Returns about how many bytes of memory a row takes.
    public long rowBytes() {
        return 64L + Float.BYTES * (numbers() + (long) ids() + 1);
    }

    public int numbers() {
        return rawNumbers + scaledNumbers + bagWeights + tracked;
    }

    public int ids() {
        return ids;
    }

    /// First column of a feature's numbers, of a bag of its weights, of a history of what it remembers, of quantiles the number.
    public int numberAt(int feature) {
        return numberAt[feature];
    }

    /// Column of a feature's missing indicator, -1 when it has none.
    public int indicatorAt(int feature) {
        return indicatorAt[feature];
    }

    /// First column of a feature's ids.
    public int idAt(int feature) {
        return idAt[feature];
    }

    /// The id that says how many steps or values a row has of this feature, -1 when it always has all.
    public int lengthAt(int feature) {
        return lengthAt[feature];
    }

    /// The id that says how many steps a row has of the feature of `field`, -1 when it always has all.
    int lengthOf(@Nullable String field) {
        for (int i = 0; i < features.size(); i++) {
            if (features.get(i).hasLength() && features.get(i).fields().getFirst().equals(field)) {
                return lengthAt[i];
            }
        }
        return -1;
    }

    /// How many raw columns belong to a feature, its indicator among them.
    int rawWidth(Feature feature) {
        Width width = Width.of(feature);
        return width.numbers + (width.indicator ? 1 : 0);
    }

    /// Copies what a feature has in a row, but for how long its sequence is: a sequence of no steps is none.
    ///
    /// @param feature its index, in the spec's order
    public void copyFeature(int feature, float[] fromNumbers, int[] fromIds, float[] toNumbers, int[] toIds) {
        Feature of = features.get(feature);
        int numbers = isScaled(of) ? 1 : Width.of(of).numbers;
        if (of instanceof Feature.Bag bag && bag.weights() != null) {
            numbers = bag.count();
        }
        if (tracked(of) > 0) {
            numbers = tracked(of);
        }
        System.arraycopy(fromNumbers, numberAt[feature], toNumbers, numberAt[feature], numbers);
        if (indicatorAt[feature] >= 0) {
            toNumbers[indicatorAt[feature]] = fromNumbers[indicatorAt[feature]];
        }
        System.arraycopy(fromIds, idAt[feature], toIds, idAt[feature], Width.of(of).ids);
        if (lengthAt[feature] >= 0 && !(of instanceof Feature.Sequence)) {
            toIds[lengthAt[feature]] = fromIds[lengthAt[feature]];
        }
    }

    RowShape shape(int labels) {
        return new RowShape(numbers(), ids, labels);
    }

    static boolean isScaled(Feature feature) {
        return !(scale(feature) instanceof Feature.Scale.Raw);
    }

    /// How the spec scales the feature's number.
    static Feature.Scale scale(Feature feature) {
        return feature instanceof Feature.Number number ? number.scale() : new Feature.Scale.Raw();
    }

    /// How many numbers of the feature a layer compares with what was seen of them.
    private static int tracked(Feature feature) {
        return switch (feature) {
            case Feature.Quantiles _ -> 1;
            case Feature.History history -> history.field() == null ? 0 : 1;
            case Feature.Cross cross -> (int) cross.crossed().stream().filter(Feature.Crossed::isNumber).count();
            default -> 0;
        };
    }

    /// How many ids a learned part of a cross has, as the feature of the same name.
    private static int idsOf(Feature.Crossed learned) {
        return learned.isNumber() ? 1 : 2;
    }

    /// The layer that finds the row of a cross of something learned.
    LearnedCross learnedCross(int feature, Feature.Cross cross, int dimension, float start) {
        List<LearnedCross.Part> parts = new ArrayList<>();
        int number = numberAt[feature];
        int id = idAt[feature] + 1;
        for (Feature.Crossed of : cross.learned()) {
            int source = learnedOf(of);
            if (of.isNumber()) {
                parts.add(new LearnedCross.Part.Bucket(number++, id, numberAt[source]));
            } else {
                parts.add(new LearnedCross.Part.Value(id, idAt[source]));
            }
            id += idsOf(of);
        }
        return new LearnedCross(idAt[feature], parts, cross.buckets(), dimension, cross.update(), start);
    }

    /// The feature that has learned it.
    private int learnedOf(Feature.Crossed of) {
        for (int i = 0; i < features.size(); i++) {
            if (of.isLearnedBy(features.get(i))) {
                return i;
            }
        }
        throw new IllegalStateException("no feature has learned " + of);
    }

    /// What a feature has in a row.
    ///
    /// @param numbers raw ones
    /// @param indicator whether a further number says that it is missing
    /// @param ids without the one that says how many there are
    private record Width(int numbers, boolean indicator, int ids) {
        static Width of(Feature feature) {
            return switch (feature) {
                case Feature.Number number -> new Width(isScaled(number) ? 0 : 1, isIndicated(number.missing()), 0);
                case Feature.Cyclic cyclic -> new Width(2, isIndicated(cyclic.missing()), 0);
                case Feature.Pixels pixels -> new Width(pixels.count(), false, 0);
                case Feature.Sequence sequence -> new Width(sequence.count(), false, 0);
                case Feature.Category _,Feature.Quantiles _ -> new Width(0, false, 1);
                case Feature.Cross cross ->
                    new Width(0, false, 1 + cross.learned().stream().mapToInt(RowLayout::idsOf).sum());
                case Feature.TimePart time -> new Width(0, false, time.parts().size());
                case Feature.Categories list -> new Width(0, false, list.count());
                case Feature.Bag bag -> new Width(0, false, bag.count());
                case Feature.Vocabulary _ -> new Width(0, false, 2);
                case Feature.History history -> new Width(0, false, history.time() == null ? 2 : 4);
                case Feature.ShiftedLabel shifted -> new Width(0, false, shifted.count());
            };
        }

        private static boolean isIndicated(Feature.Missing missing) {
            return missing.equals(Feature.Missing.INDICATOR);
        }
    }
}
