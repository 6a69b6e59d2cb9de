package io.tidegrad.trainer.relearn;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.TopicReader;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.LogHash;
import io.tidegrad.trainer.store.RunningHash;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Finds the place in a copy of a log up to which a state has learned, by the hash of what it has consumed.
///
/// Each record whose own hash is that behind an anchor may be the same one, so hashing begins there with the anchor's, and
/// is compared at all later anchors and at the state. What reaches the state from the earliest anchor is the place. If
/// more than one does, the records repeat each other and tell nothing. If one from an earlier anchor agreed at some and not
/// at a later one, the copy is not what was learned.
///
/// Behind an anchor may lie a record that comes often, such as a tick. Where too many began at one and have agreed nowhere
/// yet, these and the anchor are given up, and the next one has to tell. At the newest anchors there can't be so many.
public final class LogSearch {
    /// From one anchor to the next; more than the 64 records that lie between the newest ones.
    private static final int ATTEMPTS_MAX = 128;

    /// As many as `RunningHash` always leaves behind an anchor. Fewer may look alike by chance.
    private static final int COMPARED_MIN = 64;

    private static final long TELL_EVERY_NANOS = 200_000_000;

    private final List<LogHash.Anchor> anchors;
    private final long from;
    private final long wanted;
    private final String wantedChain;
    private final Map<String, List<Integer>> anchorsBefore = new HashMap<>(); // by the hash of the record behind them
    private final RunningHash single = new RunningHash(0, LogHash.NOTHING);
    private final List<Attempt> attempts = new ArrayList<>();
    private final boolean[] givenUp; // anchors
    private long firstPlace = -1; // of the earliest anchor that leads to any
    private long otherPlace = -1; // of the same anchor
    private int placesSince = Integer.MAX_VALUE; // that anchor
    private @Nullable Attempt furthest; // of those that parted
    private int partedSince = Integer.MAX_VALUE; // the earliest anchor of those that had agreed somewhere before
    private boolean repeats; // so much that more attempts agree at anchors than can be followed

    /// A place in the copy.
    ///
    /// @param nextOffset the offset after the last record that the state has learned
    /// @param since how many records the model had consumed before those that are compared
    public record Found(long nextOffset, long since) {
    }

    private final class Attempt {
        final int first; // anchor
        final RunningHash hash;
        long count;
        int next; // anchor to compare with; behind the last one, the state
        long agreed; // how many records
        long agreedOffset; // after these
        long parted = -1; // count at which the hashes differ

        Attempt(int first, long offset) {
            LogHash.Anchor anchor = anchors.get(first);
            this.first = first;
            count = anchor.count();
            hash = new RunningHash(count, new LogHash(from, anchor.chain(), List.of()));
            next = first + 1;
            agreed = count;
            agreedOffset = offset;
        }

        /// Returns whether it began at the right record, and not at another one that looks like it.
        boolean hasAgreed() {
            return agreed > anchors.get(first).count();
        }

        /// Returns whether it goes on.
        boolean add(ConsumerRecord<byte[], byte[]> record) {
            hash.add(record);
            count++;
            boolean isLast = next == anchors.size();
            long at = isLast ? wanted : anchors.get(next).count();
            if (count < at) {
                return true;
            }
            if (!hash.now().chain().equals(isLast ? wantedChain : anchors.get(next).chain())) {
                parted = at;
                return false;
            }
            agreed = count;
            agreedOffset = record.offset() + 1;
            next++;
            return !isLast;
        }
    }

    /// @param learned what the state has consumed
    public LogSearch(Accounts learned) {
        LogHash hash = learned.hash();
        anchors = hash.anchors();
        from = hash.from();
        wanted = learned.total();
        wantedChain = hash.chain();
        givenUp = new boolean[anchors.size()];
        for (int i = 0; i < anchors.size(); i++) {
            anchorsBefore.computeIfAbsent(anchors.get(i).next(), next -> new ArrayList<>()).add(i);
        }
    }

    /// Finds the place in a copy, all of which is read.
    ///
    /// @param state what is looked for
    /// @throws StopException if there is none, or more than one
    public static Found in(TopicReader copy, TimeTravel.PastModel state, ReplayProgress.Listener listener) {
        requireHash(state.lineage(), state.nextOffset(), state.accounts());
        LogSearch search = new LogSearch(state.accounts());
        long begin = copy.begin();
        long end = copy.end();
        long start = System.nanoTime();
        long[] told = {0, start}; // records, when
        copy.read(begin, end, record -> {
            boolean goesOn = search.add(record);
            told[0]++;
            long now = System.nanoTime();
            if (now - told[1] >= TELL_EVERY_NANOS) {
                told[1] = now;
                listener.at(new ReplayProgress(begin, record.offset() + 1, end, told[0], now - start));
            }
            return goesOn;
        });
        listener.at(new ReplayProgress(begin, end, end, told[0], System.nanoTime() - start));
        return search.found(state.lineage().model(), copy.log().topic());
    }

    /// @param nextOffset the watermark of the state
    /// @throws StopException if no record is hashed
    static void requireHash(Lineage lineage, long nextOffset, Accounts learned) {
        if (!learned.hash().isEmpty()) {
            return;
        }
        ControlAction.Rollback origin = lineage.origin();
        boolean leftOut = origin != null && origin.resumeOffset() == nextOffset
                && origin.base().nextOffset() < nextOffset && !origin.isUpgrade();
        throw new StopException(ExitCode.STATE_VIOLATION, String.format(Locale.ROOT,
                "model %s: expected a state with a hash of the %,d records that it has learned, found one without: %s. Let"
                        + " a trainer of this build learn more, where the model is learned, and copy the changelog again",
                lineage.model(), learned.total(),
                leftOut ? "nothing was learned since a rollback left something out, and hashing begins anew there"
                        : "an earlier build wrote it"));
    }

