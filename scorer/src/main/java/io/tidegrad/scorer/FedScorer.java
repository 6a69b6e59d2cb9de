package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import java.time.InstantSource;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A scorer whose records are handed to it by its caller instead of being read from a topic: the same intake, the same
/// checks, the same swap, without Kafka. For measuring what swaps cost who scores.
public final class FedScorer {
    private final String model;
    private final InstantSource clock;
    private final Kernels kernels = Kernels.active();
    private final CurrentModel current;
    private final SnapshotIntake intake;
    private long offset; // of the next record

    /// @param maxBytes of a snapshot's weights
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

    /// Takes a snapshot's records, in the order of the log. One thread; those that score are others.
    ///
    /// @return what the last record decided; null where it decided nothing
    public @Nullable Admission accept(List<SnapshotEntry> records) {
        Admission decided = null;
        for (SnapshotEntry record : records) {
            decided = intake.accept(record.key(), record.value(), offset++, clock.millis());
        }
        return decided;
    }

    /// One thread's workspace.
    public ScoringSession newSession() {
        return new ScoringSession(model, current, kernels, clock, 1);
    }
}
