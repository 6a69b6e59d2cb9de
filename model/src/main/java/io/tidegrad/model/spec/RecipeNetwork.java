package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sum;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Plan;
import java.util.ArrayList;
import java.util.List;

/// Recipe → the engine's layers: every number scaled by what was seen of it, once for all members, then the `Mixture`.
///
/// A member with a hidden layer reads the numbers and a table row a category side by side: z = W₂ᵀ relu(W₁ᵀ x + b₁) + b₂.
/// The linear one adds a weight a number and a weight a category: z = Wᵀ x + Σ w_c + b.
final class RecipeNetwork {
    /// The least width of a category's table row, and of a bag's.
    private static final int DIMENSION = 8;

    private static final int BAG_DIMENSION = 16;

    /// Into how many buckets the binned member divides a number.
    private static final int BUCKETS = 16;

    /// How much larger the first rows of a bag's table are: of many rows the mean is small.
    private static final float BAG_START = 4 * Embedding.START;

    /// Magnitudes that a layer may read before its steps become smaller: `InputBound`.
    private static final double INPUTS = 8;

    private static final double HIDDEN_INPUTS = 16;

    private final Recipe recipe;
    private final List<Feature> features;
    private final RowLayout layout;
    private final int outputs;

    private RecipeNetwork(Recipe recipe, List<Feature> features, int outputs) {
        this.recipe = recipe;
        this.features = features;
        this.outputs = outputs;
        layout = new RowLayout(features);
    }

    static Layer of(Recipe recipe, List<Feature> features, Loss loss, int outputs) {
        return new RecipeNetwork(recipe, features, outputs).network(loss);
    }

    private Layer network(Loss loss) {
        List<Recipe.Member> members = recipe.members(loss, features);
        Layer mixture = new Mixture(members.stream()
                .map(member -> (Layer) new OwnOptimizer(recipe.optimizer(member), member(member))).toList(),
                target(loss), members.indexOf(Recipe.Member.RESTARTING));
        RunningNumbers numbers = numbers();
        List<Layer> histories = histories();
        if (numbers.isEmpty() && histories.isEmpty()) {
            return new Sequence(mixture);
        }
        if (histories.isEmpty()) {
            return new Sequence(numbers.row(), new RunningScale(numbers.flags()), mixture);
        }
        List<Layer> scaled = new ArrayList<>();
        if (!numbers.isEmpty()) {
            scaled.add(new Sequence(numbers.row(), new RunningScale(numbers.flags())));
        }
        scaled.addAll(histories);
        return new Sequence(scaled.size() == 1 ? scaled.getFirst() : new Concat(scaled), mixture);
    }

    /// One for all members: they read the same memory.
    private List<Layer> histories() {
        List<Layer> histories = new ArrayList<>();
        for (int i = 0; i < features.size(); i++) {
            if (features.get(i) instanceof Feature.History history) {
                histories.add(NetworkBinding.history(history, i, layout));
            }
        }
        return histories;
    }

    /// A line for each member, then one for the mixture.
    static List<LayerOutline> outline(Recipe recipe, Loss loss, List<Feature> features, NetworkSpec network) {
        Plan plan = Plan.of(network);
        List<LayerOutline> lines = new ArrayList<>();
        List<Recipe.Member> members = recipe.members(loss, features);
        String mixture = plan.tensors().stream().map(Tensor::name).filter(name -> name.endsWith(".weights"))
                .map(name -> name.substring(0, name.length() - "weights".length())).findFirst().orElseThrow();
        for (int m = 0; m < members.size(); m++) {
            String path = mixture + m + ".";
            long weights = plan.tensors().stream().filter(tensor -> tensor.name().startsWith(path))
                    .mapToLong(tensor -> (long) tensor.rows() * tensor.columns()).sum();
            String layers = members.get(m).isLinear() ? "linear"
                    : "dense: " + recipe.hidden() + ", relu, dense: " + plan.outputs();
            lines.add(new LayerOutline(Flow.name(members.get(m)), layers, plan.output(), weights));
        }
        lines.add(new LayerOutline("", "mixture", plan.output(), plan.weights()));
        return lines;
    }

    private static Mixture.Target target(Loss loss) {
        return switch (loss) {
            case BinaryCrossEntropy _ -> Mixture.Target.YES_NO;
            case MeanSquaredError _ -> Mixture.Target.NUMBER;
            default -> Mixture.Target.CLASSES;
        };
    }

    private Layer member(Recipe.Member member) {
        if (member.isLinear()) {
            List<Layer> parts = new ArrayList<>();
            if (hasNumbers()) {
                parts.add(new Dense(outputs, false, Initialization.ZERO));
            }
            tables(true).forEach(table -> parts.add(new FromRow(table)));
            return new Sequence(new InputBound(INPUTS, parts.size() == 1 ? parts.getFirst() : new Sum(parts)),
                    new Bias());
        }
        List<Layer> parts = new ArrayList<>();
        if (hasNumbers()) {
            parts.add(new Identity());
        }
        tables(false).forEach(table -> parts.add(new FromRow(table)));
        if (member == Recipe.Member.BINNED) {
            buckets().forEach(table -> parts.add(new FromRow(table)));
        }
        return new Sequence(parts.size() == 1 ? parts.getFirst() : new Concat(parts),
                new InputBound(INPUTS, new Dense(recipe.hidden(), true, Initialization.HE_NORMAL)), new Relu(),
                new InputBound(HIDDEN_INPUTS, new Dense(outputs, false, Initialization.SMALL_NORMAL)), new Bias());
    }

