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

/// Holds the version that scoring threads use: one reference, which the follower publishes with one release store and
/// which a thread loads once for each prediction. Readers never wait and never see half a model, because everything
/// behind the reference is immutable.
final class CurrentModel {
    /// How many earlier versions are kept, for comparison and for requests that name a version.
    static final int PREVIOUS_KEPT = 3;

    private final long maxPreviousBytes;
    private final Succession succession;
    private final InstantSource clock;
    private final ModelMemory memory;
    private final AtomicReference<@Nullable ServedVersion> root = new AtomicReference<>();
    private final CountDownLatch firstAdmission = new CountDownLatch(1);
    private boolean retired; // the follower ended serving
    private volatile List<ServedVersion> previous = List.of();
    private volatile @Nullable ServedVersion before; // last version of the model that answered before this one
    private volatile @Nullable Beat beat;
    private volatile boolean elsewhere; // the topic is not the one from which the file's version came

    /// A heartbeat with the name of its model and its offset.
    private record Beat(String model, SeenHeartbeat seen, long offset) {
    }

    /// @param maxPreviousBytes how many bytes of weights earlier versions may hold together; of large models fewer are
    ///     kept
    /// @param clock of this machine
    CurrentModel(long maxPreviousBytes, Succession succession, InstantSource clock) {
        this(maxPreviousBytes, succession, clock, ModelMemory.OF_THIS_PROCESS);
    }

    /// @param memory heap that all models of the process share
    CurrentModel(long maxPreviousBytes, Succession succession, InstantSource clock, ModelMemory memory) {
        this.maxPreviousBytes = maxPreviousBytes;
        this.succession = succession;
        this.clock = clock;
        this.memory = memory;
    }

    /// Reserves heap for a load until `release`. Returns null if it succeeded, else why there is not enough.
    ///
    /// @param bytes how much the load takes in addition to what is served
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

    /// Takes this scorer out of the memory bound, because it is closed.
    void forget() {
        memory.forget(this);
    }

    long servedBytes() {
        ServedVersion served = get();
        return served == null ? 0 : served.manifest().servedBytes();
    }

    /// Counts each earlier version with its full size, although versions share what did not change between them.
    long previousBytes() {
        ServedVersion wayBack = before;
        return previous.stream().filter(each -> each != wayBack).mapToLong(each -> each.manifest().servedBytes()).sum()
                + (wayBack == null ? 0 : wayBack.manifest().servedBytes());
    }

    /// Drops the earlier versions, because another model needs the memory.
    synchronized void dropPrevious() {
        previous = List.of();
        before = null;
    }

    @Nullable
    ServedVersion get() {
        return root.getAcquire();
    }

    /// Decides which version may be published next.
    Succession succession() {
        return succession;
    }

    /// Returns whether a version may be served next. Others need not be read.
    synchronized boolean wants(String model, int epoch, long version) {
        return succession.mayFollow(root.getPlain(), model, epoch, version);
    }

    /// Returns whether that model has served before and another one answers now.
    synchronized boolean comesBack(String model) {
        return succession.comesBack(root.getPlain(), model);
    }

    /// Returns the served version of this model in this epoch; -1 if another model or another epoch is served.
    long served(String model, int epoch) {
        ServedVersion served = root.getPlain();
        return served != null && served.model().equals(model) && served.epoch() == epoch ? served.version() : -1;
    }

    /// Publishes a version. Called by the follower, and by `LastGood` if nothing is served.
    ///
    /// @throws IllegalArgumentException if the version may not follow the served one
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

    /// Publishes a version if nothing is served and no decision forbids it. Returns whether it was published.
    synchronized boolean publishIfNone(ServedVersion model) {
        if (retired || root.getPlain() != null || !wants(model.model(), model.epoch(), model.version())) {
            return false;
        }
        publish(model);
        return true;
    }

    /// Returns whether the manifest at this offset is the one of the file's version or an older one. Reading it again
    /// says nothing new.
    boolean isInFile(String model, int epoch, long offset) {
        ServedVersion served = root.getPlain();
        return served != null && served.model().equals(model) && served.epoch() == epoch && offset < served.fileResume()
                && !elsewhere;
    }

    /// Notes that the topic does not have the manifest of the file's version at its offset: the topic was created
    /// again, and everything on it is new.
    void fileIsOfAnotherTopic() {
        elsewhere = true;
    }

    /// Returns whether this is the version that a rollback already serves, published again by the trainer that
    /// continued from it.
    boolean wasBroughtBack(SnapshotManifest manifest) {
        ServedVersion served = root.getPlain();
        return served != null && served.isBroughtBack() && served.epoch() == manifest.epoch()
                && served.hasWeights(manifest.model(), manifest.version(), manifest.weightsHash());
    }

    /// Stops serving. Called by the follower only.
    synchronized void retire() {
        retired = true;
        root.setRelease(null);
        previous = List.of();
        before = null;
    }

    /// Returns the version of this model with these weights if it is still in memory, else null.
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

    /// Drops earlier versions that would not fit beside a full version that is about to be loaded. Called by the
    /// follower only.
    synchronized void makeRoom(long bytes) {
        keep(previous, maxPreviousBytes - bytes);
    }

    /// @param ofAnother whether another model answers from now on
    private void keep(ServedVersion replaced, boolean ofAnother) {
        if (ofAnother) {
            before = replaced;
        }
        List<ServedVersion> candidates = new ArrayList<>(PREVIOUS_KEPT + 1);
        candidates.add(replaced);
        candidates.addAll(previous);
        keep(candidates, maxPreviousBytes);
    }

    /// The last version of the model that answered before is kept first: serving it again is the fastest way back.
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

    /// Returns the last version that this model served, if another model answers now and the version is still in
    /// memory; else null.
    synchronized @Nullable ServedVersion lastOf(String model) {
        ServedVersion served = root.getPlain();
        if (served == null || served.model().equals(model)) {
            return null;
        }
        ServedVersion last = before;
        return last != null && last.model().equals(model) ? last : null;
    }

    /// Returns the earlier versions that are kept, newest first.
    List<ServedVersion> previous() {
        return previous;
    }

    /// Returns the newest heartbeat of that model; null if none was read.
    @Nullable
    SeenHeartbeat seenHeartbeat(String model) {
        Beat known = beat;
        return known == null || !model.equals(known.model) ? null : known.seen;
    }

    /// Makes the next heartbeat count whatever its offset is, because the topic may have been created again since the
    /// last one. Called by the follower only.
    void beatsBeginAnew() {
        Beat known = beat;
        if (known != null) {
            beat = new Beat(known.model, known.seen, -1);
        }
    }

    /// Takes a heartbeat. Within an epoch the one with the highest offset counts, in whatever order they are read. One
    /// of an earlier epoch is ignored: its trainer may not know yet that the epoch has ended. Called by the follower
    /// only.
    ///
    /// @param offset offset of the heartbeat's record
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

    /// Returns true once a version serves; false if the time runs out first or the model was deleted in the meantime.
    boolean awaitFirst(Duration timeout) throws InterruptedException {
        return firstAdmission.await(timeout.toNanos(), TimeUnit.NANOSECONDS) && get() != null;
    }
}
