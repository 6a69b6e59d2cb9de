package io.tidegrad.loadtests.score;

import com.sun.management.ThreadMXBean;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.bench.MadeUpRows;
import io.tidegrad.localstack.Json;
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
import java.util.BitSet;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.HdrHistogram.Histogram;

/// The main class of a JVM that measures one model in process, prints one line of JSON and ends:
/// `InProcessScores <model> <seconds> <seconds before>`.
public final class InProcessScores {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final int QUESTIONS = 64;
    private static final long MAX_BYTES = 64 << 20;
    private static final double SWAPS_PER_SECOND = 50;
    private static final int EVENTS_A_VERSION = 5;

    /// Of each subject in turn: a change of the machine's speed meets all of them, and each has its caches warm after a
    /// few.
    private static final int TURN = 500;

    private static final double WINDOW_SECONDS = 1;

    /// From starting the thread that swaps to the first call that is due: threads are kept to their cores.
    private static final long START_NANOS = 50_000_000;

    private static final int TRIES_MAX = 1_000;

    /// Of an open loop beside its median: at a third of what it could do, a call that waits is one that was held up.
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
    private final Map<String, Object> line = new LinkedHashMap<>();

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
        result.println(new InProcessScores(ScoredModel.named(args[0]), Double.parseDouble(args[1]),
                Double.parseDouble(args[2])).measure());
    }

    private String measure() throws InterruptedException {
        line.put("part", "in-process");
        line.put("model", model.label());
        line.put("weights", Plan.of(versions.model().spec().network()).weights());
        line.put("kernels", Kernels.active().name());
        admit(versions.next(EVENTS_A_VERSION, true));
        if (model.readsEveryWeight()) {
            rows();
        }
        double scoreNanos = records();
        swaps(scoreNanos);
        return Json.write(line);
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

    // ---- a row of floats ----

    private int row;

    /// From a row in host memory to the prediction, beside passes over as many weights.
    private void rows() {
        Plan plan = Plan.of(versions.model().spec().network());
        Predictor predictor = new Predictor(plan, Kernels.active(), 1);
        Parameters served = versions.model().parameters().servedCopy();
        float[][] rows = new MadeUpRows(plan).apart();
        int[] noIds = {};
        float[] answer = new float[plan.outputs()];
        WeightPasses passes = new WeightPasses(plan);
        Histogram[] nanos = alternating(() -> {
            row = row + 1 == rows.length ? 0 : row + 1;
            predictor.predict(served, rows[row], noIds, answer);
        }, passes::sum, passes::read);
        double row = nanos[0].getValueAtPercentile(50);
        double sum = nanos[1].getValueAtPercentile(50);
        line.put("row_p50_ns", row);
        line.put("row_p99_ns", (double) nanos[0].getValueAtPercentile(99));
        line.put("summing_pass_p50_ns", sum);
        line.put("row_per_summing_pass", row / sum);
        double read = nanos[2].getValueAtPercentile(50);
        line.put("reading_pass_p50_ns", read);
        line.put("row_per_reading_pass", row / read);
    }

    /// Each call timed by the clock, in turns; the warm-up is not counted.
    private Histogram[] alternating(Runnable... subjects) {
        Histogram[] nanos = new Histogram[subjects.length];
        for (int i = 0; i < nanos.length; i++) {
            nanos[i] = OpenLoop.newHistogram();
        }
        boolean warm = false;
        long start = System.nanoTime();
        while (true) {
            for (int i = 0; i < subjects.length; i++) {
                time(subjects[i], nanos[i]);
            }
            double elapsed = (System.nanoTime() - start) * 1e-9;
            if (!warm && elapsed > warmUpSeconds) {
                warm = true;
                start = System.nanoTime();
                for (Histogram each : nanos) {
                    each.reset();
                }
            } else if (warm && elapsed > seconds) {
                return nanos;
            }
        }
    }

    private static void time(Runnable subject, Histogram nanos) {
        for (int call = 0; call < TURN; call++) {
            long start = System.nanoTime();
            subject.run();
            nanos.recordValue(Math.clamp(System.nanoTime() - start, 1, OpenLoop.NANOS_MAX));
        }
    }

    // ------------------------------------------------------------------------------------ a record

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
        Histogram[] nanos = alternating(this::score, () -> {
            // What the last record left in the batch.
            session.score();
        });
        double score = nanos[0].getValueAtPercentile(50);
        double predict = nanos[1].getValueAtPercentile(50);
        line.put("record_p50_ns", score);
        line.put("record_p99_ns", (double) nanos[0].getValueAtPercentile(99));
        line.put("predict_p50_ns", predict);
        line.put("featurizer_share", 1 - predict / score);
        line.put("bytes_per_call", bytesPerCall());
        return score;
    }

    /// The least of several tries: the compiler's own work may be counted in one of them, and on a slow machine it may
    /// not have come to this yet.
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

    // ------------------------------------------------------------------------------------ swaps

    /// What comes in a window. But for the last one, the thread that scores has a core of its own.
    private enum Kind {
        CALM, FULL, DELTA,
        /// Full ones, all threads where the system puts them.
        SCHEDULED;

        private final Windows windows = new Windows();
        private long collectionMillis; // in which nobody scores

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// The core of the thread that scores; empty where it can't have one.
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
        line.put("core_of_its_own", !scoringCores.isEmpty());
        line.put("calls_per_s", perSecond);
        line.put("swaps_per_s", SWAPS_PER_SECOND);
        line.put("swaps", swapped);
        line.put("answers_verified", answers);
        for (Kind kind : kinds) {
            Histogram whole = kind.windows.all().whole();
            line.put(kind.label() + "_p50_ns", (double) whole.getValueAtPercentile(50));
            line.put(kind.label() + "_p99_ns", (double) whole.getValueAtPercentile(99));
            line.put(kind.label() + "_p999_ns", (double) whole.getValueAtPercentile(99.9));
            line.put(kind.label() + "_window_p999_ns", kind.windows.median(99.9));
            line.put(kind.label() + "_max_ns", (double) whole.getMaxValue());
            line.put(kind.label() + "_collection_ms", kind.collectionMillis);
            if (kind != Kind.CALM) {
                line.put(kind.label() + "_p999_ratio", kind.windows.median(99.9) / Kind.CALM.windows.median(99.9));
            }
        }
    }

    private OpenLoop.Latencies window(Kind kind, double perSecond) throws InterruptedException {
        List<PublishedSnapshot> ready = new ArrayList<>();
        if (kind != Kind.CALM) {
            // Made before: a trainer is another process, whose work is not the scorer's.
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
        FutureTask<Void> swapping = new FutureTask<>(() -> swap(ready, start), null);
        Thread thread = Thread.ofPlatform().daemon().name("swap").start(swapping);
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
        thread.join();
        try {
            swapping.get();
        } catch (ExecutionException e) {
            throw new LoadTestException("swapping failed: " + e.getCause(), e.getCause());
        }
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
