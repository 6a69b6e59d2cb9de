package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.snapshot.DecodedParts;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Decides whether a complete snapshot may serve. All checks run on the follower's thread, on memory that no other
/// thread can see. A snapshot that passes is warmed up and then published with one release store.
final class SnapshotAdmission {
    private static final Logger log = LoggerFactory.getLogger(SnapshotAdmission.class);

    /// Enough calls to reach the compiler's last tier; the time limit below keeps the delay of a start below 0.3 s.
    private static final int WARM_UP_PREDICTIONS = 20_000;

    private static final long WARM_UP_NANOS_MAX = 300_000_000;

    private static final int ROWS_A_PIECE = 16;

    private final String model;
    private final SnapshotVerifier verifier;
    private final Kernels kernels;
    private final InstantSource clock;
    private final CurrentModel current;
    private final AdmissionLog admissions;
    private final SnapshotCounters counters;
    private final Runnable between;
    private @Nullable ModelBinding warm;
    private int warmedOn;

    /// @param between called between pieces of work that take some tens of microseconds each
    SnapshotAdmission(String model, SnapshotVerifier verifier, Kernels kernels, InstantSource clock,
            CurrentModel current, AdmissionLog admissions, SnapshotCounters counters, Runnable between) {
        this.model = model;
        this.verifier = verifier;
        this.kernels = kernels;
        this.clock = clock;
        this.current = current;
        this.admissions = admissions;
        this.counters = counters;
        this.between = between;
    }

    /// Checks a snapshot and publishes it if all checks pass. Never throws because of a bad snapshot, whatever is wrong
    /// with it.
    ///
    /// @param parts values of parts 0 … n-1
    Verification admit(SnapshotManifest manifest, List<byte[]> parts) {
        return admit(manifest, () -> {
            ServedVersion served = servedOfThis();
            return verifier.verify(manifest, parts, served == null ? null : served.loaded());
        });
    }

    /// Like `admit`, for parts that may already be decoded.
    Verification admit(SnapshotManifest manifest, SnapshotAssembler.Parts parts) {
        DecodedParts decoded = parts.decoded();
        return decoded == null ? admit(manifest, parts.values())
                : admit(manifest, () -> verifier.verify(manifest, decoded));
    }

    /// Like `admit`, for a snapshot in a file.
    Verification admit(SnapshotFile file) {
        return admit(file.head().manifest(), () -> verifier.verify(file));
    }

    private Verification admit(SnapshotManifest manifest, Supplier<Verification> verified) {
        return Objects.requireNonNull(decide(manifest, verified, this::serve));
    }

    /// Serves the version in a file if nothing is served. Returns null if something is served by then, or if the
    /// version must not be served.
    @Nullable
    Verification admitIfNone(SnapshotFile file) {
        SnapshotFile.Head head = file.head();
        return decide(head.manifest(), () -> verifier.verify(file), admitted -> {
            ServedVersion served = prepare(admitted.model(), head.broughtBack(), head.resume());
            if (!current.publishIfNone(served)) {
                return null;
            }
            admissions.add(served);
            return admitted;
        });
    }

    private @Nullable Verification decide(SnapshotManifest manifest, Supplier<Verification> verified,
            Function<Verification.Admitted, @Nullable Verification> publish) {
        JfrAdmit recorded = new JfrAdmit();
        recorded.begin();
        Verification verdict = verdict(manifest, verified, publish);
        recorded.end();
        if (recorded.shouldCommit()) {
            recorded.model = model;
            recorded.epoch = manifest.epoch();
            recorded.version = manifest.version();
            recorded.refused = verdict instanceof Verification.Refused refused ? refused.reason().code() : "";
            recorded.commit();
        }
        return verdict;
    }

    private @Nullable Verification verdict(SnapshotManifest manifest, Supplier<Verification> verified,
            Function<Verification.Admitted, @Nullable Verification> publish) {
        boolean reserved = false;
        try {
            Verification.Refused outOfPlace = refuseOutOfPlace(manifest);
            if (outOfPlace != null) {
                return outOfPlace;
            }
            if (!manifest.isDelta() && !current.isReserved()) {
                reserved = true;
                String noRoom = current.reserve(model, manifest.servedBytes(), () -> false);
                if (noRoom != null) {
                    return new Verification.Refused(manifest, RefusalReason.TOO_LARGE, noRoom);
                }
            }
            return switch (verified.get()) {
                case Verification.Admitted admitted -> publish.apply(admitted);
                case Verification.Refused refused -> refused;
            };
        } catch (OutOfMemoryError e) {
            // The memory that it took is garbage by now. Another attempt would need as much again.
            return new Verification.Refused(manifest, RefusalReason.TOO_LARGE,
                    "the heap had no room for " + manifest.servedBytes() + " bytes beside what is served");
        } catch (RuntimeException e) {
            log.error("admitting model {}, version {}.{} failed", model, manifest.epoch(), manifest.version(), e);
            return new Verification.Refused(manifest, RefusalReason.INTERNAL,
                    e.getClass().getSimpleName() + ": " + e.getMessage());
        } finally {
            if (reserved) {
                current.release();
            }
        }
    }

