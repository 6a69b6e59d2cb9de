package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.snapshot.DecodedParts;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The gate between a whole snapshot and the threads that score: everything is checked on memory nobody else sees, off
/// the serving path; what passes is warmed up and published with one release store.
final class SnapshotAdmission {
    private static final Logger log = LoggerFactory.getLogger(SnapshotAdmission.class);

    /// Enough calls for the compiler's last tier, within a bound that a start hardly notices.
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

    /// @param between called between pieces of some tens of microseconds
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

    /// Checks and, when all hold, publishes. Never throws for a bad snapshot, whatever it is made of.
    ///
    /// @param parts values of parts 0 … n-1
    Admission admit(SnapshotManifest manifest, List<byte[]> parts) {
        return admit(manifest, () -> {
            ServedVersion served = servedOfThis();
            LoadedModel parent = served == null ? null : served.loaded();
            return verifier.verify(manifest, parts, parent);
        });
    }

    /// As `admit`, for parts that may be decoded already.
    Admission admit(SnapshotManifest manifest, AssembledParts parts) {
        return switch (parts) {
            case AssembledParts.Collected(List<byte[]> values) -> admit(manifest, values);
            case AssembledParts.Decoded(DecodedParts decoded) ->
                admit(manifest, () -> verifier.verify(manifest, decoded));
        };
    }

    /// As `admit`, for all of a model in a file.
    Admission admit(SnapshotFile file) {
        return admit(file.head().manifest(), () -> verifier.verify(file));
    }

    /// Serves the version in a file where nothing is served; null when something is by then, or may not be.
    @Nullable
    Admission admitIfNone(SnapshotFile file) {
        SnapshotFile.Head head = file.head();
        return decide(head.manifest(), () -> verifier.verify(file), (loaded, copiedBytes) -> {
            ServedVersion served = prepare(loaded, head.broughtBack(), head.resume());
            if (!current.publishIfNone(served)) {
                return null;
            }
            admissions.add(served);
            return new Admission.Admitted(served);
        });
    }

    private Admission admit(SnapshotManifest manifest, Supplier<Verification> verified) {
        return Objects.requireNonNull(decide(manifest, verified, (loaded, copiedBytes) -> {
            // Told first: whoever sees the version finds it counted.
            counters.loaded(manifest.isDelta(), copiedBytes);
            return publish(loaded, false);
        }));
    }

    /// Publishes what passed.
    @FunctionalInterface
    private interface Publishing {
        @Nullable
        Admission publish(LoadedModel loaded, long copiedBytes);
    }

    private @Nullable Admission decide(SnapshotManifest manifest, Supplier<Verification> verified,
            Publishing publishing) {
        boolean reserved = false;
        try {
            Admission.Refused outOfPlace = refuseOutOfPlace(manifest);
            if (outOfPlace != null) {
                return outOfPlace;
            }
            if (!manifest.isDelta() && !current.isReserved()) {
                reserved = true;
                String noRoom = current.reserve(model, manifest.servedBytes(), () -> false);
                if (noRoom != null) {
                    return refused(manifest, RefusalReason.TOO_LARGE, noRoom);
                }
            }
            return switch (verified.get()) {
                case Verification.Admitted(LoadedModel loaded, long copiedBytes) ->
                    publishing.publish(loaded, copiedBytes);
                case Verification.Refused(Verification.Reason reason, String detail) ->
                    refused(manifest, RefusalReason.of(reason), detail);
            };
        } catch (OutOfMemoryError e) {
            // What it needed is garbage by now; trying again would need as much again.
            return refused(manifest, RefusalReason.TOO_LARGE,
                    "the heap had no room for " + manifest.servedBytes() + " bytes beside what is served");
        } catch (RuntimeException e) {
            log.error("admitting {} version {}.{} failed", model, manifest.epoch(), manifest.version(), e);
            return refused(manifest, RefusalReason.INTERNAL, e.getClass().getSimpleName() + ": " + e.getMessage());
        } finally {
            if (reserved) {
                current.release();
            }
        }
    }

