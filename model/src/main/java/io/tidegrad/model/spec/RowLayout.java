package io.tidegrad.model.spec;

import io.tidegrad.engine.model.RowShape;
import java.util.List;

/// Which columns of a row belong to which feature: the one place that the `Featurizer` (writes them) and the network's
/// first layers (read them) agree by. Numbers lie in three blocks, raw ones first, then those to be standardised, then
/// the weights of bags, each in the spec's order; ids lie in the spec's order: one a table and value, behind those of a
/// list how many values it has.
public final class RowLayout {
    private final List<Feature> features;
    private final int[] numberAt; // by feature: its first raw column, its standardised one, or its first weight
    private final int[] indicatorAt; // by feature, -1 without
    private final int[] idAt;
    private final int[] lengthAt; // by feature, -1 without
    private final int rawNumbers;
    private final int standardNumbers;
    private final int bagWeights;
    private final int ids;

    private RowLayout(List<Feature> features) {
        this.features = List.copyOf(features);
        numberAt = new int[features.size()];
        indicatorAt = new int[features.size()];
        idAt = new int[features.size()];
        lengthAt = new int[features.size()];
        int raw = 0;
        int id = 0;
        for (int i = 0; i < features.size(); i++) {
            Feature feature = features.get(i);
            idAt[i] = id;
            id += ids(feature);
            lengthAt[i] = hasCount(feature) ? id++ : -1;
            numberAt[i] = raw;
            raw += rawNumbers(feature);
            indicatorAt[i] = hasIndicator(feature) ? raw++ : -1;
        }
        rawNumbers = raw;
        ids = id;
        int standard = 0;
        for (int i = 0; i < features.size(); i++) {
            if (isStandard(features.get(i))) {
                numberAt[i] = raw + standard++;
            }
        }
        standardNumbers = standard;
        int weights = 0;
        for (int i = 0; i < features.size(); i++) {
            if (features.get(i) instanceof Feature.Bag bag && bag.weights() != null) {
                numberAt[i] = raw + standard + weights;
                weights += bag.count();
            }
        }
        bagWeights = weights;
    }

    public static RowLayout of(List<Feature> features) {
        return new RowLayout(features);
    }

    public int rawNumbers() {
        return rawNumbers;
    }

    public int standardNumbers() {
        return standardNumbers;
    }

    public int numbers() {
        return rawNumbers + standardNumbers + bagWeights;
    }

    public int ids() {
        return ids;
    }

    /// First column of a feature's numbers, of a bag of its weights.
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

    /// How many raw columns belong to a feature, its indicator among them.
    int rawWidth(Feature feature) {
        return rawNumbers(feature) + (hasIndicator(feature) ? 1 : 0);
    }

    /// Copies what a feature has in a row, but for how long its sequence is: a sequence of no steps is none.
    ///
    /// @param feature its index, in the spec's order
    public void copyFeature(int feature, float[] fromNumbers, int[] fromIds, float[] toNumbers, int[] toIds) {
        Feature of = features.get(feature);
        int numbers = isStandard(of) ? 1 : rawNumbers(of);
        if (of instanceof Feature.Bag bag && bag.weights() != null) {
            numbers = bag.count();
        }
        System.arraycopy(fromNumbers, numberAt[feature], toNumbers, numberAt[feature], numbers);
        if (indicatorAt[feature] >= 0) {
            toNumbers[indicatorAt[feature]] = fromNumbers[indicatorAt[feature]];
        }
        System.arraycopy(fromIds, idAt[feature], toIds, idAt[feature], ids(of));
        if (lengthAt[feature] >= 0 && !(of instanceof Feature.Sequence)) {
            toIds[lengthAt[feature]] = fromIds[lengthAt[feature]];
        }
    }

    RowShape shape() {
        return new RowShape(numbers(), ids, 1);
    }

    static boolean isStandard(Feature feature) {
        return feature instanceof Feature.Numeric number && number.scale() == Feature.Scale.STANDARD;
    }

    private static int rawNumbers(Feature feature) {
        return switch (feature) {
            case Feature.Numeric number -> number.scale() == Feature.Scale.RAW ? 1 : 0;
            case Feature.Cyclic cyclic -> 2;
            case Feature.Pixels pixels -> pixels.count();
            case Feature.Sequence sequence -> sequence.count();
            case Feature.Category category -> 0;
            case Feature.Cross cross -> 0;
            case Feature.TimePart time -> 0;
            case Feature.Categories list -> 0;
            case Feature.Bag bag -> 0;
        };
    }

    private static boolean hasIndicator(Feature feature) {
        return switch (feature) {
            case Feature.Numeric number -> number.missing().equals(Feature.Missing.INDICATOR);
            case Feature.Cyclic cyclic -> cyclic.missing().equals(Feature.Missing.INDICATOR);
            case Feature.Pixels pixels -> false;
            case Feature.Sequence sequence -> false;
            case Feature.Category category -> false;
            case Feature.Cross cross -> false;
            case Feature.TimePart time -> false;
            case Feature.Categories list -> false;
            case Feature.Bag bag -> false;
        };
    }

    private static boolean hasCount(Feature feature) {
        return feature.hasLength() || feature instanceof Feature.Bag;
    }

    private static int ids(Feature feature) {
        return switch (feature) {
            case Feature.Category category -> 1;
            case Feature.Cross cross -> 1;
            case Feature.TimePart time -> time.parts().size();
            case Feature.Categories list -> list.count();
            case Feature.Bag bag -> bag.count();
            case Feature.Numeric number -> 0;
            case Feature.Cyclic cyclic -> 0;
            case Feature.Pixels pixels -> 0;
            case Feature.Sequence sequence -> 0;
        };
    }
}
