package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.TrainerHealth;
import java.util.ArrayList;
import java.util.List;

/// Lines for a file or a pipe: one if something starts, one if it is done, and one about every two seconds of the stream.
final class PlainView implements View {
    private static final double SECONDS_BETWEEN_LINES = 2;

    private final Terminal terminal;
    private String doing = "";
    private double nextLineAt;

    PlainView(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public void line(String text) {
        terminal.out().println(text);
        terminal.out().flush();
    }

    @Override
    public void doing(String what, double seconds) {
        if (!doing.equals(what)) {
            doing = what;
            line("  " + what + " ...");
        }
    }

    @Override
    public void done(String what, double seconds) {
        line("  " + what + Figures.text(": %.1f s", seconds));
    }

    @Override
    public void progress(Progress progress) {
        if (progress.seconds() < nextLineAt) {
            return;
        }
        nextLineAt = progress.seconds() + SECONDS_BETWEEN_LINES;
        line(oneLine(progress));
    }

    @Override
    public void settle() {
        nextLineAt = 0;
    }

    private static String oneLine(Progress progress) {
        TrainerHealth trainer = progress.trainer();
        TrainerHealth.Report report = trainer.report();
        List<String> facts = new ArrayList<>();
        facts.add(Figures.text("%6.1f s", progress.seconds()));
        facts.add(Figures.text("sent %,d of %,d (%,.0f/s)", progress.sent(), progress.total(),
                progress.eventsPerSecond()));
        facts.add(Figures.text("learned %,d", trainer.learned()));
        switch (progress.stream()) {
            case FLIGHTS -> facts.add("AUC " + Figures.measure(report.auc()) + " (baseline "
                    + Figures.measure(progress.baseline().auc()) + ")");
            case DIGITS -> facts.add("accuracy " + Figures.measure(report.accuracy()) + " (last 2,000: "
                    + Figures.measure(report.accuracyLast2000()) + ")");
        }
        String baseline = Double.isNaN(progress.baseline().logLoss()) ? ""
                : "baseline " + Figures.measure(progress.baseline().logLoss()) + ", ";
        facts.add("log loss " + Figures.measure(report.logLoss()) + " (" + baseline + "prior "
                + Figures.measure(report.priorLogLoss()) + ")");
        facts.add("version " + Figures.count(trainer.version()) + ", served "
                + Figures.served(progress.servedVersion(), progress.freshnessMillis()));
        return String.join("  ", facts);
    }
}
