package io.tidegrad.exchange;

import static io.tidegrad.exchange.OnnxGraph.attribute;

import ai.onnx.proto.OnnxMl.TensorProto;
import io.tidegrad.engine.kernel.ScalarMath;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.model.Parameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Translates what recipes are made of: `RunningScale` and `Mixture`. What they have learned becomes constants, and
/// nodes compute in doubles, as the engine does.
record RecipeNodes(OnnxGraph graph, Parameters parameters, LayerNodes layers) {
    /// The engine's `RunningScale` keeps for each value: n, mean, variance, mean distance, n₀, g, mean and variance of q.
    private static final int SCALE_COLUMNS = 8;

    private static final double HEAVY = 0.5;

    /// The engine's `Mixture` keeps a count, then v and w of classes, or w, mean and variance of numbers.
    private static final int WEIGHTS_AT = 1;

    private static final double LEAST = 1e-6;

    String runningScale(RunningScale scale, String path, LayerNodes.Value x) {
        double[] state = parameters.statistics(LayerNodes.child(path, "statistics"));
        int count = scale.flags().size();
        double[] centres = new double[count];
        double[] deviations = new double[count];
        double[] bends = new double[count];
        long[] heavy = new long[count];
        for (int i = 0; i < count; i++) {
            double[] of = Arrays.copyOfRange(state, i * SCALE_COLUMNS, (i + 1) * SCALE_COLUMNS);
            boolean isHeavy = scale.heavyTails() && of[3] < HEAVY * Math.sqrt(of[2]) && of[7] > 0;
            centres[i] = of[isHeavy ? 6 : 1];
            deviations[i] = of[0] < 2 || !(of[2] > 0) ? Double.POSITIVE_INFINITY : Math.sqrt(of[isHeavy ? 7 : 2]);
            bends[i] = Math.max(ScalarMath.exp((float) of[5]), Float.MIN_NORMAL);
            heavy[i] = isHeavy ? 1 : 0;
        }
        int width = ((Shape.Grid) x.shape()).width();
        String values = width == count ? x.name() : layers.slice(path, x.name(), 0, count);
        String wide = layers.cast(path, values, TensorProto.DataType.DOUBLE);
        String isHeavy = layers.cast(path, graph.longs(path + "/heavy", heavy), TensorProto.DataType.BOOL);
        String u = graph.node(path, "Where", List.of(isHeavy, bent(path, wide, bends), wide));
        String scaled = present(scale, path, x.name(), layers.scaled(path, u, centres, deviations, scale.clip()));
        return width == count ? scaled : graph.node(path, "Concat",
                List.of(scaled, layers.slice(path, x.name(), count, width - count)), attribute("axis", 1L));
    }

    /// sign(x) ln(1 + |x| / e^g)
    private String bent(String path, String x, double[] bends) {
        String magnitude = graph.node(path, "Abs", List.of(x));
        String share = graph.node(path, "Div", List.of(magnitude, graph.doubles(path + "/bend", bends, bends.length)));
        String sum = graph.node(path, "Add", List.of(share, graph.doubles(path + "/one", new double[]{1}, 1)));
        String sign = graph.node(path, "Sign", List.of(x));
        return graph.node(path, "Mul", List.of(sign, graph.node(path, "Log", List.of(sum))));
    }

    /// 0 in place of values that are missing. A value that never is reads another's flag, times 0.
    private String present(RunningScale scale, String path, String x, String scaled) {
        int any = scale.flags().stream().mapToInt(flag -> flag).max().orElse(RunningScale.NEVER_MISSING);
        if (any == RunningScale.NEVER_MISSING) {
            return scaled;
        }
        int count = scale.flags().size();
        long[] columns = new long[count];
        float[] factors = new float[count];
        for (int i = 0; i < count; i++) {
            int flag = scale.flags().get(i);
            columns[i] = flag == RunningScale.NEVER_MISSING ? any : flag;
            factors[i] = flag == RunningScale.NEVER_MISSING ? 0 : 1;
        }
        String read =
                graph.node(path, "Gather", List.of(x, graph.longs(path + "/flags", columns)), attribute("axis", 1L));
        String flags = graph.node(path, "Mul", List.of(read, graph.floats(path + "/flagged", factors, count)));
        String zero = graph.floats(path + "/zero", new float[]{0}, 1);
        String isPresent = graph.node(path, "Equal", List.of(flags, zero));
        return graph.node(path, "Where", List.of(isPresent, scaled, zero));
    }

