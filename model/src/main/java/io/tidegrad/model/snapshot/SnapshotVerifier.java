package io.tidegrad.model.snapshot;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.model.Successor;
import io.tidegrad.engine.snapshot.ServedLeaves;
import io.tidegrad.model.snapshot.SnapshotManifest.GoldenRow;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.spec.SpecException;
import java.security.PublicKey;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Checks a whole snapshot and returns its model or the reason for refusing it. Checks signature, spec and
/// fingerprints, numerics, parts, finite weights, the weights-hash (recomputed from the floats) and the trainer's
/// predictions (bit for bit). Never throws for a bad snapshot. A delta shares unchanged memory with its parent, and its
/// cost is proportional to its changes.
public final class SnapshotVerifier {
    private final String model;
    private final Kernels kernels;
    private final long maxBytes;
    private final @Nullable PublicKey key;
    private final Function<Plan, Parameters> room;
    private final Runnable between;

    /// The spec of the previous snapshot, kept because it doesn't change within an epoch and reading it takes as long
    /// as all other checks of a small model.
    private volatile @Nullable ReadSpec lastRead;

    /// @param model name of the expected model
    /// @param kernels kernels that will serve it
    /// @param maxBytes most bytes of weights, checked before they are allocated
    public SnapshotVerifier(String model, Kernels kernels, long maxBytes) {
        this(model, kernels, maxBytes, null, Parameters::served);
    }

    /// @param key whose signature a manifest must carry; null when it need not be signed
    /// @param room allocates the parameters that a full snapshot is decoded into; only tests pass another
    public SnapshotVerifier(String model, Kernels kernels, long maxBytes, @Nullable PublicKey key,
            Function<Plan, Parameters> room) {
        this(model, kernels, maxBytes, key, room, () -> {
        });
    }

    /// @param key whose signature a manifest must carry; null when it need not be signed
    /// @param room allocates the parameters that a full snapshot is decoded into; only tests pass another
    /// @param between called between pieces of work of some tens of microseconds, by the thread that did them
    public SnapshotVerifier(String model, Kernels kernels, long maxBytes, @Nullable PublicKey key,
            Function<Plan, Parameters> room, Runnable between) {
        this.model = model;
        this.kernels = kernels;
        this.maxBytes = maxBytes;
        this.key = key;
        this.room = room;
        this.between = between;
    }

    private record ReadSpec(String yaml, ModelSpec spec, Plan plan) {
        static ReadSpec of(String yaml) throws Refusal {
            try {
                ModelSpec spec = ModelSpec.parseRegistered(yaml, "the snapshot's spec");
                return new ReadSpec(yaml, spec, Plan.of(spec.network()));
            } catch (SpecException | IllegalArgumentException invalid) {
                throw new Refusal(RefusalReason.SPEC, String.valueOf(invalid.getMessage()));
            }
        }
    }

    private static final class Refusal extends Exception {
        private final RefusalReason reason;

        Refusal(RefusalReason reason, String detail) {
            super(detail, null, false, false);
            this.reason = reason;
        }

        Verification of(SnapshotManifest manifest) {
            return new Verification.Refused(manifest, reason, String.valueOf(getMessage()));
        }
    }

    /// @param parts values of parts 0 … n-1
    /// @param parent the model that a delta builds on; null if there is none. Not needed for a full snapshot
    public Verification verify(SnapshotManifest manifest, List<byte[]> parts, @Nullable LoadedModel parent) {
        try {
            checkOrigin(manifest);
            return manifest.isDelta() ? loadDelta(manifest, parts, parent) : loadFull(manifest, parts);
        } catch (Refusal refusal) {
            return refusal.of(manifest);
        }
    }

    /// Verifies a file, which has all weights even if its manifest is a delta's.
    public Verification verify(SnapshotFile file) {
        SnapshotFile.Head head = file.head();
        try {
            checkOrigin(head.manifest());
            return loadWhole(head.manifest(), head.specYaml(), plan -> {
                Parameters parameters = room.apply(plan);
                file.decode(parameters);
                return parameters;
            });
        } catch (Refusal refusal) {
            return refusal.of(head.manifest());
        }
    }

