package io.tidegrad.joiner.join;

import io.tidegrad.joiner.join.Entry.Early;
import io.tidegrad.joiner.join.Entry.Emitted;
import io.tidegrad.joiner.join.Entry.Waiting;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.JoinOutput.Counted;
import io.tidegrad.joiner.join.JoinOutput.Reason;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.LabelText;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.model.stream.StreamSpec.Duplicates;
import io.tidegrad.model.stream.StreamSpec.Late;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Joins events and labels, one id at a time: a pure function of what is known of the id, a record, and the time of the
/// task. The caller keeps the entries, and a time index that says when to look at each again.
///
/// **Time.** `now` is the largest event time of all records that the task has taken, this one included, and of ticks.
/// It never goes back, not by a restart either, so the caller keeps it with the entries. An event waits while `now` is
/// at most its time + `wait`, and is remembered while `now` is at most its time + `window`. What is over by `now` is
/// ended before a record is looked at; so when the caller comes round to expiring entries changes nothing but the order
/// of examples of different ids.
///
/// **An id's life.** An event opens it, and it ends with the event's window. Within it there is one first example, and
/// then corrections. An event that comes when its own window has passed is refused, because a life of it may be over and
/// forgotten: so an event that is sent again with the same event time, however late, never gives a second first example.
///
/// docs/streams.md has the table of cases for users.
public final class LabelJoin {
    private final String topic;
    private final long wait;
    private final long window;
    private final @Nullable String missing;
    private final boolean dropsLate;
    private final boolean lastCounts;
    private final @Nullable Sampling sampling;

    /// @param spec of a stream with labels from another topic
    public LabelJoin(StreamSpec spec) {
        StreamSpec.Join join = Objects.requireNonNull(spec.join(), "a stream with labels in its events has no join");
        topic = spec.events().topic();
        wait = join.waitTime().toMillis();
        window = join.window().toMillis();
        missing = join.missing().orElse(null);
        dropsLate = join.late() == Late.DROP;
        lastCounts = join.duplicates() == Duplicates.LAST;
        sampling = Sampling.of(spec);
    }

    /// When the entry is to be looked at again: `expire` does nothing before `now` is larger than this.
    public long wakeAt(Entry entry) {
        return entry.base() + (entry instanceof Waiting ? wait : window);
    }

    /// Whether an entry that waits no more and has this base is forgotten by `now`.
    public boolean isForgotten(long base, long now) {
        return now > base + window;
    }

    /// Ends what is over by `now`, and returns what is known of the id then; null: nothing.
    public @Nullable Entry expire(String id, Entry entry, long now, JoinOutput to) {
        Entry left = entry;
        if (left instanceof Waiting waiting && now > wakeAt(waiting)) {
            left = unlabeled(id, waiting, to);
        }
        if (now <= wakeAt(left)) {
            return left;
        }
        if (left instanceof Early early) {
            to.orphan(early.label(), "expected an event with the id '" + id + "' before " + time(wakeAt(early))
                    + " (the label's time + window), found none");
        }
        return null;
    }

    /// Joins an event, and returns what is known of the id then.
    public @Nullable Entry event(String id, @Nullable Entry found, EventRecord event, long now, JoinOutput to) {
        requirePassed(now, event.time());
        Entry entry = found == null ? null : expire(id, found, now, to);
        return switch (entry) {
            case null -> isForgotten(event, now, to) ? null : expire(id, new Waiting(event.time(), event), now, to);
            case Early early ->
                isForgotten(event, now, to) ? early : labeledFirst(id, event, event.time(), early.label(), to);
            case Waiting waiting -> {
                to.count(Counted.REPEATED_EVENT);
                yield lastCounts ? new Waiting(waiting.base(), event) : waiting;
            }
            case Emitted emitted -> {
                to.count(Counted.REPEATED_EVENT);
                yield emitted;
            }
        };
    }

    /// Joins a label or a retraction, and returns what is known of the id then.
    public @Nullable Entry label(String id, @Nullable Entry found, LabelRecord label, long now, JoinOutput to) {
        requirePassed(now, label.time());
        Entry entry = found == null ? null : expire(id, found, now, to);
        return switch (entry) {
            case null -> {
                if (label.takesBack()) {
                    to.count(Counted.NOTHING_TO_TAKE_BACK);
                    yield null;
                }
                yield expire(id, new Early(label.time(), label), now, to);
            }
            case Early early -> {
                to.count(label.takesBack() ? Counted.EARLY_LABEL_TAKEN_BACK : Counted.REPEATED_LABEL);
                yield label.takesBack() ? null : lastCounts ? new Early(early.base(), label) : early;
            }
            case Waiting waiting -> {
                if (label.takesBack()) {
                    to.count(Counted.NOTHING_TO_TAKE_BACK);
                    yield waiting;
                }
                yield labeledFirst(id, waiting.event(), waiting.base(), label, to);
            }
            case Emitted emitted ->
                label.takesBack() ? takenBack(id, emitted, label, now, to) : labeledAgain(id, emitted, label, now, to);
        };
    }