    /// Takes the next visible record of the copy.
    ///
    /// @return whether later ones can still change what is found
    public boolean add(ConsumerRecord<byte[], byte[]> record) {
        for (int anchor : anchorsBefore.getOrDefault(single.alone(record), List.of())) {
            // One that has come here from an earlier anchor has just been compared with this one.
            if (!givenUp[anchor] && attempts.stream().noneMatch(each -> each.count == anchors.get(anchor).count())) {
                attempts.add(new Attempt(anchor, record.offset()));
            }
        }
        for (Iterator<Attempt> each = attempts.iterator(); each.hasNext();) {
            Attempt attempt = each.next();
            if (!attempt.add(record)) {
                each.remove();
                end(attempt);
            }
        }
        if (attempts.size() > ATTEMPTS_MAX) {
            giveUp();
        }
        return !repeats && (otherPlace < 0 || canFindEarlier());
    }

    private void giveUp() {
        int[] begun = new int[anchors.size()];
        int agreed = 0;
        for (Attempt each : attempts) {
            if (each.hasAgreed()) {
                agreed++;
            } else {
                begun[each.first]++;
            }
        }
        repeats = agreed > ATTEMPTS_MAX;
        for (int anchor = 0; anchor < begun.length; anchor++) {
            givenUp[anchor] |= begun[anchor] > ATTEMPTS_MAX;
        }
        attempts.removeIf(each -> givenUp[each.first] && !each.hasAgreed());
    }

    /// Returns the anchor from which an attempt that began at `anchor` may have come, had none been given up.
    private int mayComeFrom(int anchor) {
        int from = anchor;
        while (from > 0 && givenUp[from - 1]) {
            from--;
        }
        return from;
    }

    /// Returns whether an anchor before that of the places may lead to one.
    private boolean canFindEarlier() {
        return IntStream.range(0, placesSince).anyMatch(anchor -> !givenUp[anchor])
                || attempts.stream().anyMatch(each -> each.first < placesSince);
    }

    private void end(Attempt attempt) {
        if (attempt.parted >= 0) {
            furthest = further(furthest, attempt);
            if (attempt.hasAgreed()) {
                partedSince = Math.min(partedSince, attempt.first);
            }
            return;
        }
        int earlier = firstPlace < 0 ? -1 : Integer.compare(mayComeFrom(attempt.first), mayComeFrom(placesSince));
        if (earlier < 0) {
            placesSince = attempt.first;
            firstPlace = attempt.agreedOffset;
            otherPlace = -1;
        } else if (earlier == 0) {
            otherPlace = attempt.agreedOffset;
        }
    }

    private static Attempt further(@Nullable Attempt one, Attempt other) {
        if (one == null || one.hasAgreed() != other.hasAgreed()) {
            return one == null || other.hasAgreed() ? other : one;
        }
        return other.agreed > one.agreed ? other : one;
    }

    /// Returns the place.
    ///
    /// @param model its name
    /// @param copy the topic
    /// @throws StopException if there is none, or more than one; the message says how far the hashes agree
    public Found found(String model, String copy) {
        if (isOnePlace()) {
            Found found = new Found(firstPlace, anchors.get(placesSince).count());
            if (found.since() == 0 || wanted - found.since() >= COMPARED_MIN) {
                return found;
            }
        }
        throw new StopException(ExitCode.STATE_VIOLATION,
                String.format(Locale.ROOT,
                        "model %s: expected in %s the records that the model has learned, up to record %,d, found %s",
                        model, copy, wanted, why()));
    }

    private boolean isOnePlace() {
        return firstPlace >= 0 && otherPlace < 0 && !repeats && placesSince <= partedSince;
    }

    private String why() {
        if (repeats || otherPlace >= 0) {
            return (otherPlace >= 0
                    ? String.format(Locale.ROOT, "them before offset %,d and before %,d", firstPlace, otherPlace)
                    : "more than " + ATTEMPTS_MAX + " places where they may be")
                    + ": the records repeat each other, so their hashes do not tell which were learned. Learn the copy"
                    + " under a new model name";
        }
        if (isOnePlace()) {
            return String.format(Locale.ROOT,
                    "only the last %,d of them to compare, where %,d have to be alike: %s, or learn the copy under a new"
                            + " model name",
                    wanted - anchors.get(placesSince).count(), COMPARED_MIN,
                    wanted - from < COMPARED_MIN
                            ? "their hash begins there. Let a trainer learn more, where the model is learned, and copy"
                                    + " the changelog again"
                            : "the copy lacks what is before, or has something else. Copy the topic again, from further"
                                    + " back");
        }
        Attempt longest = attempts.isEmpty() ? null : attempts.getFirst();
        for (Attempt each : attempts) {
            longest = further(longest, each);
        }
        Attempt parted = furthest;
        if (parted != null && (longest == null || further(longest, parted) == parted)) {
            return String.format(Locale.ROOT,
                    "that the hashes agree up to record %,d, before offset %,d, and do not at record %,d: between"
                            + " these the copy lacks a record, or has another one. Copy the topic again, or learn it"
                            + " under a new model name",
                    parted.agreed, parted.agreedOffset, parted.parted);
        }
        if (longest != null) {
            return String.format(Locale.ROOT,
                    "that the copy ends after record %,d; the hashes agree up to record %,d, before offset %,d. Let the"
                            + " rest be copied, and give the command again",
                    longest.count, longest.agreed, longest.agreedOffset);
        }
        return "none of those that follow record "
                + anchors.stream().map(each -> String.format(Locale.ROOT, "%,d", each.count()))
                        .collect(Collectors.joining(", "))
                + ": it begins later, or is no copy of the log. Learn it under a new model name";
    }
}
