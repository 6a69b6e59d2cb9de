package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.security.PublicKey;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A scorer's inside without Kafka: records in, admissions out.
final class TestIntake {
    final CurrentModel current;
    final AdmissionLog admissions = new AdmissionLog();
    final SnapshotCounters counters = new SnapshotCounters();
    final SnapshotIntake intake;
    final SnapshotAdmission admission;
    final InstantSource clock;
    private final String model;
    int pieces; // that admissions were done in
    private long offset;

    TestIntake(String model) {
        this(model, 64 << 20, new ManualClock(1_700_000_100_000L));
    }

    TestIntake(String model, long maxBytes, InstantSource clock) {
        this(model, maxBytes, null, clock);
    }

    TestIntake(String model, long maxBytes, @Nullable PublicKey key, InstantSource clock) {
        this(model, maxBytes, key, clock, new ModelMemory(Long.MAX_VALUE / 4));
    }

    /// @param memory that several share
    TestIntake(String model, long maxBytes, InstantSource clock, ModelMemory memory) {
        this(model, maxBytes, null, clock, memory);
    }

    private TestIntake(String model, long maxBytes, @Nullable PublicKey key, InstantSource clock, ModelMemory memory) {
        this.model = model;
        current = new CurrentModel(maxBytes, new Succession(), clock, memory);
        this.clock = clock;
        admission = new SnapshotAdmission(model,
                new SnapshotVerifier(model, Kernels.active(), maxBytes, key, Parameters::served, () -> pieces++),
                Kernels.active(), clock, current, admissions, counters, () -> pieces++);
        intake = new SnapshotIntake(model, admission, current, counters, maxBytes);
    }

    /// What the records decided, in order.
    List<Verification> accept(List<SnapshotEntry> records) {
        List<Verification> decided = new ArrayList<>();
        for (SnapshotEntry record : records) {
            Verification admission = intake.accept(record.key(), record.value(), offset++, clock.millis());
            if (admission != null) {
                decided.add(admission);
            }
        }
        return decided;
    }

    List<Verification> accept(PublishedSnapshot snapshot) {
        return accept(snapshot.records());
    }

    ScoringSession session(int maxBatch) {
        return new ScoringSession(model, current, Kernels.active(), clock, maxBatch);
    }

    ServedVersion served() {
        ServedVersion served = current.get();
        if (served == null) {
            throw new AssertionError("nothing is served; " + counters.lastRefusal());
        }
        return served;
    }

    /// (epoch, version) served, as text; `none` before the first.
    String servedVersion() {
        return current.get() == null ? "none" : served().epoch() + "." + served().version();
    }
}