    private boolean hasNumbers() {
        return !numbers().isEmpty() || features.stream().anyMatch(Feature.History.class::isInstance);
    }

    /// All numbers, whatever their scale: raw ones first.
    private RunningNumbers numbers() {
        RunningNumbers numbers = new RunningNumbers();
        for (boolean scaled : new boolean[]{false, true}) {
            for (int i = 0; i < features.size(); i++) {
                if (RowLayout.isScaled(features.get(i)) == scaled) {
                    int raw = layout.rawWidth(features.get(i)) - (layout.indicatorAt(i) < 0 ? 0 : 1);
                    for (int column = 0; column < (scaled ? 1 : raw); column++) {
                        numbers.add(layout.numberAt(i) + column, layout.indicatorAt(i));
                    }
                }
            }
        }
        return numbers;
    }

    /// One table for each category of each feature. Of the linear member their rows are as wide as the output and start at 0.
    private List<Layer> tables(boolean linear) {
        List<Layer> tables = new ArrayList<>();
        for (int i = 0; i < features.size(); i++) {
            int at = layout.idAt(i);
            switch (features.get(i)) {
                case Feature.Category feature ->
                    tables.add(table(at, feature.buckets(), feature.dimension(), feature.update(), linear));
                case Feature.Cross feature -> tables.add(feature.learned().isEmpty()
                        ? table(at, feature.buckets(), feature.dimension(), feature.update(), linear)
                        : layout.learnedCross(i, feature, linear ? outputs : Math.max(DIMENSION, feature.dimension()),
                                linear ? 0 : Embedding.START));
                case Feature.TimePart time -> {
                    for (int p = 0; p < time.parts().size(); p++) {
                        // One row more than values: the last one is null's.
                        tables.add(
                                table(at + p, time.parts().get(p).size() + 1, time.dimension(), time.update(), linear));
                    }
                }
                case Feature.Bag bag -> tables.add(bag(at, bag.count(), layout.lengthAt(i),
                        bag.weights() == null ? EmbeddingBag.UNWEIGHTED : layout.numberAt(i), bag.buckets(),
                        bag.dimension(), bag.update(), linear));
                case Feature.Categories list -> tables.add(bag(at, list.count(), layout.lengthAt(i),
                        EmbeddingBag.UNWEIGHTED, list.buckets(), list.dimension(), list.update(), linear));
                case Feature.Quantiles quantiles -> tables.add(new Quantiles(layout.numberAt(i), at,
                        quantiles.buckets(), linear ? outputs : Math.max(DIMENSION, quantiles.dimension()),
                        quantiles.update(), linear ? 0 : Embedding.START));
                case Feature.Vocabulary vocabulary ->
                    tables.add(new Vocabulary(at, vocabulary.capacity(), vocabulary.waiting(), vocabulary.minCount(),
                            vocabulary.expireAfter(), linear ? outputs : Math.max(DIMENSION, vocabulary.dimension()),
                            vocabulary.update(), linear ? 0 : Embedding.START));
                case Feature.ShiftedLabel _,Feature.Number _,Feature.Cyclic _,Feature.Pixels _,Feature.Sequence _,Feature.History _ ->
                    {
                    }
            }
        }
        return tables;
    }

    /// One table for each number. A missing number is 0 in the row, or what the spec takes for it; an indicator is read as a
    /// number of its own.
    private List<Layer> buckets() {
        List<Layer> tables = new ArrayList<>();
        for (int i = 0; i < features.size(); i++) {
            if (features.get(i) instanceof Feature.Number) {
                tables.add(new Quantiles(layout.numberAt(i), Quantiles.NEVER_MISSING, BUCKETS, DIMENSION,
                        Embedding.Update.TOUCHED));
            }
        }
        return tables;
    }

    private Layer table(int at, int rows, int dimension, Embedding.Update update, boolean linear) {
        return new Embedding(at, 1, rows, linear ? outputs : Math.max(DIMENSION, dimension), update,
                Embedding.NO_PADDING, linear ? 0 : Embedding.START);
    }

    /// The mean of a bag's rows; of the linear member their sum divided by the root of their number.
    private Layer bag(int at, int count, int lengthAt, int weightsAt, int rows, int dimension, Embedding.Update update,
            boolean linear) {
        EmbeddingBag.Mode mode = weightsAt != EmbeddingBag.UNWEIGHTED ? EmbeddingBag.Mode.SUM
                : linear ? EmbeddingBag.Mode.ROOT : EmbeddingBag.Mode.MEAN;
        return new EmbeddingBag(at, count, lengthAt, weightsAt, rows,
                linear ? outputs : Math.max(BAG_DIMENSION, dimension), mode, update, linear ? 0 : BAG_START);
    }
}
