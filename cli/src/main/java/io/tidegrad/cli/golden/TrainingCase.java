package io.tidegrad.cli.golden;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Sgd;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Steps of training, through the `Learner` that learns from topics.
final class TrainingCase {
    private final Fields expected;
    private final Comparison comparison;
    private final List<List<Integer>> batches;
    private final LabelledCase labelled;
    private final CaseModel model;
    private final CaseNetwork network;
    private final List<String> weightNames;
    private final Map<Integer, List<Fields>> after = new HashMap<>();
    private final Gradients.Mode mode;
    private final @Nullable UntouchedRows untouched;

    static void run(Fields golden, Comparison comparison, Kernels kernels) {
        new TrainingCase(golden, comparison).run(kernels);
    }

    private TrainingCase(Fields golden, Comparison comparison) {
        this.comparison = comparison;
        Fields spec = golden.object("spec");
        List<Fields> layers = CaseNetwork.layers(spec);
        LossSpec.requireKnown(spec);
        expected = golden.object("expected");
        expected.requireOnly(
                "outputs",
                "losses",
                "gradient_norms",
                "gradient_norms_per_layer",
                "parameter_gradients",
                "parameters_after",
                "penalties",
                "buffers_after");
        batches = golden.countLists("batches");
        if (batches.isEmpty() || batches.stream().anyMatch(List::isEmpty)) {
            throw new GoldenException("batches: expected at least one batch of at least one row");
        }
        spec.ignore("hashing"); // says where ids came from
        mode = CaseModel.mode(spec);
        if (spec.has("schedule")) {
            throw new UnsupportedException("schedule " + spec.object("schedule").text("type"));
        }
        Fields optimizerFields = spec.object("optimizer");
        boolean sparse = optimizerFields.flag("sparse_embedding", false);
        Regularization regularization =
                accepted(() -> regularization(spec.optionalObject("regularization")));
        Optimizer optimizer = accepted(() -> optimizer(optimizerFields));
        if (sparse
                && !(leavesUntouchedRows(optimizer)
                        && regularization.equals(Regularization.NONE))) {
            throw new UnsupportedException(
                    "sparse_embedding where the dense numbers would change untouched rows");
        }
        CaseInputs inputs = new CaseInputs(golden.tensors("inputs"), layers);
        network =
                new CaseNetwork(
                        layers,
                        "x",
                        inputs,
                        sparse ? Embedding.Update.TOUCHED : Embedding.Update.DENSE);
        labelled =
                new LabelledCase(
                        golden,
                        spec,
                        inputs,
                        network,
                        optimizer,
                        accepted(() -> clipping(spec.optionalObject("gradient_clipping"))),
                        regularization);
        model = labelled.model();
        weightNames =
                golden.has("initial_parameters")
                        ? golden.object("initial_parameters").names().stream()
                                .filter(name -> name.endsWith(".weight"))
                                .toList()
                        : List.of();
        for (Fields entry :
                expected.has("parameters_after")
                        ? expected.objects("parameters_after")
                        : List.<Fields>of()) {
            entry.requireOnly("step", "parameters");
            int step = entry.count("step");
            if (step < 1 || step > batches.size()) {
                throw new GoldenException(
                        "parameters_after: expected a step from 1 to "
                                + batches.size()
                                + ", found "
                                + step);
            }
            after.computeIfAbsent(step, s -> new ArrayList<>()).add(entry);
        }
        untouched = sparse ? new UntouchedRows(network, model) : null;
    }

    /// Numbers that the engine refuses (an epsilon of 0, say) are what it can't express.
    private static <T> T accepted(Supplier<T> setting) {
        try {
            return setting.get();
        } catch (IllegalArgumentException e) {
            throw new UnsupportedException(String.valueOf(e.getMessage()));
        }
    }

    /// Whether a gradient of 0 changes nothing.
    private static boolean leavesUntouchedRows(Optimizer optimizer) {
        return switch (optimizer) {
            case Sgd sgd -> sgd.momentum() == 0;
            case Adagrad adagrad -> true;
            case Adam adam -> false;
        };
    }

    private static Optimizer optimizer(Fields fields) {
        String type = fields.text("type");
        Optimizer optimizer =
                switch (type) {
                    case "sgd" -> {
                        double momentum = fields.number("momentum", 0);
                        boolean nesterov = fields.flag("nesterov", false);
                        if (nesterov && momentum == 0) {
                            throw new UnsupportedException("nesterov without momentum");
                        }
                        yield new Sgd(fields.number("lr"), momentum, nesterov);
                    }
                    case "adagrad" ->
                            new Adagrad(
                                    fields.number("lr"),
                                    fields.number("eps"),
                                    fields.number("initial_accumulator", 0));
                    case "adam" -> {
                        if (fields.flag("amsgrad", false)) {
                            throw new UnsupportedException("optimizer adam with amsgrad");
                        }
                        yield new Adam(
                                fields.number("lr"),
                                fields.number("beta1"),
                                fields.number("beta2"),
                                fields.number("eps"));
                    }
                    default -> throw new UnsupportedException("optimizer " + type);
                };
        fields.requireAllRead();
        return optimizer;
    }

