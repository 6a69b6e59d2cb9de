package io.tidegrad.cli.quickstart;

import io.tidegrad.localstack.streams.ShippedStream;
import java.util.List;

/// Prints the result of a run for people.
record Summary(Terminal terminal, View view) {
    private static final int HASH_COLUMNS = 64;
    private static final int LABEL_COLUMNS = 24;

    void print(Outcome run, ShippedStream stream, List<Check> checks) {
        view.line("");
        row("events", Figures.text("%,d = %,d learned + %,d pending + %,d dead letters", run.events(), run.learned(),
                run.pending(), run.deadLetters()));
        row("snapshots", Figures.text("%,d published, %,d loaded by the scorer", run.snapshotsPublished(),
                run.snapshotsLoaded()));
        row("event to admitted", "p50 " + Figures.millis(run.freshnessMillisP50()) + ", p99 "
                + Figures.millis(run.freshnessMillisP99()));
        view.line("");
        MeasureTable
                .lines(stream, run.auc(), run.accuracy(), run.accuracyLast2000(), run.logLoss(), run.priorLogLoss(),
                        new BaselineRun.Score(run.baselineLogLoss(), run.baselineAuc()))
                .forEach(line -> view.line("  " + line));
        view.line(terminal.dim("  progressive: every event is predicted first, then learned, in order"));
        view.line("");
        hash("weights-hash  trainer", run.weightsHashTrainer());
        hash("              scorer", run.weightsHashScorer());
        hash("              replay", run.weightsHashReplay());
        hash("state-hash    trainer", run.stateHashTrainer());
        hash("              replay", run.stateHashReplay());
        view.line("");
        if (run.hashesEqual()) {
            view.line("  " + terminal.green("equal")
                    + ": learned live, served, and learned again from the log give the same bits");
        } else {
            view.line("  " + terminal.red("NOT EQUAL: the hashes differ. This must never happen."));
        }
        for (Check check : checks) {
            if (!check.holds()) {
                view.line("  " + terminal.red("FAILED") + ": " + check.claim() + "; found " + check.found());
            }
        }
        view.line("");
    }

    private void row(String name, String text) {
        view.line(Figures.text("  %-20s%s", name, text));
    }

    private void hash(String label, String hash) {
        // On a narrow terminal only the beginning of a hash is shown, because a wrapped one is hard to read; --json has all
        // of it.
        int room = terminal.columns() - LABEL_COLUMNS - 3;
        view.line(Figures.text("  %-" + LABEL_COLUMNS + "s", label)
                + (room < HASH_COLUMNS ? terminal.fit(hash, Math.max(room, 16)) : hash));
    }
}
