package io.tidegrad.cli;

import io.tidegrad.control.SpecFile;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.replay.backtest.Backtest;
import io.tidegrad.replay.backtest.BacktestResult;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The grid of tuned learners that a recipe is compared with: a logistic regression (of numbers, a linear one) and a hidden
/// layer of 64, each by Adam, SGD and Adagrad at twelve rates in all. They learn a recipe's label and features; numbers are
/// standardised and clipped, and tables are as wide as a recipe has them. The best of them is chosen afterwards, by what all rows
/// told, so nobody could have chosen it in time.
///
/// @param trials one for each of them; empty if there are none
record TunedLearners(List<Backtest.Trial> trials) {
    static final TunedLearners NONE = new TunedLearners(List.of());

    private static final int HIDDEN = 64;

    /// Deviations. Without, three numbers of elec2 that leap after standing still made the grid's best loss 0.30, not 0.24.
    private static final int CLIP = 8;

    private static final Map<String, List<String>> RATES = rates();

    /// How many there are.
    static final int COUNT = 2 * RATES.values().stream().mapToInt(List::size).sum();

    /// What says how a recipe learns, and would change which rows count or how another network learns.
    private static final List<String> OF_LEARNING = List.of("recipe", "network", "optimizer", "schedule",
            "gradient-clipping", "regularization", "quarantine", "on-change", "initial-weights", "mini-batch");

    /// The least widths of tables; a recipe has them, too.
    private static final Map<String, Integer> DIMENSIONS = Map.of("category", 8, "cross", 8, "crosses", 8, "time-part",
            8, "quantiles", 8, "vocabulary", 8, "bag", 16, "text", 16);

    private static Map<String, List<String>> rates() {
        Map<String, List<String>> rates = new LinkedHashMap<>(); // in the order of the trials
        rates.put("adam", List.of("0.0001", "0.0003", "0.001", "0.003", "0.01"));
        rates.put("sgd", List.of("0.003", "0.01", "0.03", "0.1"));
        rates.put("adagrad", List.of("0.01", "0.03", "0.1"));
        return rates;
    }

    TunedLearners {
        trials = List.copyOf(trials);
    }

    /// Returns those of the first trial's label and features.
    ///
    /// @throws CommandException it has no recipe
    static TunedLearners beside(List<Backtest.Trial> given) {
        Backtest.Trial recipe = given.getFirst();
        ModelSpec spec = recipe.spec();
        if (spec.recipe() == null) {
            throw new CommandException("--beside-tuned: expected a spec with a recipe, such as recipe: auto, found "
                    + recipe.name() + ", which has a network; try its values with --grid");
        }
        List<Backtest.Trial> trials = new ArrayList<>();
        for (boolean hidden : new boolean[]{false, true}) {
            RATES.forEach((optimizer, rates) -> rates.forEach(rate -> {
                String name = (hidden ? "hidden layer " : "no hidden layer ") + optimizer + " " + rate;
                trials.add(
                        new Backtest.Trial(name, SpecFile.parse(yaml(spec, hidden, optimizer, rate), "tuned " + name)));
            }));
        }
        return new TunedLearners(trials);
    }

    private static String yaml(ModelSpec spec, boolean hidden, String optimizer, String rate) {
        Map<String, Object> tree = mapping(SpecGrid.load(spec.yaml()));
        OF_LEARNING.forEach(tree::remove);
        tree.put("loss", loss(spec.loss()));
        if (tree.get("label") instanceof Map<?, ?> label && label.get("classes") instanceof Map<?, ?>) {
            mapping(label).put("classes", "auto"); // room for how many is said by the network
        }
        for (Object feature : (List<?>) tree.getOrDefault("features", List.of())) {
            widen(mapping(feature));
        }
        String output = dense(spec.outputs());
        tree.put("network",
                SpecGrid.load(hidden ? "[ " + dense(HIDDEN) + ", relu, " + output + " ]" : "[ " + output + " ]"));
        tree.put("optimizer", SpecGrid.load("{ " + optimizer + ": { rate: " + rate + " } }"));
        return SpecGrid.dumped(tree);
    }

    private static void widen(Map<String, Object> feature) {
        feature.forEach((kind, keys) -> {
            if (kind.equals("number")) {
                mapping(keys).put("scale", Map.of("standard", Map.of("clip", CLIP)));
            }
            Integer least = DIMENSIONS.get(kind);
            if (least != null) {
                Object given = mapping(keys).getOrDefault("dimension", 0);
                mapping(keys).put("dimension",
                        given instanceof Number number ? Math.max(least, number.intValue()) : given);
            }
        });
    }

    private static String dense(int units) {
        return "dense: { units: " + units + ", init: he-normal }";
    }

    /// Of the three that a recipe learns by.
    private static String loss(Loss loss) {
        return switch (loss) {
            case BinaryCrossEntropy _ -> "binary-cross-entropy";
            case MeanSquaredError _ -> "mean-squared-error";
            default -> "categorical-cross-entropy";
        };
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> mapping(Object node) {
        return (Map<String, Object>) node;
    }

    boolean has(BacktestResult result) {
        return trials.contains(result.trial());
    }

    /// The tuned learner with the lowest loss.
    ///
    /// @param results the lowest loss first
    BacktestResult best(List<BacktestResult> results) {
        return results.stream().filter(this::has).findFirst().orElseThrow();
    }

    /// By which part of the best tuned learner's loss that of another is higher; below 0 if it is lower. NaN if one of
    /// them has none.
    static double regret(BacktestResult of, BacktestResult best) {
        double regret = of.loss() / best.loss() - 1;
        return Double.isInfinite(of.loss()) || Double.isInfinite(best.loss()) ? Double.NaN : regret;
    }
}
