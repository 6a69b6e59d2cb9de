package io.tidegrad.control;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Control records in, a directive out. Knows no Kafka. All models are folded, because a promotion may make any of them
/// answer. A record that can't be read is counted and told; what was decided before stays. Written by the follower's
/// thread, read by any.
public final class ControlIntake {
    private static final Logger log = LoggerFactory.getLogger(ControlIntake.class);

    private final String name;
    private final boolean promotable;
    private final Consumer<List<Candidate>> onCandidates;
    private List<Candidate> candidates = List.of();
    private final Map<String, ControlState> models = new HashMap<>();
    private final Map<String, Long> begun = new HashMap<>(); // when their epochs began
    private long next;
    private volatile ControlDirective directive;
    private volatile ControlStatus status;
    private String problem = "";
    private ControlAction.@Nullable Rollback problemOf;

    /// @param name that requests give; answered by the model of that name until a record says otherwise
    public ControlIntake(String name) {
        this(name, true, candidates -> {
        });
    }

    /// For a model that is tried under another name, or pinned: answered by itself, whatever was promoted to its own.
    public static ControlIntake ofModel(String model) {
        return new ControlIntake(model, false, candidates -> {
        });
    }

    /// @param onCandidates told of those of the name whenever they change, on the follower's thread
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

    /// The same object until a record changes it.
    public ControlDirective directive() {
        return directive;
    }

    /// What holds for one model, whoever answers to its name.
    public ControlDirective directive(String model) {
        ControlState state = of(model);
        return new ControlDirective(model, state.epoch(), begun.getOrDefault(model, 0L), state.rollback(),
                state.deleted());
    }

    public ControlStatus status() {
        return status;
    }

    /// That rollback can't be served, and why.
    public void problem(ControlAction.Rollback rollback, String why) {
        problem = why;
        problemOf = rollback;
        refresh(status.records(), status.unreadable(), status.lastUnreadable());
    }

    /// Offset after the last record.
    public long next() {
        return next;
    }

    /// One record, in the order of the log.
    public void accept(byte @Nullable [] key, byte @Nullable [] value, long offset) {
        next = offset + 1;
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
        int begins = begins(record.action());
        if (begins >= 0 && begins <= before.epoch()) {
            unreadable(offset, "expected an epoch above " + before.epoch() + " of " + record.model() + ", found "
                    + record.action());
            return;
        }
        models.put(record.model(), before.after(record));
        if (begins >= 0) {
            begun.put(record.model(), record.time());
        }
        refresh(status.records() + 1, status.unreadable(), status.lastUnreadable());
    }

    /// The epoch that an action begins, -1 when it begins none.
    private static int begins(ControlAction action) {
        return switch (action) {
            case ControlAction.Create create -> create.epoch();
            case ControlAction.Rollback rollback -> rollback.epoch();
            case ControlAction.Pause pause -> -1;
            case ControlAction.Resume resume -> -1;
            case ControlAction.Promote promote -> -1;
            case ControlAction.Delete delete -> -1;
            case ControlAction.Shadow shadow -> -1;
            case ControlAction.Challenge challenge -> -1;
            case ControlAction.Withdraw withdraw -> -1;
        };
    }

    private ControlState of(String model) {
        ControlState known = models.get(model);
        return known == null ? ControlState.initial(model) : known;
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
            log.info("{} is now answered so: {}", name, now);
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
