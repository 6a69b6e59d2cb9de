package io.tidegrad.cli;

import io.tidegrad.trainer.relearn.ReplayProgress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;

/// Shows the progress of a replay: on a terminal as a bar that is redrawn, elsewhere as a line every few seconds.
final class ProgressLine implements ReplayProgress.Listener, AutoCloseable {
    static final ProgressLine NONE = new ProgressLine(new PrintWriter(PrintWriter.nullWriter()), false);

    private static final int BAR = 30;
    private static final long PLAIN_EVERY_NANOS = 5_000_000_000L;

    private final PrintWriter to;
    private final boolean terminal;
    private long plainAt = PLAIN_EVERY_NANOS;
    private long before = -1;
    private int drawn;

    ProgressLine(PrintWriter to, boolean terminal) {
        this.to = to;
        this.terminal = terminal;
    }

    static ProgressLine on(PrintWriter to, Map<String, String> environment) {
        boolean terminal =
                System.console() != null && System.console().isTerminal() && !"dumb".equals(environment.get("TERM"));
        return new ProgressLine(to, terminal);
    }

    @Override
    public void at(ReplayProgress progress) {
        if (terminal) {
            String line = bar(progress.share()) + " " + text(progress);
            to.print("\r" + line + " ".repeat(Math.max(0, drawn - line.length())));
            to.flush();
            drawn = line.length();
        } else {
            if (progress.nanos() < before) {
                plainAt = PLAIN_EVERY_NANOS; // another pass
            }
            before = progress.nanos();
            if (progress.nanos() >= plainAt) {
                plainAt = progress.nanos() + PLAIN_EVERY_NANOS;
                to.println(text(progress));
                to.flush();
            }
        }
    }

    private static String bar(double share) {
        int full = (int) Math.round(BAR * Math.clamp(share, 0, 1));
        return "[" + "#".repeat(full) + "-".repeat(BAR - full) + "]";
    }

    static String text(ReplayProgress progress) {
        return String.format(Locale.ROOT, "%5.1f %%  offset %,d of %,d  %,.0f events/s  %s left",
                100 * progress.share(), progress.at(), progress.end(), progress.recordsPerSecond(),
                time(progress.left()));
    }

    private static String time(Duration left) {
        long seconds = left.toSeconds();
        return seconds >= 3_600 ? String.format(Locale.ROOT, "%d:%02d h", seconds / 3_600, seconds / 60 % 60)
                : String.format(Locale.ROOT, "%d:%02d min", seconds / 60, seconds % 60);
    }

    /// Removes the bar.
    @Override
    public void close() {
        if (terminal && drawn > 0) {
            to.print("\r" + " ".repeat(drawn) + "\r");
            to.flush();
            drawn = 0;
        }
    }
}