    private static Clipping clipping(@Nullable Fields fields) {
        if (fields == null) {
            return new Clipping.None();
        }
        String type = fields.text("type");
        Clipping clipping =
                switch (type) {
                    case "value" -> new Clipping.Value(fields.number("limit"));
                    case "global_norm" -> new Clipping.GlobalNorm(fields.number("max_norm"));
                    default -> throw new UnsupportedException("clipping " + type);
                };
        fields.requireAllRead();
        return clipping;
    }

    private static Regularization regularization(@Nullable Fields fields) {
        if (fields == null) {
            return Regularization.NONE;
        }
        String scope = fields.text("applies_to", "all");
        Regularization regularization =
                new Regularization(
                        fields.number("l1", 0),
                        fields.number("l2", 0),
                        switch (scope) {
                            case "all" -> Regularization.Scope.ALL;
                            case "weights" -> Regularization.Scope.WEIGHTS;
                            default -> throw new UnsupportedException("regularization of " + scope);
                        });
        fields.requireAllRead();
        return regularization;
    }

    private void run(Kernels kernels) {
        int maxRows = batches.stream().mapToInt(List::size).max().orElseThrow();
        Parameters parameters = model.parameters();
        Learner learner = new Learner(parameters, kernels, maxRows);
        Gradients gradients = new Gradients(parameters, kernels, maxRows, mode);
        double[] losses = perStep("losses");
        double[] norms = perStep("gradient_norms");
        double[] penalties = perStep("penalties");
        for (int s = 0; s < batches.size(); s++) {
            Batch batch = labelled.batch(batches.get(s));
            String step = ", step " + (s + 1);
            gradients.ofLoss(batch);
            if (s == 0) {
                checkFirst(gradients, batch.size());
            }
            if (norms.length > 0) {
                comparison.number("gradient_norms" + step, gradients.norm(), norms[s]);
            }
            if (penalties.length > 0) {
                comparison.number("penalties" + step, learner.penalty(), penalties[s]);
            }
            double loss = learner.learn(batch);
            if (losses.length > 0) {
                comparison.number("losses" + step, loss, losses[s]);
            }
            if (untouched != null) {
                untouched.check(batch, step);
            }
            for (Fields entry : after.getOrDefault(s + 1, List.of())) {
                checkParameters(entry, step);
            }
        }
        model.checkBuffers(expected, comparison);
        expected.requireAllRead();
    }

    private double[] perStep(String name) {
        double[] values = expected.has(name) ? expected.numbers(name) : new double[0];
        if (expected.has(name)) {
            Comparison.equal(name + ", steps", batches.size(), values.length);
        }
        return values;
    }

    private void checkFirst(Gradients gradients, int rows) {
        Map<String, Tensor> outputs = expected.tensors("outputs");
        if (!outputs.isEmpty()) {
            List<Integer> shape = new ArrayList<>(List.of(rows));
            shape.addAll(network.outputShape());
            int length = Tensor.product(shape);
            float[] got =
                    labelled.loss().fusesLast()
                            ? Arrays.copyOf(gradients.predictions(), length)
                            : gradients.outputs(rows);
            comparison.tensor("outputs.output", shape, got, CaseModel.only(outputs, "output"));
        }
        model.checkParameterGradients(expected, gradients::of, comparison);
        if (expected.has("gradient_norms_per_layer")) {
            double[] want = expected.numbers("gradient_norms_per_layer");
            Comparison.equal("gradient_norms_per_layer, layers", weightNames.size(), want.length);
            for (int i = 0; i < want.length; i++) {
                String name = weightNames.get(i);
                double squares = 0;
                for (float g : gradients.of(model.parameter(name).tensor())) {
                    squares += (double) g * g;
                }
                comparison.number("gradient_norms_per_layer, " + name, Math.sqrt(squares), want[i]);
            }
        }
    }

    private void checkParameters(Fields entry, String step) {
        entry.tensors("parameters")
                .forEach(
                        (name, want) -> {
                            CaseNetwork.Parameter parameter = model.parameter(name);
                            comparison.tensor(
                                    "parameters_after" + step + ", " + name,
                                    parameter.shape(),
                                    parameter.fromPlan(
                                            model.parameters().weights(parameter.tensor())),
                                    want);
                        });
        entry.requireAllRead();
    }
}
