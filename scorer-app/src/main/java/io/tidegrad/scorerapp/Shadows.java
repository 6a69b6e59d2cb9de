package io.tidegrad.scorerapp;

import io.tidegrad.control.Candidate;
import io.tidegrad.model.feature.Event;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.RejectedEventException;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedVersion;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Scores requests again by their shadows, on a thread of its own, and compares the predictions. Requests never wait
/// for it: if it falls behind, what its queue has no room for is dropped and counted.
final class Shadows implements AutoCloseable {
    /// Bound on the requests in the queue: some thousands of the usual size.
    private static final long BYTES_MAX = 16 << 20;

    /// What a task costs in addition to its request.
    private static final int TASK_BYTES = 512;

    private static final Logger log = LoggerFactory.getLogger(Shadows.class);

    private final LinkedBlockingQueue<Task> waiting = new LinkedBlockingQueue<>();
    private final AtomicLong bytes = new AtomicLong(); // of what waits
    private final Map<Pair, ShadowComparison> comparisons = new ConcurrentHashMap<>();
    private final BiConsumer<Pair, ShadowComparison> onFirst;
    private final Thread thread;

    /// A name and the model that is its shadow.
    record Pair(String name, String shadow) {
    }

    /// A request that was scored by the live model and is to be scored by a shadow.
    ///
    /// @param name name in the request
    /// @param live version that made the predictions
    /// @param records returns the records, read for another version, or null if that can't read them
    private record Task(String name, Scorer shadow, ServedVersion live, Predictions answered, int requestBytes,
            Function<ServedVersion, @Nullable List<Event>> records) {
        int bytes() {
            return TASK_BYTES + requestBytes + Float.BYTES * answered.probabilities().length;
        }

        Pair pair() {
            return new Pair(name, shadow.model());
        }
    }

    /// @param onFirst told once of each comparison, before it has any numbers
    Shadows(BiConsumer<Pair, ShadowComparison> onFirst) {
        this.onFirst = onFirst;
        thread = Thread.ofPlatform().name("tidegrad-shadows").daemon().start(this::run);
    }

    /// Takes the predictions of a live model for all shadows of the name. Called by any thread; never waits.
    ///
    /// @param events returns the same records, read for a shadow, or null if it can't read them
    void scored(ModelRouter asked, ServedVersion by, Predictions predictions,
            Function<ServedVersion, @Nullable List<Event>> events, int bytesOfEvents) {
        for (ModelRouter.Trial tried : asked.trials()) {
            if (tried.candidate().role() == Candidate.Role.SHADOW) {
                offer(new Task(asked.name(), tried.scorer(), by, predictions, bytesOfEvents, events));
            }
        }
    }

    private void offer(Task task) {
        if (bytes.addAndGet(task.bytes()) > BYTES_MAX) {
            bytes.addAndGet(-task.bytes());
            comparison(task.pair()).dropped(task.answered().size());
            return;
        }
        waiting.add(task);
    }

    Map<Pair, ShadowComparison> comparisons() {
        return comparisons;
    }

    private ShadowComparison comparison(Pair pair) {
        return comparisons.computeIfAbsent(pair, first -> {
            ShadowComparison comparison = new ShadowComparison();
            onFirst.accept(first, comparison);
            return comparison;
        });
    }

    private void run() {
        try {
            while (true) {
                Task task = waiting.take();
                try {
                    score(task, comparison(task.pair()));
                } catch (RuntimeException | OutOfMemoryError e) {
                    log.error("{} as the shadow of model {} failed", task.pair().shadow(), task.name(), e);
                    comparison(task.pair()).refused(task.answered().size());
                } finally {
                    bytes.addAndGet(-task.bytes());
                }
            }
        } catch (InterruptedException closing) {
            Thread.currentThread().interrupt();
        }
    }

    private static void score(Task task, ShadowComparison comparison) {
        ServedVersion shadow = task.shadow().current();
        int records = task.answered().size();
        if (shadow == null) {
            comparison.dropped(records);
            return;
        }
        if (!ShadowComparison.isComparable(task.live(), shadow)) {
            comparison.refused(records);
            return;
        }
        try {
            List<Event> events = task.records().apply(shadow);
            if (events == null) {
                comparison.refused(records);
                return;
            }
            comparison.compare(task.live().spec(), ShadowComparison.Names.of(task.live(), shadow), task.answered(),
                    task.shadow().scoreAll(shadow, events));
        } catch (HttpProblem | RejectedEventException notByThis) {
            comparison.refused(records);
        }
    }

    /// Stops. What is still in the queue is not scored.
    @Override
    public void close() {
        thread.interrupt();
    }
}
