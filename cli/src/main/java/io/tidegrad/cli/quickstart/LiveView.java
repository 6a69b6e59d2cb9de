package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.TrainerHealth;
import java.util.ArrayList;
import java.util.List;

/// A block of lines at the bottom of a terminal, which is redrawn until it settles. Every line is narrower than the
/// terminal, because a wrapped line could not be redrawn.
final class LiveView implements View {
    private static final String UP = "\u001b[%dA";
    private static final long REDRAW_NANOS_MIN = 100_000_000; // more is not visible
    private static final String CLEAR_TO_END = "\u001b[J";

    private final Terminal terminal;
    private int drawn;
    private long drawnNanos;

    LiveView(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public void line(String text) {
        draw(List.of());
        terminal.out().println(text);
        terminal.out().flush();
    }

    @Override
    public void doing(String what, double seconds) {
        long now = System.nanoTime();
        if (drawn > 0 && now - drawnNanos < REDRAW_NANOS_MIN) {
            return;
        }
        draw(List.of(terminal.dim(fit(Figures.text("  %-36s %5.1f s", what, seconds)))));
    }

    @Override
    public void done(String what, double seconds) {
        line(fit(Figures.text("  %-36s %5.1f s", what, seconds)) + "  " + terminal.green("done"));
    }

    @Override
    public void progress(Progress progress) {
        TrainerHealth trainer = progress.trainer();
        TrainerHealth.Report report = trainer.report();
        List<String> lines = new ArrayList<>();
        lines.add("");
        lines.add(row("sent", Figures.text("%,d of %,d", progress.sent(), progress.total()),
                Figures.text("%,.0f events/s", progress.eventsPerSecond())));
        lines.add(row("learned", Figures.count(trainer.learned()), "version " + Figures.count(trainer.version())));
        lines.add(row("served", progress.servedVersion() < 0 ? "none yet" : Figures.count(progress.servedVersion()),
                Double.isNaN(progress.freshnessMillis()) ? ""
                        : Figures.text("%.1f s behind the events", progress.freshnessMillis() / 1000)));
        lines.add("");
        List<String> table = MeasureTable.lines(progress.stream(), report.auc(), report.accuracy(),
                report.accuracyLast2000(), report.logLoss(), report.priorLogLoss(), progress.baseline());
        for (int line = 0; line < table.size(); line++) {
            String text = fit("  " + table.get(line));
            lines.add(line == 1 ? terminal.bold(text) : terminal.dim(text));
        }
        draw(lines);
    }

    private String row(String name, String value, String detail) {
        return fit(Figures.text("  %-10s %20s    %s", name, value, detail).stripTrailing());
    }

    @Override
    public void settle() {
        drawn = 0;
    }

    private String fit(String text) {
        return terminal.fit(text, terminal.columns() - 1);
    }

    private void draw(List<String> lines) {
        StringBuilder frame = new StringBuilder();
        if (drawn > 0) {
            frame.append(UP.formatted(drawn)).append('\r').append(CLEAR_TO_END);
        }
        lines.forEach(line -> frame.append(line).append('\n'));
        drawn = lines.size();
        drawnNanos = System.nanoTime();
        // A frame is written at once, so that it does not flicker.
        terminal.out().print(frame);
        terminal.out().flush();
    }
}