    /// Prepares to decode the parts of a full snapshot of the same spec before its manifest arrives.
    public DecodedParts prepare(LoadedModel like, SnapshotKey key) {
        return new DecodedParts(like, key, room.apply(like.plan()));
    }

    /// Verifies a full snapshot whose parts have been decoded.
    public Verification verify(SnapshotManifest manifest, DecodedParts parts) {
        try {
            checkOrigin(manifest);
            LoadedModel like = parts.like();
            check(!manifest.isDelta(), RefusalReason.UNREADABLE,
                    "expected the manifest of a full snapshot after its parts, found a delta's");
            check(Arrays.equals(manifest.specFingerprint(), like.manifest().specFingerprint()), RefusalReason.SPEC,
                    "expected the spec of the version that is served, found another fingerprint");
            return loadWhole(manifest, manifest.specYaml(), plan -> parts.finish(manifest));
        } catch (Refusal refusal) {
            return refusal.of(manifest);
        }
    }

    private void checkOrigin(SnapshotManifest manifest) throws Refusal {
        check(manifest.model().equals(model), RefusalReason.WRONG_MODEL,
                "expected model '" + model + "', found '" + manifest.model() + "'");
        if (key != null) {
            check(manifest.isSigned(), RefusalReason.SIGNATURE,
                    "expected a signed manifest, found one without signature");
            check(ManifestKeys.isSignature(key, manifest.signedBytes(), manifest.signature()), RefusalReason.SIGNATURE,
                    "expected a signature by the given key, found one by another key");
        }
        check(manifest.numerics() == Numerics.VERSION, RefusalReason.NUMERICS,
                "expected numerics " + Numerics.VERSION + " of this build, found " + manifest.numerics());
    }

    private Verification loadDelta(SnapshotManifest manifest, List<byte[]> parts, @Nullable LoadedModel parent)
            throws Refusal {
        if (parent == null || parent.manifest().epoch() != manifest.epoch()
                || parent.manifest().version() != manifest.parentVersion()) {
            throw new Refusal(RefusalReason.UNKNOWN_PARENT,
                    "expected a full snapshot"
                            + (parent == null ? ""
                                    : " or changes to version " + parent.manifest().epoch() + "."
                                            + parent.manifest().version())
                            + ", found changes to version " + manifest.epoch() + "." + manifest.parentVersion());
        }
        check(Arrays.equals(manifest.specFingerprint(), parent.manifest().specFingerprint()), RefusalReason.SPEC,
                "expected the spec of the version that it changes, found another fingerprint");
        check(Arrays.equals(manifest.featureFingerprint(), parent.manifest().featureFingerprint()),
                RefusalReason.FEATURES,
                "expected the features of the version that it changes, found another fingerprint");
        Successor successor = new Successor(parent.parameters());
        try {
            SnapshotParts.decodeChanges(manifest, parts, successor);
        } catch (SnapshotFormatException damaged) {
            throw new Refusal(RefusalReason.UNREADABLE, String.valueOf(damaged.getMessage()));
        }
        between.run();
        check(successor.firstNonFinite() < 0, RefusalReason.NOT_FINITE,
                "byte " + successor.firstNonFinite() + " begins a NaN or an infinity");
        Parameters parameters = successor.parameters();
        ServedLeaves leaves = parent.leaves().after(parameters, successor.touched(), between);
        return checked(new LoadedModel(manifest, parent.spec(), parent.plan(), parameters, leaves),
                successor.copiedBytes());
    }

    private Verification loadFull(SnapshotManifest manifest, List<byte[]> parts) throws Refusal {
        return loadWhole(manifest, manifest.specYaml(), plan -> {
            Parameters parameters = room.apply(plan);
            SnapshotParts.decode(manifest, parts, parameters);
            return parameters;
        });
    }

