package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A scorer whose caller passes in the records instead of a topic: the same intake, checks and swap, without Kafka. It
/// is used to measure what swaps cost the threads that score.
public final class FedScorer {
    private final String model;
    private final InstantSource clock;
    private final Kernels kernels = Kernels.active();
    private final CurrentModel current;
    private final SnapshotIntake intake;
    private long offset; // of the next record

    /// @param maxBytes bound on a snapshot's weights
    public FedScorer(String model, long maxBytes, InstantSource clock) {
        this.model = model;
        this.clock = clock;
        current = new CurrentModel(maxBytes, new Succession(), clock);
        SnapshotCounters counters = new SnapshotCounters();
        SnapshotVerifier verifier = new SnapshotVerifier(model, kernels, maxBytes, null, Parameters::served);
        SnapshotAdmission admission =
                new SnapshotAdmission(model, verifier, kernels, clock, current, new AdmissionLog(), counters, () -> {
                });
        intake = new SnapshotIntake(model, admission, current, counters, maxBytes);
    }

    /// Takes the records of a snapshot in the order of the log. Called by one thread; others score.
    ///
    /// @return what the last record decided; null if it decided nothing
    public @Nullable Verification accept(List<SnapshotEntry> records) {
        Verification decided = null;
        for (SnapshotEntry record : records) {
            decided = intake.accept(record.key(), record.value(), offset++, clock.millis());
        }
        return decided;
    }

    /// Returns a workspace for one thread.
    public ScoringSession newSession() {
        return new ScoringSession(model, current, kernels, clock, 1);
    }
}