    private static void requirePassed(long now, long time) {
        if (now < time) {
            throw new IllegalArgumentException(
                    "expected a task time of at least the record's, " + time + ", found " + now);
        }
    }

    /// Whether the event may have had a life that is over; then it is refused.
    private boolean isForgotten(EventRecord event, long now, JoinOutput to) {
        if (now <= event.time() + window) {
            return false;
        }
        to.refuse(Reason.LATE_EVENT, "expected an event after " + time(now - window) + " (the task's time, " + time(now)
                + ", less window), found one of " + time(event.time()));
        return true;
    }

    private Entry unlabeled(String id, Waiting waiting, JoinOutput to) {
        EventRecord event = waiting.event();
        Emitted emitted = emitted(waiting.base(), event);
        if (missing == null) {
            to.count(Counted.UNLABELED);
            return emitted;
        }
        first(id, Kind.PROVISIONAL, emitted, missing, null, event.content(), to);
        return emitted.labeled(null);
    }

    private Entry labeledFirst(String id, EventRecord event, long base, LabelRecord label, JoinOutput to) {
        Emitted emitted = emitted(base, event);
        first(id, Kind.FINAL, emitted, Objects.requireNonNull(label.label()), label.time(), event.content(), to);
        return emitted.labeled(label.label());
    }

    private static Emitted emitted(long base, EventRecord event) {
        return new Emitted(base, event.time(), event.at(), event.weight(), null, false);
    }

    private Entry labeledAgain(String id, Emitted emitted, LabelRecord label, long now, JoinOutput to) {
        String before = emitted.label();
        String after = Objects.requireNonNull(label.label());
        if (before != null && (!lastCounts || LabelText.same(before, after))) {
            to.count(Counted.REPEATED_LABEL);
            return emitted;
        }
        if (isRefused(emitted, now, to)) {
            return emitted;
        }
        if (emitted.decided()) {
            correct(id, emitted, before == null ? missing : before, after, label.time(), to);
        } else {
            first(id, Kind.FINAL, emitted, after, label.time(), null, to);
        }
        return emitted.labeled(after);
    }

    private Entry takenBack(String id, Emitted emitted, LabelRecord retraction, long now, JoinOutput to) {
        if (emitted.label() == null) {
            to.count(Counted.NOTHING_TO_TAKE_BACK);
            return emitted;
        }
        if (isRefused(emitted, now, to)) {
            return emitted;
        }
        correct(id, emitted, emitted.label(), missing, retraction.time(), to);
        return emitted.labeled(null);
    }

    /// Whether the spec takes no label any more; then it is refused.
    private boolean isRefused(Emitted emitted, long now, JoinOutput to) {
        if (!dropsLate || now <= emitted.base() + wait) {
            return false;
        }
        to.refuse(Reason.LATE_LABEL, "expected a label before " + time(emitted.base() + wait)
                + " (the event's time + wait, and late: drop), found one at the task's time " + time(now));
        return true;
    }

    private void correct(String id, Emitted emitted, @Nullable String before, @Nullable String after, long time,
            JoinOutput to) {
        if (before != null && after != null && LabelText.same(before, after)) {
            to.count(Counted.UNCHANGED_LABEL);
            return;
        }
        to.example(id, example(Kind.CORRECTION, emitted, after, before, time), null);
    }

    private void first(String id, Kind kind, Emitted emitted, String label, @Nullable Long labelTime,
            @Nullable Content content, JoinOutput to) {
        Example whole = example(kind, emitted, label, null, labelTime);
        Example written = sampling == null ? whole : sampling.sampled(id, whole);
        if (written == null) {
            to.count(Counted.SAMPLED_OUT);
        } else {
            to.example(id, written, content);
        }
    }

    private Example example(Kind kind, Emitted emitted, @Nullable String label, @Nullable String oldLabel,
            @Nullable Long labelTime) {
        Position at = emitted.at();
        return new Example(kind, label, oldLabel, emitted.weight(),
                new Example.Source(topic, at.partition(), at.offset()), emitted.eventTime(), labelTime);
    }

    private static String time(long millis) {
        return Instant.ofEpochMilli(millis).toString();
    }
}