    String mixture(Mixture mixture, String path, LayerNodes.Value x) {
        List<String> members = new ArrayList<>();
        for (int m = 0; m < mixture.members().size(); m++) {
            members.add(layers.of(mixture.members().get(m), mixture.place(path, m), x).name());
        }
        int outputs = ((Shape.Grid) layers.output(mixture, x.shape())).width();
        String joined = graph.node(path, "Concat", members, attribute("axis", 1L));
        String z = layers.cast(path, layers.reshape(path, joined, List.of(members.size(), outputs)),
                TensorProto.DataType.DOUBLE);
        double[] state = parameters.statistics(LayerNodes.child(path, "weights"));
        String mixed = switch (mixture.target()) {
            case CLASSES, YES_NO -> classes(path, z, members.size(), outputs, state);
            case NUMBER -> number(path, z, members.size(), state);
        };
        return layers.cast(path, layers.reshape(path, mixed, List.of(outputs)), TensorProto.DataType.FLOAT);
    }

    /// μ + s Σ w z
    private String number(String path, String z, int count, double[] state) {
        double[] weights = weights(state, WEIGHTS_AT, count);
        double mean = state[WEIGHTS_AT + count];
        double deviation = Math.sqrt(state[WEIGHTS_AT + count + 1]);
        String sum = sum(path, Arrays.stream(weights).map(weight -> deviation * weight).toArray(), z);
        return graph.node(path, "Add", List.of(sum, graph.doubles(path + "/mean", new double[]{mean}, 1)));
    }

    /// ln Σ w p, of the members and of what stacking makes of them; of one output the logit ln P₁ - ln P₀.
    private String classes(String path, String outputs, int count, int width, double[] state) {
        String z = width > 1 ? outputs
                : graph.node(path, "Pad", List.of(outputs, graph.longs(path + "/no", 0, 0, 1, 0, 0, 0)));
        String logs = graph.node(path, "LogSoftmax", List.of(z), attribute("axis", -1L));
        String held = graph.node(path, "Max",
                List.of(logs, graph.doubles(path + "/least", new double[]{Math.log(LEAST)}, 1)));
        String mean = graph.node(path, "ReduceMean", List.of(held), attribute("axes", new long[]{-1}));
        String l = graph.node(path, "Sub", List.of(held, mean));
        String q = layers.softmax(path, sum(path, weights(state, WEIGHTS_AT, count), l));
        String all = graph.node(path, "Concat", List.of(layers.softmax(path, z), q), attribute("axis", 1L));
        String p = sum(path, weights(state, WEIGHTS_AT + count, count + 1), all);
        String logits = graph.node(path, "Log", List.of(p));
        return width > 1 ? logits
                : graph.node(path, "MatMul", List.of(logits, graph.doubles(path + "/yes", new double[]{-1, 1}, 2, 1)));
    }

    /// Equal before the first row.
    private static double[] weights(double[] state, int at, int count) {
        double[] weights = Arrays.copyOfRange(state, at, at + count);
        if (state[0] == 0) {
            Arrays.fill(weights, 1.0 / count);
        }
        return weights;
    }

    /// (batch, members, columns) → (batch, 1, columns)
    private String sum(String path, double[] weights, String x) {
        return graph.node(path, "MatMul", List.of(graph.doubles(path + "/weights", weights, 1, weights.length), x));
    }
}
