package io.tidegrad.loadtests.score;

import com.sun.management.ThreadMXBean;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Names;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.bench.Latencies;
import io.tidegrad.loadtests.bench.MadeUpRows;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.scorer.FedScorer;
import io.tidegrad.scorer.ScoringSession;
import java.io.PrintStream;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/// The main class of a JVM that measures one model in process, prints one line of JSON and ends:
/// `InProcessScores <model> <seconds> <seconds before>`.
public final class InProcessScores {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final int QUESTIONS = 64;
    private static final long MAX_BYTES = 64 << 20;
    private static final double SWAPS_PER_SECOND = 50;
    private static final int EVENTS_A_VERSION = 5;

    /// Calls of each subject in turn, so that a change of the machine's speed affects all of them, while the caches are warm
    /// after a few calls.
    private static final int TURN = 500;

    private static final double WINDOW_SECONDS = 1;

    /// From the start of the swapping thread to the first call: time to bind threads to cores.
    private static final long START_NANOS = 50_000_000;

    private static final int TRIES_MAX = 1_000;

    /// An open loop runs at a third of what is possible, so that a call only waits if something held it up.
    private static final int IDLE_SHARE = 3;

    private static final double CALLS_PER_SECOND_MAX = 50_000;

    private final ScoredModel model;
    private final double seconds;
    private final double warmUpSeconds;
    private final List<MapEvent> questions;
    private final Versions versions;
    private final Expected expected;
    private final FedScorer scorer;
    private final ScoringSession session;
    private final Result result = new Result();

    private InProcessScores(ScoredModel model, double seconds, double warmUpSeconds) {
        this.model = model;
        this.seconds = seconds;
        this.warmUpSeconds = warmUpSeconds;
        List<StreamEvent> shipped = model.stream().read();
        questions = ScoredModel.events(shipped, QUESTIONS);
        versions = new Versions(model, shipped, questions);
        expected = new Expected(versions.outputs());
        scorer = new FedScorer(versions.model().spec().model(), MAX_BYTES, InstantSource.system());
        session = scorer.newSession();
    }

    public static void main(String[] args) throws InterruptedException {
        PrintStream result = System.out;
        System.setOut(System.err); // whoever logs or warns
        result.println(new InProcessScores(Names.named("--model", ScoredModel.class, args[0]),
                Double.parseDouble(args[1]), Double.parseDouble(args[2])).measure());
    }

    private String measure() throws InterruptedException {
        result.put("part", "in-process").put("model", Names.of(model))
                .put("weights", Plan.of(versions.model().spec().network()).weights())
                .put("kernels", Kernels.active().name());
        admit(versions.next(EVENTS_A_VERSION, true));
        if (model.readsEveryWeight()) {
            rows();
        }
        double scoreNanos = records();
        swaps(scoreNanos);
        return result.json();
    }

    private void admit(Versions.Version version) {
        expected.tell(version);
        admit(version.snapshot());
    }

    private void admit(PublishedSnapshot snapshot) {
        Verification admission = scorer.accept(snapshot.records());
        if (!(admission instanceof Verification.Admitted)) {
            throw new LoadTestException("expected a version admitted, found " + admission);
        }
    }

    private int row;

    /// Measures predictions of rows in memory, beside passes over as many weights.
    private void rows() {
        Plan plan = Plan.of(versions.model().spec().network());
        Predictor predictor = new Predictor(plan, Kernels.active(), 1);
        Parameters served = versions.model().parameters().servedCopy();
        float[][] rows = new MadeUpRows(plan).apart();
        int[] noIds = {};
        float[] answer = new float[plan.outputs()];
        WeightPasses passes = new WeightPasses(plan);
        List<Latencies> nanos = alternating(() -> {
            row = row + 1 == rows.length ? 0 : row + 1;
            predictor.predict(served, rows[row], noIds, answer);
        }, passes::sum, passes::read);
        double row = nanos.get(0).percentile(50);
        double sum = nanos.get(1).percentile(50);
        result.put("row_p50_ns", row).put("row_p99_ns", nanos.get(0).percentile(99)).put("summing_pass_p50_ns", sum)
                .put("row_per_summing_pass", row / sum);
        double read = nanos.get(2).percentile(50);
        result.put("reading_pass_p50_ns", read).put("row_per_reading_pass", row / read);
    }

    /// Times each call by the clock, in turns; the warm-up does not count.
    private List<Latencies> alternating(Runnable... subjects) {
        List<Latencies> all = Arrays.stream(subjects).map(Latencies::new).toList();
        boolean warm = false;
        long start = System.nanoTime();
        while (true) {
            all.forEach(each -> each.run(TURN));
            double elapsed = LoadTest.secondsSince(start);
            if (!warm && elapsed > warmUpSeconds) {
                warm = true;
                start = System.nanoTime();
                all.forEach(Latencies::forget);
            } else if (warm && elapsed > seconds) {
                return all;
            }
        }
    }

    private int question;

    private void score() {
        question = question + 1 == QUESTIONS ? 0 : question + 1;
        Rejection rejection = session.score(questions.get(question));
        if (rejection != null) {
            throw new LoadTestException("a shipped event is rejected: " + rejection.detail());
        }
    }

    /// From a record to its probability, and the part behind the featurizer alone. Returns the median of the whole.
    private double records() {
        session.begin();
        List<Latencies> nanos = alternating(this::score, () -> {
            // Scores again the row that the last record left in the batch.
            session.score();
        });
        double score = nanos.get(0).percentile(50);
        double predict = nanos.get(1).percentile(50);
        result.put("record_p50_ns", score).put("record_p99_ns", nanos.get(0).percentile(99))
                .put("predict_p50_ns", predict).put("featurizer_share", 1 - predict / score)
                .put("bytes_per_call", bytesPerCall());
        return score;
    }

