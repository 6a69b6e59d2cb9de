package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The gate between a whole snapshot and the threads that score: everything is checked on memory nobody else sees, off the
/// serving path; what passes is warmed up and published with one release store.
final class SnapshotAdmission {
    private static final Logger log = LoggerFactory.getLogger(SnapshotAdmission.class);

    /// Enough calls for the compiler's last tier, within a bound that a start hardly notices.
    private static final int WARM_UP_PREDICTIONS = 20_000;

    private static final long WARM_UP_NANOS_MAX = 300_000_000;

    private final String model;
    private final long maxBytes;
    private final Kernels kernels;
    private final InstantSource clock;
    private final CurrentModel current;
    private final AdmissionLog admissions;
    private @Nullable ModelBinding warm;

    SnapshotAdmission(
            String model,
            long maxBytes,
            Kernels kernels,
            InstantSource clock,
            CurrentModel current,
            AdmissionLog admissions) {
        this.model = model;
        this.maxBytes = maxBytes;
        this.kernels = kernels;
        this.clock = clock;
        this.current = current;
        this.admissions = admissions;
    }

    /// Checks and, when all hold, publishes. Never throws for a bad snapshot, whatever it is made of.
    Admission admit(SnapshotManifest manifest, List<byte[]> parts) {
        try {
            ModelBinding binding = bind(manifest);
            Parameters parameters = verify(manifest, parts, binding);
            warmUp(binding, parameters, manifest);
            ServedModel served = new ServedModel(binding, parameters, manifest, clock.millis());
            current.publish(served);
            admissions.add(served);
            return new Admission.Admitted(served);
        } catch (RefusedSnapshot e) {
            return new Admission.Refused(manifest.epoch(), manifest.version(), e.reason, e.detail);
        } catch (RuntimeException e) {
            log.error("admitting {} version {}.{} failed", model, manifest.epoch(), manifest.version(), e);
            return new Admission.Refused(
                    manifest.epoch(),
                    manifest.version(),
                    RefusalReason.INTERNAL,
                    e.getClass().getSimpleName() + ": " + e.getMessage());
        }
    }

    /// Leaves a chain of checks; never seen outside.
    private static final class RefusedSnapshot extends RuntimeException {
        final RefusalReason reason;
        final String detail;

        RefusedSnapshot(RefusalReason reason, String detail) {
            super(detail, null, false, false);
            this.reason = reason;
            this.detail = detail;
        }
    }

    /// The spec and plan of a manifest: those of the served model when the spec is the same, so that sessions keep their
    /// workspace.
    private ModelBinding bind(SnapshotManifest manifest) {
        if (!manifest.model().equals(model)) {
            throw new RefusedSnapshot(
                    RefusalReason.WRONG_MODEL, "expected model '" + model + "', found '" + manifest.model() + "'");
        }
        ServedModel served = current.get();
        if (served != null) {
            if (!ServedModel.isAbove(manifest.epoch(), manifest.version(), served.epoch(), served.version())) {
                throw new RefusedSnapshot(
                        RefusalReason.NOT_NEWER,
                        "not above the served version " + served.epoch() + "." + served.version());
            }
            if (Arrays.equals(manifest.specFingerprint(), served.spec().fingerprint())
                    && manifest.specYaml().equals(served.spec().yaml())) {
                return served.binding();
            }
            if (manifest.epoch() == served.epoch()) {
                throw new RefusedSnapshot(
                        RefusalReason.SPEC_CHANGED,
                        "epoch " + served.epoch() + " is served with another spec; a changed spec needs a new epoch");
            }
        }
        try {
            ModelSpec spec = ModelSpec.parse(manifest.specYaml(), "the spec in the manifest");
            return new ModelBinding(spec, Plan.of(spec.network()));
        } catch (SpecException | IllegalArgumentException e) {
            throw new RefusedSnapshot(RefusalReason.SPEC, String.valueOf(e.getMessage()));
        }
    }

