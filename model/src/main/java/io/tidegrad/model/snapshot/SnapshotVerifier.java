package io.tidegrad.model.snapshot;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.snapshot.SnapshotManifest.GoldenRow;
import io.tidegrad.model.snapshot.Verification.Reason;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/// Whole snapshot → model, or why not: spec and fingerprints, numerics, parts, finite weights, the weights-hash
/// recomputed from the floats, the trainer's own predictions reproduced bit for bit. Never throws for a bad snapshot.
public final class SnapshotVerifier {
    private final String model;
    private final Kernels kernels;
    private final long maxBytes;
    private final Function<Plan, Parameters> room;

    /// @param model that is expected
    /// @param kernels that will serve it
    /// @param maxBytes of weights, checked before they are allocated
    public SnapshotVerifier(String model, Kernels kernels, long maxBytes) {
        this(model, kernels, maxBytes, Parameters::served);
    }

    /// @param room where a snapshot is decoded and checked: memory that nobody reads. Only a test gives another
    public SnapshotVerifier(
            String model, Kernels kernels, long maxBytes, Function<Plan, Parameters> room) {
        this.model = model;
        this.kernels = kernels;
        this.maxBytes = maxBytes;
        this.room = room;
    }

    private static final class Refusal extends Exception {
        private final transient Verification.Refused refused;

        Refusal(Reason reason, String detail) {
            super(detail, null, false, false);
            refused = new Verification.Refused(reason, detail);
        }
    }

    /// @param parts values of parts 0 … n-1
    public Verification verify(SnapshotManifest manifest, List<byte[]> parts) {
        try {
            return new Verification.Admitted(load(manifest, parts));
        } catch (Refusal refusal) {
            return refusal.refused;
        }
    }

    private LoadedModel load(SnapshotManifest manifest, List<byte[]> parts) throws Refusal {
        check(
                manifest.model().equals(model),
                Reason.WRONG_MODEL,
                "expected model '" + model + "', found '" + manifest.model() + "'");
        check(
                manifest.parentVersion() < 0,
                Reason.PARENT,
                "expected a full snapshot, found changes to version " + manifest.parentVersion());
        check(
                manifest.numerics() == Numerics.VERSION,
                Reason.NUMERICS,
                "expected numerics "
                        + Numerics.VERSION
                        + " of this build, found "
                        + manifest.numerics());
        ModelSpec spec;
        Plan plan;
        try {
            spec = ModelSpec.parse(manifest.specYaml(), "the snapshot's spec");
            plan = Plan.of(spec.network());
        } catch (SpecException | IllegalArgumentException invalid) {
            throw new Refusal(Reason.SPEC, String.valueOf(invalid.getMessage()));
        }
        check(
                Arrays.equals(manifest.specFingerprint(), spec.fingerprint()),
                Reason.SPEC,
                "the manifest states another fingerprint than its spec has");
        check(
                Arrays.equals(manifest.featureFingerprint(), spec.featureFingerprint()),
                Reason.FEATURES,
                "the manifest states another feature fingerprint than its spec has here");
        check(
                manifest.servedBytes() <= maxBytes && plan.weights() <= maxBytes / Float.BYTES,
                Reason.TOO_LARGE,
                "expected at most "
                        + maxBytes
                        + " bytes, found "
                        + manifest.servedBytes()
                        + " for "
                        + plan.weights()
                        + " weights");
        Parameters parameters = room.apply(plan);
        try {
            SnapshotParts.decode(manifest, parts, parameters);
        } catch (SnapshotFormatException damaged) {
            throw new Refusal(Reason.PARTS, String.valueOf(damaged.getMessage()));
        }
        PageSet all = new PageSet(parameters.pages());
        all.markRange(0, parameters.servedPages() - 1);
        int page = parameters.firstNonFinitePage(all);
        check(page < 0, Reason.NOT_FINITE, "page " + page + " holds a NaN or an infinity");
        String hash = ModelHash.weights(spec.fingerprint(), parameters);
        check(
                hash.equals(manifest.weightsHash()),
                Reason.WEIGHTS_HASH,
                "expected " + manifest.weightsHash() + ", the weights give " + hash);
        checkGoldenRows(manifest.goldenRows(), plan, parameters);
        return new LoadedModel(manifest, spec, plan, parameters);
    }

    private void checkGoldenRows(List<GoldenRow> rows, Plan plan, Parameters parameters)
            throws Refusal {
        RowShape shape = plan.spec().row();
        Predictor predictor = new Predictor(plan, kernels, 1);
        Batch batch = new Batch(shape, 1);
        batch.resize(1);
        float[] predictions = new float[plan.outputs()];
        for (int i = 0; i < rows.size(); i++) {
            GoldenRow row = rows.get(i);
            check(
                    row.numbers().length == shape.numbers()
                            && row.ids().length == shape.ids()
                            && row.predictions().length == plan.outputs(),
                    Reason.GOLDEN_ROWS,
                    "golden row "
                            + i
                            + ": expected "
                            + shape.numbers()
                            + " numbers, "
                            + shape.ids()
                            + " ids, "
                            + plan.outputs()
                            + " predictions, found "
                            + row.numbers().length
                            + ", "
                            + row.ids().length
                            + ", "
                            + row.predictions().length);
            System.arraycopy(row.numbers(), 0, batch.numbers, 0, shape.numbers());
            System.arraycopy(row.ids(), 0, batch.ids, 0, shape.ids());
            try {
                predictor.predict(parameters, batch, predictions);
            } catch (IndexOutOfBoundsException idBeyondTable) {
                throw new Refusal(
                        Reason.GOLDEN_ROWS, "golden row " + i + ": " + idBeyondTable.getMessage());
            }
            for (int output = 0; output < predictions.length; output++) {
                int expected = Float.floatToRawIntBits(row.predictions()[output]);
                check(
                        Float.floatToRawIntBits(predictions[output]) == expected,
                        Reason.GOLDEN_ROWS,
                        "golden row "
                                + i
                                + ", output "
                                + output
                                + ": expected "
                                + row.predictions()[output]
                                + ", these weights give "
                                + predictions[output]);
            }
        }
    }

    private static void check(boolean holds, Reason reason, String detail) throws Refusal {
        if (!holds) {
            throw new Refusal(reason, detail);
        }
    }
}
