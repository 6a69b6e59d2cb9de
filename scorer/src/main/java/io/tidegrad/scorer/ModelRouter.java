package io.tidegrad.scorer;

import io.tidegrad.control.Candidate;
import io.tidegrad.control.ControlIntake;
import io.tidegrad.engine.random.Murmur3;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What answers to a name, and what is tried beside it: the live model, shadows that score the same and answer nothing,
/// challengers that answer for a share of the keys. Which they are the control topic says; each has a scorer of its
/// own, opened and closed as its records come.
///
/// Thread-safe; readers never wait.
///
/// ```java
/// try (ModelRouter router = ModelRouter.open(options)) {
///     Prediction prediction = router.scorerFor(customerId).score(record);
/// }
/// ```
public final class ModelRouter implements AutoCloseable {
    /// A model that is tried, and what scores with it.
    public record Trial(Candidate candidate, Scorer scorer) {
    }

    private static final Logger log = LoggerFactory.getLogger(ModelRouter.class);

    private final Scorer live;
    private final Function<String, Scorer> open;
    private final int seed; // of the name's keys
    private volatile List<Trial> trials = List.of();
    private boolean closed; // under the lock of this

    private ModelRouter(String name, Function<ControlIntake, Scorer> live, Function<String, Scorer> open) {
        this.open = open;
        seed = Murmur3.hash(name.getBytes(StandardCharsets.UTF_8), 0);
        this.live = live.apply(ControlIntake.of(name, this::follow));
    }

    /// Opens on the topic of a name and returns at once, as `Scorer.open` does.
    public static ModelRouter open(ScorerOptions options) {
        return new ModelRouter(options.model(),
                // Beside a version that is pinned nothing is tried.
                control -> options.pin() == null ? Scorer.open(options, control) : Scorer.open(options),
                model -> Scorer.open(options.withModel(model), ControlIntake.ofModel(model)));
    }

    /// A scorer alone: nothing is tried beside it.
    public static ModelRouter of(Scorer live) {
        return new ModelRouter(live.model(), control -> live, model -> {
            throw new IllegalStateException(model + " has no scorer to be tried with");
        });
    }

    /// Candidates of the name have changed. On the follower's thread of `live`.
    private synchronized void follow(List<Candidate> candidates) {
        if (closed) {
            return;
        }
        Map<String, Scorer> open = new HashMap<>();
        trials.forEach(each -> open.put(each.candidate().model(), each.scorer()));
        List<Trial> next = new ArrayList<>();
        for (Candidate candidate : candidates) {
            Scorer known = open.remove(candidate.model());
            next.add(new Trial(candidate, known == null ? this.open.apply(candidate.model()) : known));
        }
        trials = List.copyOf(next);
        log.info("tried beside what answers now: {}", candidates);
        // Closing waits for a thread, and what answers is not to wait for it.
        open.values().forEach(scorer -> Thread.ofVirtual().start(scorer::close));
    }

    /// The name that it was opened with.
    public String name() {
        return live.model();
    }

    /// What answers, but for the keys of a challenger.
    public Scorer live() {
        return live;
    }

    /// What is tried, in the order in which it was decided.
    public List<Trial> trials() {
        return trials;
    }

    /// What answers for a key: always the same, as long as nothing else is decided. The live one where no challenger
    /// has the key, where it serves nothing yet, and without a key.
    ///
    /// MurmurHash3 (x86, 32 bits) of the key, with that of the name as its seed, says which ten-thousandth of all keys
    /// it is; challengers own ranges of these from 0 up, in the order in which they were decided. A share that grows
    /// keeps the keys that it had, as long as no challenger before it changes.
    ///
    /// @param key whatever the same answerer is to be kept for, in UTF-8: a customer, a session
    public Scorer scorerFor(byte @Nullable [] key) {
        List<Trial> now = trials;
        if (key == null || now.isEmpty()) {
            return live;
        }
        int place = place(key);
        int from = 0;
        for (Trial each : now) {
            int to = from + each.candidate().share();
            if (place >= from && place < to) {
                return each.scorer().current() != null ? each.scorer() : live;
            }
            from = to;
        }
        return live;
    }

    /// As `scorerFor(byte[])`.
    public Scorer scorerFor(@Nullable String key) {
        return scorerFor(key == null ? null : key.getBytes(StandardCharsets.UTF_8));
    }

    /// 0 to `Candidate.WHOLE` - 1, evenly.
    int place(byte[] key) {
        long hash = Integer.toUnsignedLong(Murmur3.hash(key, seed));
        return (int) (hash * Candidate.WHOLE >>> Integer.SIZE);
    }

    /// Stops following. What was admitted can still be scored with.
    @Override
    public void close() {
        // Its thread may be in follow(), so not under the lock.
        live.close();
        List<Trial> last;
        synchronized (this) {
            closed = true;
            last = trials;
        }
        last.forEach(each -> each.scorer().close());
    }
}
