package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/// A whole model as its changelog holds it, read from outside. In a page log it is the state of its last pages,
/// which is the live one once nothing came for 10 s or the trainer has stopped; otherwise the last whole image.
///
/// @param kind how the model is kept
/// @param model checked as at a trainer's start
/// @param nextOffset the watermark of the model
/// @param numerics those by which it was learned
public record StoredState(StoreKind kind, OnlineModel model, long nextOffset, Accounts accounts, long newestAppendTime,
        int numerics) {
    private static final int MARKERS_LOOKS_MAX = 100;
    private static final long MARKERS_LOOK_NANOS = 100_000_000;

    /// Returns a name for messages.
    public String name() {
        return switch (kind) {
            case PAGE_LOG -> "live state";
            case IMAGE_AND_REDO -> "last whole image";
        };
    }

    /// What the changelog says of a lineage without its pages.
    ///
    /// @param nextOffset the watermark before which the trainer has consumed everything
    /// @param stateOffset the watermark of the whole state that is stored; the start offset if there is none
    public record Head(long nextOffset, long stateOffset, Accounts accounts, int numerics) {
        /// @throws StopException if this build learned the model itself
        public void requireOthers(String model) {
            if (numerics == Numerics.VERSION) {
                throw new StopException(ExitCode.CONFIGURATION,
                        "model " + model + ": expected a model learned with other numerics than those of this build, "
                                + Numerics.VERSION
                                + ", found the same: there is nothing to take over, start the trainer of this build");
            }
        }

        /// @throws StopException if this build would give other bits
        public void requireNumerics(String model) {
            if (numerics != Numerics.VERSION) {
                throw new StopException(ExitCode.CONFIGURATION,
                        "model " + model + ": expected numerics " + Numerics.VERSION
                                + " of this build, found a model learned with " + numerics
                                + ": this build gives other bits. Use the build that the trainer runs (tidegrad"
                                + " --version tells its numerics)");
            }
        }
    }

    /// Returns null if there is no changelog, or nothing in it.
    ///
    /// @throws StopException if it is damaged
    public static @Nullable Head head(Changelog changelog) {
        try {
            StoreManifest newest = changelog.exists() ? changelog.newestManifest() : null;
            return newest == null ? null
                    : new Head(newest.nextOffset(), newest.base().nextOffset(), newest.accounts(), newest.numerics());
        } catch (KafkaException e) {
            throw StopException.from(e);
        }
    }

    /// Returns null if there is no changelog, nothing in it, or no whole image yet.
    ///
    /// @throws StopException if it is damaged, or of another lineage or build
    public static @Nullable StoredState read(Lineage lineage, Changelog changelog, Kernels kernels) {
        Restoration restoration = new Restoration(lineage, kernels, progress -> {
        });
        try {
            if (!changelog.exists()) {
                return null;
            }
            changelog.read(restoration::apply);
        } catch (KafkaException e) {
            throw StopException.from(e);
        }
        return of(restoration);
    }

    /// Returns the last state of a lineage whose epoch has ended, by whatever numerics it was learned.
    ///
    /// @param nextOffset the watermark that it has to have; empty for that of the newest commit
    /// @throws StopException if there is none, it is damaged, or the changelog holds only an earlier image
    public static StoredState last(Lineage lineage, Changelog changelog, OptionalLong nextOffset, Kernels kernels) {
        Restoration restoration = ended(lineage, changelog, kernels);
        StoreManifest manifest = restoration.manifest();
        StoredState state = of(restoration);
        long learned = manifest == null ? lineage.startOffset() : manifest.nextOffset();
        long wanted = nextOffset.orElse(learned);
        if (state == null || state.nextOffset() != wanted) {
            throw Refusals.violation(lineage,
                    "the state of epoch " + lineage.epoch() + " at offset " + wanted + " in " + changelog.topic(),
                    state == null ? "none" : "that at offset " + state.nextOffset(),
                    nextOffset.isEmpty()
                            ? "start a trainer of the build that learned the epoch (if the model is paused, after tidegrad"
                                    + " models resume " + lineage.model()
                                    + "), and give the command again when it learns:"
                                    + " the pause leaves a whole state"
                            : "this state was taken over, and learning again begins with it: restore the topic. If a"
                                    + " trainer of the other build went on after the upgrade, and none has begun the"
                                    + " new epoch yet, take the model over again (tidegrad models upgrade "
                                    + lineage.model() + ")");
        }
        return state;
    }

    /// Returns the newest whole state of a lineage whose epoch has ended, by whatever numerics it was learned: what it has
    /// learned since a last whole image is learned again from the log.
    ///
    /// @throws StopException if there is none, or it is damaged
    public static StoredState whole(Lineage lineage, Changelog changelog, Kernels kernels) {
        Restoration restoration = ended(lineage, changelog, kernels);
        StoredState state = of(restoration);
        if (state == null) {
            throw noWholeState(lineage, changelog.topic(), restoration.manifest() != null);
        }
        return state;
    }

    /// @param begun whether the changelog has a manifest
    static StopException noWholeState(Lineage lineage, String changelog, boolean begun) {
        return new StopException(ExitCode.CONFIGURATION, "model " + lineage.model() + ", epoch " + lineage.epoch()
                + ": expected a whole state in " + changelog + ", found " + (begun
                        ? "only what was learned before its first image; let a trainer go on where the model is learned,"
                                + " until an image is whole (a pause leaves one), and copy the topic again"
                        : "none; copy that topic too, as docs/operations/backup.md says, or if it is there, let a trainer"
                                + " begin the epoch where the model is learned"));
    }

    private static Restoration ended(Lineage lineage, Changelog changelog, Kernels kernels) {
        Restoration restoration = new Restoration(lineage, kernels, true, progress -> {
        });
        try {
            if (changelog.exists()) {
                awaitMarkers(lineage, changelog);
                changelog.readCommits(restoration::apply);
            }
        } catch (KafkaException e) {
            throw StopException.from(e);
        }
        return restoration;
    }

    /// Kafka answers a commit before its marker reaches the changelog. The transaction of a trainer that died stays open
    /// for longer, until Kafka ends it.
    private static void awaitMarkers(Lineage lineage, Changelog changelog) {
        for (int looks = 1; changelog.isHidden(); looks++) {
            if (looks > MARKERS_LOOKS_MAX) {
                throw Refusals.hidden(lineage, "the newest manifest", changelog.topic());
            }
            LockSupport.parkNanos(MARKERS_LOOK_NANOS);
        }
    }

    /// Returns null if these records hold no whole image.
    ///
    /// @param records the newest committed record of each key, with all or none of each commit
    /// @throws StopException if they are damaged, or of another lineage or build
    public static @Nullable StoredState of(Lineage lineage, Iterable<ConsumerRecord<byte[], byte[]>> records,
            Kernels kernels) {
        Restoration restoration = new Restoration(lineage, kernels, progress -> {
        });
        records.forEach(restoration::apply);
        return of(restoration);
    }

    /// Returns whether a record is a manifest, with which a commit ends.
    public static boolean endsCommit(ConsumerRecord<byte[], byte[]> record) {
        return Arrays.equals(record.key(), StoreRecords.MANIFEST_KEY);
    }

    private static @Nullable StoredState of(Restoration restoration) {
        StoreManifest manifest = restoration.manifest();
        if (manifest == null || !manifest.base().isStored()) {
            return null;
        }
        StoreBase base = manifest.base();
        return new StoredState(manifest.kind(), restoration.base(manifest).model(), base.nextOffset(), base.accounts(),
                base.newestAppendTime(), manifest.numerics());
    }
}
