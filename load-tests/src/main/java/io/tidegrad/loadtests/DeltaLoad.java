package io.tidegrad.loadtests;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.feature.TypedEvent;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.model.spec.ModelSpec;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;

/// Measures what it costs a scorer to load a delta instead of a full snapshot. The model is a table of embeddings, and a
/// share of its pages of 8 KiB changes between two versions: pages anywhere, or side by side. The time of a check is from
/// a version's parts in memory to weights that may be served. Kafka is left out; what it adds is proportional to bytes.
public final class DeltaLoad {
    private static final int DIMENSION = 16;
    private static final int ROWS_A_PAGE = Parameters.PAGE_BYTES / (DIMENSION * Float.BYTES);
    private static final int WARM_UPS = 3;

    private final ModelSpec spec;
    private final int repetitions;
    private final double touched;
    private final OnlineModel model;
    private final Featurizer featurizer;
    private final Row row;
    private final int buckets;
    private final SplittableRandom random = new SplittableRandom(1);
    private LoadedModel served;
    private long deltaBytes;

    /// @param mebibytes of the table
    /// @param touched share of its pages, 0 to 1
    public DeltaLoad(int mebibytes, double touched, int repetitions) {
        if (mebibytes < 1 || touched <= 0 || touched > 1 || repetitions < 1) {
            throw new IllegalArgumentException(
                    "expected at least 1 MiB, a share above 0 and up to 1, and a repetition; found " + mebibytes + ", "
                            + touched + ", " + repetitions);
        }
        this.touched = touched;
        this.repetitions = repetitions;
        buckets = mebibytes * (1 << 20) / (DIMENSION * Float.BYTES);
        spec = ModelSpec.parse("""
                        model: ids
                        input: { topic: ids }
                        label: { field: y }
                        features: [ category: { field: id, buckets: %d, dimension: %d } ]
                        network: [ dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: { sgd: { rate: 0.1 } }
                        """.formatted(buckets, DIMENSION), "ids");
        model = OnlineModel.initial(spec, Kernels.active());
        featurizer = new Featurizer(spec);
        row = featurizer.newRow();
        served = take(full());
    }

    public Result run() {
        double[] fulls = new double[repetitions];
        double[] deltas = new double[repetitions];
        double[] clustered = new double[repetitions];
        for (int i = -WARM_UPS; i < repetitions; i++) {
            int at = Math.max(0, i); // the next repetition overwrites what a warm-up took
            PublishedSnapshot full = full();
            long start = System.nanoTime();
            take(full);
            fulls[at] = (System.nanoTime() - start) * 1e-6;
            deltas[at] = delta(false);
            clustered[at] = delta(true);
        }
        double fullMedian = Spread.of(fulls).median();
        return new Result().put("model_bytes", served.manifest().servedBytes()).put("touched_share", touched)
                .put("delta_bytes", deltaBytes).put("full_ms_all", fulls).put("delta_anywhere_ms_all", deltas)
                .put("delta_clustered_ms_all", clustered)
                .put("delta_anywhere_to_full", Spread.of(deltas).median() / fullMedian)
                .put("delta_clustered_to_full", Spread.of(clustered).median() / fullMedian);
    }

    /// Milliseconds to take changes to what is served.
    private double delta(boolean clustered) {
        SnapshotManifest before = served.manifest();
        model.parameters().changes().clear();
        touch(clustered);
        PublishedSnapshot delta = PublishedSnapshot.delta(model, moment(),
                new PublishedSnapshot.Parent(before.version(), before.chain()), PublishedSnapshot.Form.PLAIN);
        deltaBytes = delta.manifest().payloadBytes();
        long start = System.nanoTime();
        served = take(delta);
        return (System.nanoTime() - start) * 1e-6;
    }

    private PublishedSnapshot full() {
        return PublishedSnapshot.full(model, moment(), PublishedSnapshot.Form.PLAIN);
    }

    private PublishedSnapshot.Moment moment() {
        long version = model.parameters().updates();
        return new PublishedSnapshot.Moment(model.weightsHash(), 1, version, 1 + version, false, 1);
    }

    private LoadedModel take(PublishedSnapshot snapshot) {
        List<byte[]> parts = snapshot.records().subList(0, snapshot.records().size() - 1).stream()
                .map(SnapshotEntry::value).toList();
        Verification taken = new SnapshotVerifier(spec.model(), Kernels.active(), Long.MAX_VALUE)
                .verify(snapshot.manifest(), parts, served);
        return switch (taken) {
            case Verification.Admitted(LoadedModel loaded, long copied) -> loaded;
            case Verification.Refused refused -> throw new LoadTestException("a version is refused: " + refused);
        };
    }

    /// Learns one row in each of the share's pages.
    private void touch(boolean clustered) {
        int pages = buckets / ROWS_A_PAGE;
        int wanted = Math.max(1, (int) (touched * pages));
        BitSet done = new BitSet(pages);
        int first = random.nextInt(pages - wanted + 1);
        TypedEvent event = new TypedEvent("id", "y");
        int id = event.field("id");
        int label = event.field("y");
        while (done.cardinality() < wanted) {
            Rejection rejection =
                    featurizer.featurize(event.set(id, random.nextLong()).set(label, random.nextBoolean()), row);
            int page = row.ids[0] / ROWS_A_PAGE;
            boolean fits = !clustered || (page >= first && page < first + wanted);
            if (rejection == null && fits && !done.get(page)) {
                rejection = model.accept(row);
                done.set(page);
            }
            if (rejection != null) {
                throw new LoadTestException(rejection.toString());
            }
        }
    }
}