    /// Serves a version of an earlier epoch again, as the first one of the epoch that a rollback began.
    ///
    /// @param copiedBytes of memory for it, 0 when it was at hand
    Admission bringBack(LoadedModel base, int epoch, long copiedBytes) {
        counters.broughtBack(copiedBytes);
        return publish(base.inEpoch(epoch), true);
    }

    /// Serves a version that was asked for by its number.
    ///
    /// @param copiedBytes of memory for it
    Admission pin(LoadedModel loaded, long copiedBytes) {
        counters.loaded(loaded.manifest().isDelta(), copiedBytes);
        return publish(loaded, false);
    }

    /// Serves the model again where it was when another one began to answer. Its code is compiled and its weights were
    /// checked.
    Admission comeBack(ServedVersion last) {
        counters.loaded(last.manifest().isDelta(), 0);
        ServedVersion again = last.again(clock.millis());
        admissions.add(again);
        current.publish(again);
        return new Admission.Admitted(again);
    }

    /// Serves a version that was loaded with its chain, by a model that answered before.
    Admission comeBack(LoadedModel loaded, long copiedBytes) {
        counters.loaded(loaded.manifest().isDelta(), copiedBytes);
        return publish(loaded, false);
    }

    /// The verifier of this model's snapshots.
    SnapshotVerifier verifier() {
        return verifier;
    }

    /// What is served, when it is a version of this model and not of one that answered before.
    private @Nullable ServedVersion servedOfThis() {
        ServedVersion served = current.get();
        return served != null && served.model().equals(model) ? served : null;
    }

    /// What was served before rules out: versions go up, epochs end, and a spec stays for its epoch.
    private Admission.@Nullable Refused refuseOutOfPlace(SnapshotManifest manifest) {
        if (current.succession().isOver(model, manifest.epoch())) {
            return refused(manifest, RefusalReason.OLD_EPOCH,
                    "epoch " + manifest.epoch() + " is over: a later one has begun");
        }
        ServedVersion served = servedOfThis();
        if (!current.wants(model, manifest.epoch(), manifest.version())) {
            return refused(manifest, RefusalReason.NOT_NEWER,
                    "expected a version above "
                            + (served == null ? "what was served" : served.epoch() + "." + served.version())
                            + ", found " + manifest.epoch() + "." + manifest.version());
        }
        if (served != null && manifest.epoch() == served.epoch()
                && !Arrays.equals(manifest.specFingerprint(), served.manifest().specFingerprint())) {
            return refused(manifest, RefusalReason.SPEC_CHANGED,
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

    private Admission publish(LoadedModel loaded, boolean broughtBack) {
        ServedVersion served = prepare(loaded, broughtBack, ServedVersion.NO_FILE);
        between.run();
        admissions.add(served);
        current.publish(served);
        return new Admission.Admitted(served);
    }

    /// The served model's binding when the spec is the same, so that sessions keep their workspace.
    private ModelBinding bind(LoadedModel loaded) {
        ServedVersion served = servedOfThis();
        if (served != null && Arrays.equals(served.manifest().specFingerprint(), loaded.manifest().specFingerprint())) {
            return served.binding();
        }
        return new ModelBinding(loaded.spec(), loaded.plan());
    }

    /// Once a spec: afterwards the compiled code is there, and checking the golden rows has brought the new weights
    /// near.
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

    /// Predicts what was asked just now, once: the rows of the new version that will be read next are then near.
    /// Answers go nowhere.
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

    /// Recent requests that the newest version was warmed up on.
    int warmedOn() {
        return warmedOn;
    }

    private static Admission.Refused refused(SnapshotManifest manifest, RefusalReason reason, String detail) {
        return new Admission.Refused(manifest.epoch(), manifest.version(), reason, detail);
    }
}