    /// @param decode decodes all parameters; throws `SnapshotFormatException`
    private Verification loadWhole(SnapshotManifest manifest, String specYaml, Function<Plan, Parameters> decode)
            throws Refusal {
        ReadSpec read = lastRead;
        if (read == null || !read.yaml.equals(specYaml)) {
            read = ReadSpec.of(specYaml);
            lastRead = read;
        }
        ModelSpec spec = read.spec;
        Plan plan = read.plan;
        check(Arrays.equals(manifest.specFingerprint(), spec.fingerprint()), RefusalReason.SPEC,
                "the manifest states another fingerprint than its spec has");
        check(Arrays.equals(manifest.featureFingerprint(), spec.featureFingerprint()), RefusalReason.FEATURES,
                "the manifest states another feature fingerprint than its spec has here");
        check(manifest.servedBytes() <= maxBytes && plan.weights() <= maxBytes / Float.BYTES, RefusalReason.TOO_LARGE,
                "expected at most " + maxBytes + " bytes, found " + manifest.servedBytes() + " for " + plan.weights()
                        + " weights");
        Parameters parameters;
        try {
            parameters = decode.apply(plan);
        } catch (SnapshotFormatException damaged) {
            throw new Refusal(RefusalReason.UNREADABLE, String.valueOf(damaged.getMessage()));
        }
        between.run();
        int page = parameters.firstNonFinitePage();
        check(page < 0, RefusalReason.NOT_FINITE, "page " + page + " holds a NaN or an infinity");
        return checked(new LoadedModel(manifest, spec, plan, parameters, ServedLeaves.of(parameters, between)),
                parameters.servedBytes());
    }

    private Verification checked(LoadedModel loaded, long copiedBytes) throws Refusal {
        SnapshotManifest manifest = loaded.manifest();
        String hash = loaded.leaves().weightsHash(loaded.spec().fingerprint(), loaded.parameters());
        check(hash.equals(manifest.weightsHash()), RefusalReason.WEIGHTS_HASH,
                "expected " + manifest.weightsHash() + ", the weights give " + hash);
        int room = loaded.spec().label().learnsClasses() ? loaded.spec().outputs() : 0;
        check(manifest.classes().size() <= room, RefusalReason.SPEC, "expected the names of at most " + room
                + " classes that were learned, found " + manifest.classes().size());
        between.run();
        checkGoldenRows(manifest.goldenRows(), loaded.plan(), loaded.parameters());
        return new Verification.Admitted(loaded, copiedBytes);
    }

    private void checkGoldenRows(List<GoldenRow> rows, Plan plan, Parameters parameters) throws Refusal {
        RowShape shape = plan.spec().row();
        Predictor predictor = new Predictor(plan, kernels, 1);
        Batch batch = new Batch(shape, 1);
        batch.resize(1);
        float[] predictions = new float[plan.outputs()];
        for (int i = 0; i < rows.size(); i++) {
            GoldenRow row = rows.get(i);
            check(row.numbers().length == shape.numbers()
                    && row.ids().length == shape.ids() && row.predictions().length == plan.outputs(),
                    RefusalReason.GOLDEN_ROWS,
                    "golden row " + i + ": expected " + shape.numbers() + " numbers, " + shape.ids() + " ids, "
                            + plan.outputs() + " predictions, found " + row.numbers().length + ", " + row.ids().length
                            + ", " + row.predictions().length);
            System.arraycopy(row.numbers(), 0, batch.numbers, 0, shape.numbers());
            System.arraycopy(row.ids(), 0, batch.ids, 0, shape.ids());
            try {
                predictor.predict(parameters, batch, predictions);
            } catch (IndexOutOfBoundsException idBeyondTable) {
                throw new Refusal(RefusalReason.GOLDEN_ROWS, "golden row " + i + ": " + idBeyondTable.getMessage());
            }
            for (int output = 0; output < predictions.length; output++) {
                float expected = row.predictions()[output];
                float found = predictions[output];
                if (Float.floatToRawIntBits(found) != Float.floatToRawIntBits(expected)) {
                    throw new Refusal(RefusalReason.GOLDEN_ROWS, "golden row " + i + ", output " + output
                            + ": expected " + expected + ", these weights give " + found);
                }
            }
        }
    }

    private static void check(boolean holds, RefusalReason reason, String detail) throws Refusal {
        if (!holds) {
            throw new Refusal(reason, detail);
        }
    }
}
