package io.tidegrad.cli.golden;

import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import java.util.List;

/// Statistics of freshly drawn weights: those of the scheme, exactly, and those of one tensor of the shape, within the
/// tolerances of the case (6 standard errors).
final class InitializationCase {
    private static final long SEED = 1;

    private InitializationCase() {}

    static void run(Fields golden, Comparison comparison) {
        Fields expected = golden.object("expected");
        expected.requireOnly("rows");
        golden.object("spec").requireOnly("fan_in", "fan_out"); // formulas, for people
        golden.requireAllRead();
        List<Fields> rows = expected.objects("rows");
        for (int i = 0; i < rows.size(); i++) {
            check("rows[" + i + "], ", rows.get(i), comparison);
        }
    }

    private static void check(String row, Fields fields, Comparison comparison) {
        String name = fields.text("scheme");
        Initialization scheme = switch (name) {
            case "xavier_uniform" -> Initialization.XAVIER_UNIFORM;
            case "xavier_normal" -> Initialization.XAVIER_NORMAL;
            case "he_uniform" -> Initialization.HE_UNIFORM;
            case "he_normal" -> Initialization.HE_NORMAL;
            default -> throw new UnsupportedException("initialisation " + name);
        };
        List<Integer> shape = fields.counts("shape");
        if (shape.size() < 2) {
            throw new UnsupportedException("initialisation of shape " + shape);
        }
        int places = Tensor.product(shape.subList(2, shape.size()));
        int fanIn = shape.get(1) * places;
        int fanOut = shape.get(0) * places;
        Comparison.equal(row + "fan_in", fanIn, fields.count("fan_in"));
        Comparison.equal(row + "fan_out", fanOut, fields.count("fan_out"));

        float scale = scheme.scale(fanIn, fanOut);
        double deviation = scheme.isNormal() ? scale : scale / Math.sqrt(3);
        double std = fields.number("std");
        double mean = fields.number("mean");
        comparison.number(row + "std of the scheme", deviation, std);
        comparison.number(row + "mean of the scheme", 0, mean);
        float[] drawn = draw(scheme, shape, fanIn, fanOut);
        if (fields.has("bound")) {
            double bound = fields.number("bound");
            comparison.number(row + "bound of the scheme", scheme.isNormal() ? Double.NaN : scale, bound);
            for (int i = 0; i < drawn.length; i++) {
                if (!(Math.abs(drawn[i]) <= scale)) {
                    throw new Comparison.DifferenceException("%sbound, got %s, want at most ±%s, at %s".formatted(row,
                            drawn[i], bound, Tensor.place(shape, i)));
                }
            }
        }
        if (fields.has("sample_size")) {
            Comparison.equal(row + "sample_size", drawn.length, fields.count("sample_size"));
        }
        if (fields.has("mean_atol_at_sample_size")) {
            new Comparison(0, fields.number("mean_atol_at_sample_size")).number(row + "mean", mean(drawn), mean);
        }
        if (fields.has("std_rtol_at_sample_size")) {
            new Comparison(fields.number("std_rtol_at_sample_size"), 0).number(row + "std", deviation(drawn), std);
        }
        fields.requireAllRead();
    }

    /// Through a dense layer where the shape is that of one; else from the same draws.
    private static float[] draw(Initialization scheme, List<Integer> shape, int fanIn, int fanOut) {
        if (shape.size() == 2) {
            NetworkSpec spec = new NetworkSpec(new RowShape(fanIn, 0, fanOut),
                    new Sequence(new Numbers(0, fanIn), new Dense(fanOut, false, scheme)), new MeanSquaredError(),
                    new Sgd(0), SEED);
            return Parameters.initial(Plan.of(spec)).weights("1.weight");
        }
        float[] weights = new float[Tensor.product(shape)];
        float scale = scheme.scale(fanIn, fanOut);
        for (int i = 0; i < weights.length; i++) {
            weights[i] = scheme.draw(SEED, 0, 0, i, scale);
        }
        return weights;
    }

    private static double mean(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    private static double deviation(float[] values) {
        double mean = mean(values);
        double squares = 0;
        for (float value : values) {
            squares += (value - mean) * (value - mean);
        }
        return Math.sqrt(squares / values.length);
    }
}
