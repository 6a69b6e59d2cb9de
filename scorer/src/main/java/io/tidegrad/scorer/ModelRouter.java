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

/// Chooses which model scores for a name: the live model, or a challenger for its share of the keys. Shadows score the
/// same requests, but nobody gets their predictions. The control topic says which models these are. Each has a scorer
/// of its own, which is opened and closed as control records arrive.
///
/// Thread-safe; readers never wait.
///
/// ```java
/// try (ModelRouter router = ModelRouter.open(options)) {
///     Prediction prediction = router.scorerFor(customerId).score(record);
/// }
/// ```
public final class ModelRouter implements AutoCloseable {
    /// A shadow or challenger with its scorer.
    public record Trial(Candidate candidate, Scorer scorer) {
    }

    /// Which scorer answers for a key.
    ///
    /// @param propensity the share of all keys that it answers for; null where no challenger has a share, or no key was
    ///     given
    public record Choice(Scorer scorer, @Nullable Double propensity) {
    }

    private static final Logger log = LoggerFactory.getLogger(ModelRouter.class);

    private final Scorer live;
    private final Choice alone; // where nobody else answers
    private final Function<String, Scorer> open;
    private final int seed; // of the name's keys
    private volatile List<Trial> trials = List.of();
    private boolean closed; // under the lock of this

    private ModelRouter(String name, Function<ControlIntake, Scorer> live, Function<String, Scorer> open) {
        this.open = open;
        seed = Murmur3.hash(name.getBytes(StandardCharsets.UTF_8), 0);
        this.live = live.apply(ControlIntake.of(name, this::follow));
        alone = new Choice(this.live, null);
    }

    /// Opens the scorers of a name and returns at once, like `Scorer.open`.
    public static ModelRouter open(ScorerOptions options) {
        return new ModelRouter(options.model(),
                // A pinned version has neither shadows nor challengers.
                control -> options.pin() == null ? Scorer.open(options, control) : Scorer.open(options),
                model -> Scorer.open(options.withModel(model), ControlIntake.ofModel(model)));
    }

    /// Returns a router with only the given scorer.
    public static ModelRouter of(Scorer live) {
        return new ModelRouter(live.model(), control -> live, model -> {
            throw new IllegalStateException(model + " has no scorer: this router was made for one scorer alone");
        });
    }

    /// Takes the changed candidates of the name. Called on the follower's thread of `live`.
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
        log.info("candidates of model {}: {}", name(), candidates);
        // Closing waits for the scorer's thread. The live model must not wait for that.
        open.values().forEach(scorer -> Thread.ofVirtual().start(scorer::close));
    }

    /// Returns the name that it was opened with.
    public String name() {
        return live.model();
    }

    /// Returns the scorer for all keys that no challenger owns.
    public Scorer live() {
        return live;
    }

    /// Returns shadows and challengers in the order in which they were decided.
    public List<Trial> trials() {
        return trials;
    }

    /// Returns the scorer for a key: always the same one until another decision. It is the live one if there is no key,
    /// if no challenger owns the key, or if the challenger that owns it serves nothing yet.
    ///
    /// MurmurHash3 (x86, 32 bits) of the key, seeded with that of the name, maps each key to one of 10,000 slots.
    /// Challengers own ranges of slots from 0 up, in the order in which they were decided. If a share grows, it keeps
    /// its keys, as long as no challenger before it changes.
    ///
    /// @param key what must always be scored by the same model, in UTF-8: a customer, a session
    public Scorer scorerFor(byte @Nullable [] key) {
        return choiceFor(key).scorer();
    }

    /// Like `scorerFor`, with the share of keys for which this scorer answers at present.
    public Choice choiceFor(byte @Nullable [] key) {
        List<Trial> now = trials;
        if (key == null || now.isEmpty()) {
            return alone;
        }
        int place = place(key);
        int from = 0;
        int ofChallengers = 0; // of those that serve
        Trial chosen = null;
        for (Trial each : now) {
            int share = each.candidate().share();
            boolean serves = share > 0 && each.scorer().current() != null;
            ofChallengers += serves ? share : 0;
            if (serves && place >= from && place < from + share) {
                chosen = each;
            }
            from += share;
        }
        if (ofChallengers == 0) {
            return alone;
        }
        return chosen == null ? new Choice(live, share(Candidate.WHOLE - ofChallengers))
                : new Choice(chosen.scorer(), share(chosen.candidate().share()));
    }

    /// Returns the share of keys for which no challenger that serves answers.
    public double shareOfLive() {
        return share(Candidate.WHOLE - trials.stream().filter(each -> each.scorer().current() != null)
                .mapToInt(each -> each.candidate().share()).sum());
    }

    private static double share(int tenThousandths) {
        return (double) tenThousandths / Candidate.WHOLE;
    }

    /// Like `scorerFor(byte[])`.
    public Scorer scorerFor(@Nullable String key) {
        return scorerFor(key == null ? null : key.getBytes(StandardCharsets.UTF_8));
    }

    /// Like `choiceFor(byte[])`.
    public Choice choiceFor(@Nullable String key) {
        return choiceFor(key == null ? null : key.getBytes(StandardCharsets.UTF_8));
    }

    /// Returns the slot of a key: 0 to `Candidate.WHOLE` - 1, evenly distributed.
    int place(byte[] key) {
        long hash = Integer.toUnsignedLong(Murmur3.hash(key, seed));
        return (int) (hash * Candidate.WHOLE >>> Integer.SIZE);
    }

    /// Stops following. Admitted versions can still score.
    @Override
    public void close() {
        // Closed outside the lock, because its thread may wait for the lock in follow().
        live.close();
        List<Trial> last;
        synchronized (this) {
            closed = true;
            last = trials;
        }
        last.forEach(each -> each.scorer().close());
    }
}