    /// Serves a version that has passed its checks.
    Verification serve(Verification.Admitted admitted) {
        // Counted before it is published, so that whoever sees the version also finds it counted.
        counters.loaded(admitted.model().manifest().isDelta(), admitted.copiedBytes());
        publish(prepare(admitted.model(), false, ServedVersion.NO_FILE));
        return admitted;
    }

    /// Serves a version of an earlier epoch again, as the first version of the epoch that a rollback began.
    void bringBack(Verification.Admitted base, int epoch) {
        counters.broughtBack(base.copiedBytes());
        publish(prepare(base.model().inEpoch(epoch), true, ServedVersion.NO_FILE));
    }

    /// Serves the version that this model served before another model answered to the name. It needs no checks and no
    /// warm-up.
    void comeBack(ServedVersion last) {
        counters.loaded(last.manifest().isDelta(), 0);
        publish(last.again(clock.millis()));
    }

    SnapshotVerifier verifier() {
        return verifier;
    }

    /// Returns the served version if it is one of this model, else null.
    private @Nullable ServedVersion servedOfThis() {
        ServedVersion served = current.get();
        return served != null && served.model().equals(model) ? served : null;
    }

    /// Returns why the versions served before rule this one out, null if they do not: versions increase, an ended epoch
    /// never returns, and a spec stays the same within its epoch.
    private Verification.@Nullable Refused refuseOutOfPlace(SnapshotManifest manifest) {
        if (current.succession().isOver(model, manifest.epoch())) {
            return new Verification.Refused(manifest, RefusalReason.OLD_EPOCH,
                    "epoch " + manifest.epoch() + " is over: a later one has begun");
        }
        ServedVersion served = servedOfThis();
        if (!current.wants(model, manifest.epoch(), manifest.version())) {
            return new Verification.Refused(manifest, RefusalReason.NOT_NEWER,
                    "expected a version above "
                            + (served == null ? "what was served" : served.epoch() + "." + served.version())
                            + ", found " + manifest.epoch() + "." + manifest.version());
        }
        if (served != null && manifest.epoch() == served.epoch()
                && !Arrays.equals(manifest.specFingerprint(), served.manifest().specFingerprint())) {
            return new Verification.Refused(manifest, RefusalReason.SPEC_CHANGED,
                    "epoch " + served.epoch() + " is served with another spec; a changed spec needs a new epoch");
        }
        return null;
    }

    private ServedVersion prepare(LoadedModel loaded, boolean broughtBack, long fileResume) {
        ModelBinding binding = bind(loaded);
        warmUp(binding, loaded);
        warmedOn = warmUpOnRequests(binding, loaded.parameters());
        return new ServedVersion(binding, loaded.parameters(), loaded.leaves(), loaded.manifest(), broughtBack,
                clock.millis(), fileResume);
    }

    private void publish(ServedVersion served) {
        between.run();
        admissions.add(served);
        current.publish(served);
    }

    /// Returns the binding of the served version if the spec is the same, so that sessions keep their workspace.
    private ModelBinding bind(LoadedModel loaded) {
        ServedVersion served = servedOfThis();
        if (served != null && Arrays.equals(served.manifest().specFingerprint(), loaded.manifest().specFingerprint())) {
            return served.binding();
        }
        return new ModelBinding(loaded.spec(), loaded.plan());
    }

    /// Runs once for each spec. For later versions the code is compiled already, and checking the golden rows has
    /// brought the new weights into the cache.
    private void warmUp(ModelBinding binding, LoadedModel loaded) {
        List<SnapshotManifest.GoldenRow> rows = loaded.manifest().goldenRows();
        if (warm == binding || rows.isEmpty()) {
            return;
        }
        Batch batch = new Batch(binding.plan().spec().row(), 1);
        batch.resize(1);
        Predictor predictor = new Predictor(binding.plan(), kernels, 1);
        float[] answer = new float[binding.plan().outputs()];
        long start = System.nanoTime();
        for (int done = 0; done < WARM_UP_PREDICTIONS && System.nanoTime() - start < WARM_UP_NANOS_MAX; done++) {
            SnapshotManifest.GoldenRow row = rows.get(done % rows.size());
            System.arraycopy(row.numbers(), 0, batch.numbers, 0, row.numbers().length);
            System.arraycopy(row.ids(), 0, batch.ids, 0, row.ids().length);
            predictor.predict(loaded.parameters(), batch, answer);
        }
        warm = binding;
    }

    /// Scores each recent request once and discards the result, so that the weights that will be read next are in the
    /// cache.
    private int warmUpOnRequests(ModelBinding binding, Parameters parameters) {
        RecentRequests recent = binding.recent();
        Batch batch = new Batch(binding.plan().spec().row(), 1);
        batch.resize(1);
        Predictor predictor = null;
        float[] answer = new float[binding.plan().outputs()];
        int rows = 0;
        for (int place = 0; place < recent.places(); place++) {
            if (place % ROWS_A_PIECE == 0) {
                between.run();
            }
            if (recent.copy(place, batch)) {
                if (predictor == null) {
                    predictor = new Predictor(binding.plan(), kernels, 1);
                }
                predictor.predict(parameters, batch, answer);
                rows++;
            }
        }
        return rows;
    }

    /// Returns how many recent requests the newest version was warmed up on.
    int warmedOn() {
        return warmedOn;
    }
}
