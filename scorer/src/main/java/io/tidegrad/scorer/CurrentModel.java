package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// The root that scoring threads read: one reference, published with one release store by the follower, read once a
/// prediction. Readers never wait, and never see half a model, because everything behind the reference is immutable.
final class CurrentModel {
    /// Kept beside the current one, for comparison and for a pinned version.
    static final int PREVIOUS_KEPT = 3;

    private final long maxPreviousBytes;
    private final Succession succession;
    private final InstantSource clock;
    private final ModelMemory memory;
    private final AtomicReference<@Nullable ServedVersion> root = new AtomicReference<>();
    private final CountDownLatch firstAdmission = new CountDownLatch(1);
    private boolean retired; // what was to be served may not be any more
    private volatile List<ServedVersion> previous = List.of();
    private volatile @Nullable ServedVersion before; // last version of the model that answered before this one
    private volatile @Nullable Beat beat;
    private volatile boolean elsewhere; // the topic is not the one that the file's version is of

    /// A heartbeat, of which model, and where it lies.
    private record Beat(String model, SeenHeartbeat seen, long offset) {
    }

    /// @param maxPreviousBytes of weights that earlier versions may hold together: large models keep fewer
    /// @param clock of this machine
    CurrentModel(long maxPreviousBytes, Succession succession, InstantSource clock) {
        this(maxPreviousBytes, succession, clock, ModelMemory.OF_THIS_PROCESS);
    }

    /// @param memory that all models of the process share
    CurrentModel(long maxPreviousBytes, Succession succession, InstantSource clock, ModelMemory memory) {
        this.maxPreviousBytes = maxPreviousBytes;
        this.succession = succession;
        this.clock = clock;
        this.memory = memory;
    }

    /// Room in the heap for a load, until `release`; null when there is, else why not.
    ///
    /// @param bytes that it takes beside what is served
    @Nullable
    String reserve(String model, long bytes, BooleanSupplier halted) {
        return memory.reserve(this, model, bytes, halted);
    }

    boolean isReserved() {
        return memory.isReserved(this);
    }

    void release() {
        memory.release(this);
    }

    /// Nobody loads anything for it any more.
    void forget() {
        memory.forget(this);
    }

    long servedBytes() {
        ServedVersion served = get();
        return served == null ? 0 : served.manifest().servedBytes();
    }

    /// Each earlier version counted whole, though versions share what did not change between them.
    long previousBytes() {
        ServedVersion wayBack = before;
        return previous.stream().filter(each -> each != wayBack).mapToLong(each -> each.manifest().servedBytes()).sum()
                + (wayBack == null ? 0 : wayBack.manifest().servedBytes());
    }

    /// Another model needs the memory.
    synchronized void dropPrevious() {
        previous = List.of();
        before = null;
    }

    @Nullable
    ServedVersion get() {
        return root.getAcquire();
    }

    /// What may be published next.
    Succession succession() {
        return succession;
    }

    /// Whether a version may be served next; others need not be read.
    synchronized boolean wants(String model, int epoch, long version) {
        return succession.mayFollow(root.getPlain(), model, epoch, version);
    }

    /// Whether that model has served, and another one answers now.
    synchronized boolean comesBack(String model) {
        return succession.comesBack(root.getPlain(), model);
    }

    /// The highest version of this model that is served; -1 where it is another model that answers, or another epoch.
    long served(String model, int epoch) {
        ServedVersion served = root.getPlain();
        return served != null && served.model().equals(model) && served.epoch() == epoch ? served.version() : -1;
    }

    /// Called by the follower, and by who has a file for when it has nothing.
    ///
    /// @throws IllegalArgumentException the version may not follow the one that is served
    synchronized void publish(ServedVersion model) {
        ServedVersion replaced = root.getPlain();
        if (!wants(model.model(), model.epoch(), model.version())) {
            throw new IllegalArgumentException(
                    model.name() + " may not follow " + (replaced == null ? "what was" : replaced.name()));
        }
        if (replaced != null) {
            keep(replaced, !replaced.model().equals(model.model()));
        }
        retired = false;
        succession.serves(model);
        root.setRelease(model);
        firstAdmission.countDown();
    }

    /// Publishes where nothing is served and nothing was decided against it. False when it was not.
    synchronized boolean publishIfNone(ServedVersion model) {
        if (retired || root.getPlain() != null || !wants(model.model(), model.epoch(), model.version())) {
            return false;
        }
        publish(model);
        return true;
    }

    /// Whether a manifest there is of what the file's version was made of, or older: what is read once more says
    /// nothing new.
    boolean isInFile(String model, int epoch, long offset) {
        ServedVersion served = root.getPlain();
        return served != null && served.model().equals(model) && served.epoch() == epoch && offset < served.fileResume()
                && !elsewhere;
    }

