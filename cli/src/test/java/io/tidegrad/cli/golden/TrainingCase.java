package io.tidegrad.cli.golden;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.AdamW;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.RmsProp;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.optim.StreamRms;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
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
    private final List<String> stateNames;
    private final Map<Integer, List<Fields>> after = new HashMap<>();
    private final Gradients.Mode mode;
    private final @Nullable UntouchedRows untouched;

    static void run(Fields golden, Comparison comparison, Kernels kernels) {
        UnsupportedException.unlessAccepted(() -> new TrainingCase(golden, comparison)).run(kernels);
    }

    private TrainingCase(Fields golden, Comparison comparison) {
        this.comparison = comparison;
        Fields spec = golden.object("spec");
        List<Fields> layers = CaseNetwork.layers(spec);
        LossSpec.requireKnown(spec);
        expected = golden.object("expected");
        expected.requireOnly("outputs", "losses", "gradient_norms", "gradient_norms_per_layer", "parameter_gradients",
                "parameters_after", "penalties", "buffers_after");
        batches = golden.countLists("batches");
        if (batches.isEmpty() || batches.stream().anyMatch(List::isEmpty)) {
            throw new GoldenException("batches: expected at least one batch of at least one row");
        }
        spec.ignore("hashing"); // says where ids came from
        mode = CaseModel.mode(spec);
        Fields optimizerFields = spec.object("optimizer");
        boolean sparse = optimizerFields.flag("sparse_embedding", false);
        Optimizer optimizer = optimizer(optimizerFields);
        stateNames = stateNames(optimizer);
        CaseInputs inputs = new CaseInputs(golden.tensors("inputs"), layers);
        network = new CaseNetwork(layers, "x", inputs, sparse ? Embedding.Update.TOUCHED : Embedding.Update.DENSE);
        labelled = new LabelledCase(golden, spec, inputs, network, optimizer,
                ScheduleCase.schedule(spec.optionalObject("schedule")),
                clipping(spec.optionalObject("gradient_clipping")),
                regularization(spec.optionalObject("regularization")));
        model = labelled.model();
        weightNames = golden.has("initial_parameters")
                ? golden.object("initial_parameters").names().stream().filter(name -> name.endsWith(".weight")).toList()
                : List.of();
        for (Fields entry : expected.has("parameters_after") ? expected.objects("parameters_after")
                : List.<Fields>of()) {
            entry.requireOnly("step", "parameters", "optimizer_state");
            if (entry.has("optimizer_state")) {
                entry.object("optimizer_state").requireOnly(stateNames.toArray(String[]::new));
            }
            int step = entry.count("step");
            if (step < 1 || step > batches.size()) {
                throw new GoldenException(
                        "parameters_after: expected a step from 1 to " + batches.size() + ", found " + step);
            }
            after.computeIfAbsent(step, s -> new ArrayList<>()).add(entry);
        }
        untouched = sparse ? new UntouchedRows(network, model) : null;
    }

    private static Optimizer optimizer(Fields fields) {
        String type = fields.text("type");
        Optimizer optimizer = switch (type) {
            case "sgd" -> {
                double momentum = fields.number("momentum", 0);
                boolean nesterov = fields.flag("nesterov", false);
                if (nesterov && momentum == 0) {
                    throw new UnsupportedException("nesterov without momentum");
                }
                yield new Sgd(fields.number("lr"), momentum, nesterov);
            }
            case "adagrad" ->
                new Adagrad(fields.number("lr"), fields.number("eps"), fields.number("initial_accumulator", 0));
            case "rmsprop" -> new RmsProp(fields.number("lr"), fields.number("alpha"), fields.number("eps"),
                    fields.flag("centered", false), fields.number("momentum", 0));
            case "adam" -> adam(fields);
            case "adamw" -> new AdamW(adam(fields), fields.number("weight_decay"));
            case "stream_rms" -> new StreamRms(fields.number("lr"), fields.number("floor"), fields.number("decay"),
                    fields.number("alpha"), fields.number("eps"), fields.number("pull"));
            case "ftrl_proximal" -> new FtrlProximal(fields.number("alpha"), fields.number("beta"), fields.number("l1"),
                    fields.number("l2"));
            default -> throw new UnsupportedException("optimizer " + type);
        };
        fields.requireAllRead();
        return optimizer;
    }

    private static Adam adam(Fields fields) {
        return new Adam(fields.number("lr"), fields.number("beta1"), fields.number("beta2"), fields.number("eps"),
                fields.flag("amsgrad", false));
    }

    /// The names that cases give to parts of the state, in their order.
    private static List<String> stateNames(Optimizer optimizer) {
        return switch (optimizer) {
            case FtrlProximal ftrl -> List.of("z", "n");
            case StreamRms stream -> List.of("v", "d");
            case Adam adam -> List.of();
            case AdamW adamW -> List.of();
            case RmsProp rmsProp -> List.of();
            case Adagrad adagrad -> List.of();
            case Sgd sgd -> List.of();
        };
    }

    private static Clipping clipping(@Nullable Fields fields) {
        if (fields == null) {
            return new Clipping.None();
        }
        String type = fields.text("type");
        Clipping clipping = switch (type) {
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
                new Regularization(fields.number("l1", 0), fields.number("l2", 0), switch (scope) {
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
            float[] got = labelled.loss().fusesLast() ? Arrays.copyOf(gradients.predictions(), length)
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
        Parameters parameters = model.parameters();
        String what = "parameters_after" + step + ", ";
        check(what, entry.tensors("parameters"), parameters::weights);
        if (entry.has("optimizer_state")) {
            Fields state = entry.object("optimizer_state");
            for (String name : state.names()) {
                int part = 1 + stateNames.indexOf(name);
                check(what + name + " of ", state.tensors(name), tensor -> parameters.state(tensor, part));
            }
        }
        entry.requireAllRead();
    }

    /// @param got tensor of the plan → its values
    private void check(String what, Map<String, Tensor> wanted, Function<String, float[]> got) {
        wanted.forEach((name, want) -> {
            CaseNetwork.Parameter parameter = model.parameter(name);
            float[] values = parameter.fromPlan(got.apply(parameter.tensor()));
            comparison.tensor(what + name, parameter.shape(), values, want);
        });
    }
}