    /// The least of several tries, because one may include allocations of the compiler, or may come before this code is
    /// compiled.
    private double bytesPerCall() {
        long id = Thread.currentThread().threadId();
        long least = Long.MAX_VALUE;
        for (int attempt = 0; attempt < TRIES_MAX && least > 0; attempt++) {
            long before = THREADS.getThreadAllocatedBytes(id);
            for (int call = 0; call < TURN; call++) {
                score();
            }
            least = Math.min(least, THREADS.getThreadAllocatedBytes(id) - before);
        }
        return (double) least / TURN;
    }

    /// What happens in a window. Except in the last kind, the scoring thread has a core of its own.
    private enum Kind {
        CALM, FULL, DELTA,
        /// Full ones, all threads where the system puts them.
        SCHEDULED;

        private final Windows windows = new Windows();
        private long collectionMillis; // in which nobody scores
    }

    /// The core of the scoring thread; empty if it can't have one.
    private final BitSet scoringCores = new BitSet();

    private final BitSet otherCores = new BitSet();
    private final BitSet allCores = LinuxScheduler.allowedCores();
    private long answers;
    private long swapped;

    /// Windows without swaps, with full snapshots, with deltas if the model has any, in turns, in an open loop.
    private void swaps(double scoreNanos) throws InterruptedException {
        if (allCores.cardinality() > 1) {
            scoringCores.set(allCores.nextSetBit(0));
            otherCores.or(allCores);
            otherCores.andNot(scoringCores);
        }
        double perSecond = Math.min(CALLS_PER_SECOND_MAX, 1e9 / (IDLE_SHARE * scoreNanos));
        int rounds = Math.max(1, (int) Math.round(seconds / WINDOW_SECONDS));
        Set<Kind> kinds = EnumSet.allOf(Kind.class);
        if (model.readsEveryWeight()) {
            kinds.remove(Kind.DELTA);
        }
        if (scoringCores.isEmpty()) {
            kinds.remove(Kind.SCHEDULED);
        }
        if (warmUpSeconds > 0) {
            for (Kind kind : kinds) {
                window(kind, perSecond);
            }
        }
        answers = 0;
        swapped = 0;
        for (Kind kind : kinds) {
            kind.collectionMillis = 0;
        }
        for (int round = 0; round < rounds; round++) {
            for (Kind kind : kinds) {
                kind.windows.add(window(kind, perSecond));
            }
        }
        result.put("core_of_its_own", !scoringCores.isEmpty()).put("calls_per_s", perSecond)
                .put("swaps_per_s", SWAPS_PER_SECOND).put("swaps", swapped).put("answers_verified", answers);
        for (Kind kind : kinds) {
            String name = Names.of(kind);
            kind.windows.all().tell(result, name, "ns", 1);
            result.put(name + "_window_p999_ns", kind.windows.median(99.9)).put(name + "_collection_ms",
                    kind.collectionMillis);
            if (kind != Kind.CALM) {
                result.put(name + "_p999_ratio", kind.windows.median(99.9) / Kind.CALM.windows.median(99.9));
            }
        }
    }

    private OpenLoop.Latencies window(Kind kind, double perSecond) throws InterruptedException {
        List<PublishedSnapshot> ready = new ArrayList<>();
        if (kind != Kind.CALM) {
            // Made before the window, because this is the work of another process, the trainer.
            for (int i = 0; i < SWAPS_PER_SECOND * WINDOW_SECONDS; i++) {
                Versions.Version version = versions.next(EVENTS_A_VERSION, kind != Kind.DELTA);
                expected.tell(version);
                ready.add(version.snapshot());
            }
        }
        System.gc();
        long collected = collectionMillis();
        long start = System.nanoTime() + START_NANOS;
        boolean kept = kind != Kind.SCHEDULED && !scoringCores.isEmpty();
        Background swapping = Background.start("swap", self -> swap(ready, start));
        if (!scoringCores.isEmpty()) {
            LinuxScheduler.keep(kept ? scoringCores : allCores, kept ? otherCores : allCores);
        }
        Expected.Judge judge = expected.judge();
        float[] found = new float[expected.outputs()];
        OpenLoop.Latencies latencies = new OpenLoop.Latencies();
        OpenLoop loop = new OpenLoop(OpenLoop.SPINNING, perSecond);
        loop.run(start, 0, 1, Math.round(perSecond * WINDOW_SECONDS), call -> {
            score();
            session.probabilities(found, 0);
            String wrong = judge.wrong(session.version(), question, found, found.length, 1);
            if (wrong != null) {
                throw new LoadTestException(wrong);
            }
            answers++;
            return true;
        }, latencies);
        swapping.close();
        swapping.requireHealthy("swapping failed");
        kind.collectionMillis += collectionMillis() - collected;
        swapped += ready.size();
        return latencies;
    }

    /// Of all collections so far.
    private static long collectionMillis() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .mapToLong(GarbageCollectorMXBean::getCollectionTime).sum();
    }

    private void swap(List<PublishedSnapshot> ready, long start) {
        for (int i = 0; i < ready.size(); i++) {
            OpenLoop.PARKING.until(start + Math.round(i * 1e9 / SWAPS_PER_SECOND));
            admit(ready.get(i));
        }
    }
}