    /// The topic has something else where the file's version lay: it was made anew, and all it has is news.
    void fileIsOfAnotherTopic() {
        elsewhere = true;
    }

    /// Whether this is the very version that a rollback serves: published once more by the trainer that went on from
    /// it.
    boolean wasBroughtBack(SnapshotManifest manifest) {
        ServedVersion served = root.getPlain();
        return served != null && served.isBroughtBack() && served.epoch() == manifest.epoch()
                && served.hasWeights(manifest.model(), manifest.version(), manifest.weightsHash());
    }

    /// Nothing is served any more. Called by the follower only.
    synchronized void retire() {
        retired = true;
        root.setRelease(null);
        previous = List.of();
        before = null;
    }

    /// Of the versions at hand, the one of this model with these weights.
    @Nullable
    ServedVersion withWeights(String model, long version, String weightsHash) {
        ServedVersion served = root.getPlain();
        if (served != null && served.hasWeights(model, version, weightsHash)) {
            return served;
        }
        for (ServedVersion candidate : previous) {
            if (candidate.hasWeights(model, version, weightsHash)) {
                return candidate;
            }
        }
        return null;
    }

    /// Lets go of earlier versions that would not fit beside a whole one that is about to be loaded. Called by the
    /// follower only.
    synchronized void makeRoom(long bytes) {
        keep(previous, maxPreviousBytes - bytes);
    }

    /// @param ofAnother another model answers from now on
    private void keep(ServedVersion replaced, boolean ofAnother) {
        if (ofAnother) {
            before = replaced;
        }
        List<ServedVersion> candidates = new ArrayList<>(PREVIOUS_KEPT + 1);
        candidates.add(replaced);
        candidates.addAll(previous);
        keep(candidates, maxPreviousBytes);
    }

    /// The last version of the model that answered before comes first: it is the way back.
    private void keep(List<ServedVersion> candidates, long maxBytes) {
        ServedVersion wayBack = before;
        long bytes = wayBack == null ? 0 : wayBack.manifest().servedBytes();
        if (bytes > maxBytes) {
            wayBack = null;
            bytes = 0;
        }
        before = wayBack;
        int kept = 0;
        while (kept < Math.min(candidates.size(), PREVIOUS_KEPT)) {
            ServedVersion candidate = candidates.get(kept);
            bytes += candidate == wayBack ? 0 : candidate.manifest().servedBytes();
            if (bytes > maxBytes) {
                break;
            }
            kept++;
        }
        previous = List.copyOf(candidates.subList(0, kept));
    }

    /// The last version that this model has served, when another one answers and it is still in memory.
    synchronized @Nullable ServedVersion lastOf(String model) {
        ServedVersion served = root.getPlain();
        if (served == null || served.model().equals(model)) {
            return null;
        }
        ServedVersion last = before;
        return last != null && last.model().equals(model) ? last : null;
    }

    /// Newest first.
    List<ServedVersion> previous() {
        return previous;
    }

    /// The newest of that model; null when none was read, or only of another.
    @Nullable
    Heartbeat heartbeat(String model) {
        SeenHeartbeat seen = seenHeartbeat(model);
        return seen == null ? null : seen.heartbeat();
    }

    /// As `heartbeat`, and when it was read.
    @Nullable
    SeenHeartbeat seenHeartbeat(String model) {
        Beat known = beat;
        return known == null || !model.equals(known.model) ? null : known.seen;
    }

    /// What is read from now on may lie on a topic that was made anew, whose offsets say nothing of what was read
    /// before: the next beat counts, wherever it lies. Called by the follower only.
    void beatsBeginAnew() {
        Beat known = beat;
        if (known != null) {
            beat = new Beat(known.model, known.seen, -1);
        }
    }

    /// Called by the follower only. Of one epoch the beat furthest down the log counts, whatever order they are read
    /// in; an earlier epoch's says nothing, for its trainer may not know yet that it is over.
    ///
    /// @param offset of the record that says so
    void beat(String model, Heartbeat newer, long offset) {
        if (succession.isOver(model, newer.epoch())) {
            return;
        }
        Beat known = beat;
        if (known == null || !known.model.equals(model) || newer.epoch() > known.seen.heartbeat().epoch()
                || (newer.epoch() == known.seen.heartbeat().epoch() && offset > known.offset)) {
            beat = new Beat(model, new SeenHeartbeat(newer, clock.millis()), offset);
        }
    }

    /// True when a version serves; false when the time is over first, or the model was deleted meanwhile.
    boolean awaitFirst(Duration timeout) throws InterruptedException {
        return firstAdmission.await(timeout.toNanos(), TimeUnit.NANOSECONDS) && get() != null;
    }
}