    private Parameters verify(SnapshotManifest manifest, List<byte[]> parts, ModelBinding binding) {
        if (manifest.parentVersion() >= 0) {
            throw new RefusedSnapshot(
                    RefusalReason.UNKNOWN_PARENT, "a change to version " + manifest.parentVersion() + ", not a whole");
        }
        if (!Arrays.equals(manifest.specFingerprint(), binding.spec().fingerprint())) {
            throw new RefusedSnapshot(RefusalReason.SPEC, "the spec's fingerprint is not the one the manifest states");
        }
        if (!Arrays.equals(manifest.featureFingerprint(), binding.spec().featureFingerprint())) {
            throw new RefusedSnapshot(RefusalReason.FEATURES, "rows mean something else here than in training");
        }
        if (manifest.numerics() != Numerics.VERSION) {
            throw new RefusedSnapshot(
                    RefusalReason.NUMERICS,
                    "learned with numerics " + manifest.numerics() + ", this build computes with " + Numerics.VERSION);
        }
        if (manifest.servedBytes() > maxBytes || binding.plan().weights() > maxBytes / Float.BYTES) {
            throw new RefusedSnapshot(
                    RefusalReason.TOO_LARGE,
                    manifest.servedBytes() + " bytes declared for " + binding.plan().weights()
                            + " weights: a snapshot may hold " + maxBytes + " bytes");
        }
        Parameters parameters = Parameters.served(binding.plan());
        try {
            SnapshotParts.decode(manifest, parts, parameters);
        } catch (SnapshotFormatException e) {
            throw new RefusedSnapshot(RefusalReason.UNREADABLE, String.valueOf(e.getMessage()));
        }
        PageSet all = new PageSet(parameters.servedPages());
        all.markRange(0, parameters.servedPages() - 1);
        int page = parameters.firstNonFinitePage(all);
        if (page >= 0) {
            throw new RefusedSnapshot(RefusalReason.NOT_FINITE, "page " + page + " holds a NaN or an infinity");
        }
        String hash = ModelHash.weights(binding.spec().fingerprint(), parameters);
        if (!hash.equals(manifest.weightsHash())) {
            throw new RefusedSnapshot(
                    RefusalReason.WEIGHTS_HASH, "expected " + manifest.weightsHash() + ", the floats give " + hash);
        }
        checkGoldenRows(manifest, binding, parameters);
        return parameters;
    }

    private void checkGoldenRows(SnapshotManifest manifest, ModelBinding binding, Parameters parameters) {
        Batch batch = new Batch(binding.plan().spec().row(), 1);
        Predictor predictor = new Predictor(binding.plan(), kernels, 1);
        float[] answer = new float[binding.plan().outputs()];
        int number = 0;
        for (SnapshotManifest.GoldenRow row : manifest.goldenRows()) {
            fill(batch, row);
            predictor.predict(parameters, batch, answer);
            for (int output = 0; output < answer.length; output++) {
                if (Float.floatToRawIntBits(answer[output]) != Float.floatToRawIntBits(row.predictions()[output])) {
                    throw new RefusedSnapshot(
                            RefusalReason.GOLDEN_ROWS,
                            "row " + number + ", output " + output + ": the trainer answered "
                                    + row.predictions()[output] + ", these weights answer " + answer[output]);
                }
            }
            number++;
        }
    }

    /// Once a spec: afterwards the compiled code is there, and checking the golden rows has brought the new weights near.
    private void warmUp(ModelBinding binding, Parameters parameters, SnapshotManifest manifest) {
        if (warm == binding || manifest.goldenRows().isEmpty()) {
            return;
        }
        Batch batch = new Batch(binding.plan().spec().row(), 1);
        Predictor predictor = new Predictor(binding.plan(), kernels, 1);
        float[] answer = new float[binding.plan().outputs()];
        long start = System.nanoTime();
        for (int done = 0; done < WARM_UP_PREDICTIONS && System.nanoTime() - start < WARM_UP_NANOS_MAX; done++) {
            fill(batch, manifest.goldenRows().get(done % manifest.goldenRows().size()));
            predictor.predict(parameters, batch, answer);
        }
        warm = binding;
    }

    private static void fill(Batch batch, SnapshotManifest.GoldenRow row) {
        batch.resize(1);
        System.arraycopy(row.numbers(), 0, batch.numbers, 0, row.numbers().length);
        System.arraycopy(row.ids(), 0, batch.ids, 0, row.ids().length);
    }
}
