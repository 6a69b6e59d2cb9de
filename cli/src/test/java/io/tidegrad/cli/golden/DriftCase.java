package io.tidegrad.cli.golden;

import io.tidegrad.model.evaluation.DriftDetectionMethod;
import io.tidegrad.model.evaluation.DriftDetector;
import io.tidegrad.model.evaluation.PageHinkley;
import java.util.ArrayList;
import java.util.List;

/// A drift detector on a stream of numbers.
final class DriftCase {
    private DriftCase() {}

    static void run(Fields golden, Comparison comparison) {
        Fields spec = golden.object("spec");
        Fields expected = golden.object("expected");
        String name = spec.text("detector");
        DriftDetector detector = switch (name) {
            case "page_hinkley" ->
                new PageHinkley(spec.number("delta"), spec.number("threshold"), spec.count("min_instances"));
            case "ddm" -> new DriftDetectionMethod(spec.count("min_instances"), spec.number("warning_level"),
                    spec.number("drift_level"));
            default -> throw new UnsupportedException("detector " + name);
        };
        spec.ignore("formula");
        spec.requireAllRead();
        Tensor values = CaseModel.only(golden.tensors("inputs"), name.equals("ddm") ? "errors" : "x");
        golden.requireAllRead();
        List<Double> warnings = new ArrayList<>();
        List<Double> detections = new ArrayList<>();
        double[] statistic = new double[values.rows()];
        for (int i = 0; i < values.rows(); i++) {
            switch (detector.add(values.values()[i])) {
                case WARNING -> warnings.add((double) i);
                case DRIFT -> detections.add((double) i);
                case NONE -> {
                }
            }
            statistic[i] = detector instanceof PageHinkley test ? test.statistic() : 0;
        }
        comparison.series("detections, number", numbers(detections), expected.numbers("detections"));
        if (detector instanceof PageHinkley) {
            comparison.series("statistic, value", statistic, expected.numbers("statistic"));
        } else {
            comparison.series("warnings, number", numbers(warnings), expected.numbers("warnings"));
        }
        expected.requireAllRead();
    }

    private static double[] numbers(List<Double> list) {
        return list.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
