package io.tidegrad.control;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Folds control records into a `ControlDirective` for one name, without access to Kafka. It keeps the state of every
/// model, because a promotion can make any of them answer. A record that can't be read is counted and changes nothing.
/// A record about a stream changes no directive, because no scorer learns; it tells where the stream's events lie.
/// The follower's thread passes the records; any thread may read the result.
public final class ControlIntake {
    private static final Logger log = LoggerFactory.getLogger(ControlIntake.class);

    private final String name;
    private final boolean promotable;
    private final Consumer<List<Candidate>> onCandidates;
    private List<Candidate> candidates = List.of();
    private final Map<String, ControlState> models = new HashMap<>();
    private final Map<String, Long> begun = new HashMap<>(); // the times at which their epochs began
    private final Map<String, String> eventTopics = new ConcurrentHashMap<>(); // of streams, by name
    private long next;
    private volatile ControlDirective directive;
    private volatile ControlStatus status;
    private String problem = "";
    private ControlAction.@Nullable Rollback problemOf;

    /// @param name the name in requests, which the model of that name answers until a record says otherwise
    public ControlIntake(String name) {
        this(name, true, candidates -> {
        });
    }

    /// Returns an intake for a model that answers whatever was promoted to its name, because it is pinned or tried under
    /// another name.
    public static ControlIntake ofModel(String model) {
        return new ControlIntake(model, false, candidates -> {
        });
    }

    /// @param onCandidates gets the candidates of the name whenever they change, on the follower's thread
    public static ControlIntake of(String name, Consumer<List<Candidate>> onCandidates) {
        return new ControlIntake(name, true, onCandidates);
    }

    private ControlIntake(String name, boolean promotable, Consumer<List<Candidate>> onCandidates) {
        this.name = name;
        this.promotable = promotable;
        this.onCandidates = onCandidates;
        directive = new ControlDirective(name, 0, 0, null, false);
        status = ControlStatus.nothingSaid(name);
    }

    /// Returns the directive, which is the same object until a record changes it.
    public ControlDirective directive() {
        return directive;
    }

    /// Returns the directive of one model, no matter which model answers to its name.
    public ControlDirective directive(String model) {
        ControlState state = of(model);
        return new ControlDirective(model, state.epoch(), begun.getOrDefault(model, 0L), state.rollback(),
                state.deleted());
    }

    public ControlStatus status() {
        return status;
    }

    /// Sets the reason why this rollback can't be served.
    public void problem(ControlAction.Rollback rollback, String why) {
        problem = why;
        problemOf = rollback;
        refresh(status.records(), status.unreadable(), status.lastUnreadable());
    }

    /// Returns the topic of a stream's events, that of its newest epoch; null if no record names one.
    public @Nullable String eventsTopic(String stream) {
        return eventTopics.get(stream);
    }

    /// Returns the offset after the last record.
    public long next() {
        return next;
    }

    /// Takes the next record of the log.
    public void accept(byte @Nullable [] key, byte @Nullable [] value, long offset) {
        next = offset + 1;
        if (key != null && StreamRecord.isKey(key)) {
            aboutStream(key, value);
            return;
        }
        if (key == null || value == null) {
            unreadable(offset, "it has no " + (key == null ? "key" : "value"));
            return;
        }
        ControlRecord record;
        try {
            record = ControlRecord.decode(key, value);
        } catch (ControlFormatException e) {
            unreadable(offset, String.valueOf(e.getMessage()));
            return;
        }
        ControlState before = of(record.model());
        int begins = record.action().begins();
        if (begins > 0 && begins <= before.epoch()) {
            unreadable(offset, "expected an epoch above " + before.epoch() + " of " + record.model() + ", found "
                    + record.action());
            return;
        }
        models.put(record.model(), before.after(record));
        if (begins > 0) {
            begun.put(record.model(), record.time());
        }
        refresh(status.records() + 1, status.unreadable(), status.lastUnreadable());
    }

    /// One that can't be read is passed over without a word: joiners and trainers tell it.
    private void aboutStream(byte[] key, byte @Nullable [] value) {
        try {
            StreamRecord record = value == null ? null : StreamRecord.decode(key, value);
            if (record != null && record.action() instanceof StreamAction.Create create) {
                eventTopics.put(record.stream(), create.events().topic());
            }
        } catch (ControlFormatException unreadable) {
            log.debug("a record about a stream can't be read", unreadable);
        }
    }

    private ControlState of(String model) {
        return models.getOrDefault(model, ControlState.initial(model));
    }

    private void unreadable(long offset, String why) {
        log.error("control record at offset {} is passed over: {}", offset, why);
        refresh(status.records(), status.unreadable() + 1, "control record at offset " + offset + ": " + why);
    }

    private void refresh(long records, long unreadable, String lastUnreadable) {
        ControlState own = of(name);
        String by = promotable ? own.answeredBy() : name;
        ControlState answering = of(by);
        ControlDirective now = directive(by);
        if (!now.equals(directive)) {
            log.info("the directive for {} is now {}", name, now);
            directive = now;
        }
        status = new ControlStatus(by, answering.epoch(), answering.paused(), answering.deleted(), answering.rollback(),
                own.candidates(), newest(own.newest(), answering.newest()), records, unreadable, lastUnreadable,
                problemOf != null && problemOf.equals(answering.rollback()) ? problem : "");
        if (!candidates.equals(own.candidates())) {
            candidates = own.candidates();
            onCandidates.accept(candidates);
        }
    }

    private static @Nullable ControlRecord newest(@Nullable ControlRecord one, @Nullable ControlRecord other) {
        if (one == null || other == null) {
            return one == null ? other : one;
        }
        return one.time() > other.time() ? one : other;
    }
}
