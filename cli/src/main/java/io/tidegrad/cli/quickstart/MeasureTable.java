package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.streams.ShippedStream;
import java.util.ArrayList;
import java.util.List;

/// A table of the model and its baselines over the same events.
final class MeasureTable {
    private static final String MODEL = "the model";
    private static final String BASELINE = "logistic regression";
    private static final String PRIOR = "running prior";

    private MeasureTable() {}

    /// Returns lines without indentation, of which the first one names the columns.
    static List<String> lines(ShippedStream stream, double auc, double accuracy, double accuracyLast2000,
            double logLoss, double priorLogLoss, BaselineRun.Score baseline) {
        List<String> lines = new ArrayList<>();
        switch (stream) {
            case FLIGHTS -> {
                lines.add(row("", "AUC", "log loss"));
                lines.add(row(MODEL, Figures.measure(auc), Figures.measure(logLoss)));
                lines.add(row(BASELINE, Figures.measure(baseline.auc()), Figures.measure(baseline.logLoss())));
                lines.add(row(PRIOR, "", Figures.measure(priorLogLoss)));
            }
            case DIGITS -> {
                lines.add(row("", "accuracy", "last 2,000", "log loss"));
                lines.add(row(MODEL, Figures.measure(accuracy), Figures.measure(accuracyLast2000),
                        Figures.measure(logLoss)));
                lines.add(row(PRIOR, "", "", Figures.measure(priorLogLoss)));
            }
        }
        return lines;
    }

    private static String row(String name, String... cells) {
        StringBuilder line = new StringBuilder(Figures.text("%-20s", name));
        for (String cell : cells) {
            line.append(Figures.text("%12s", cell));
        }
        return line.toString().stripTrailing();
    }
}
