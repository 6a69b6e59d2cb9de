package io.tidegrad.trainer.relearn;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.control.TopicReader;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.Room;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.StoredState;
import java.time.Instant;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Makes a model as it was at an earlier place in its log: from the nearest earlier state and the events after it.
/// Snapshots hold no optimizer state, so the state is the stored one (`StoredState`) if that is early enough, and
/// otherwise the beginning.
public final class TimeTravel {
    /// @param at an offset (exclusive), or a time
    /// @param kernels any choice gives the same bits
    public record Options(KafkaSettings kafka, RegistrySettings registry, String prefix, String model, LogPosition at,
            Kernels kernels) {
    }

    /// @param state from which state it was made, as text
    /// @param stateOffset the watermark of that state, from which the log was learned again
    /// @param nextOffset the offset that was asked for, before which every visible record is accounted for
    /// @param accounts of all records since the model began
    /// @param newestAppendTime timestamp of the newest accepted record (epoch ms)
    /// @param numerics those by which it was learned
    public record PastModel(Lineage lineage, OnlineModel model, String state, long stateOffset, long nextOffset,
            Accounts accounts, long newestAppendTime, int numerics, long nanos) {
        /// Returns the weights-hash of the build that learned it.
        public String weightsHash() {
            return ModelHash.weights(lineage.spec().fingerprint(), numerics, model.parameters());
        }
    }

    private TimeTravel() {}

    /// @throws StopException if there was no such moment, the log has lost events that this needs, or this build
    ///     gives other bits
    public static PastModel to(Options options, ReplayProgress.Listener listener) {
        Topics topics = new Topics(options.prefix());
        return RegistryCheck.withRegistry(options.kafka(), topics, options.registry(), (registry, decoder) -> {
            Lineage lineage = RegisteredModel.find(options.kafka(), topics, options.model()).lineage();
            return new Past(options.kafka(), topics, lineage, decoder, options.kernels(), 0, listener).at(options.at());
        });
    }

    /// Makes the model of a moment, for the base of a rollback.
    ///
    /// @throws StopException if no trainer has learned so far, the log has lost events that this needs, or this build
    ///     gives other bits
    public static PastModel to(KafkaSettings kafka, RegistrySettings registry, Topics topics, Lineage.Moment moment,
            Kernels kernels, ReplayProgress.Listener listener) {
        requireLearned(kafka, topics, moment);
        return RegistryCheck.withRegistry(kafka, topics, registry, (client, decoder) -> to(kafka, topics,
                moment.lineage(), moment.nextOffset(), decoder, kernels, 0, listener));
    }

    /// Checks that a trainer has learned everything before a moment: what it would have rejected is in no dead letter.
    private static void requireLearned(KafkaSettings kafka, Topics topics, Lineage.Moment moment) {
        Lineage of = moment.lineage();
        StoredState.Head head = StoredState.head(Changelog.of(kafka, topics, of));
        ControlAction.Rollback origin = of.origin();
        long learned = head != null ? head.nextOffset() : origin == null ? of.startOffset() : origin.resumeOffset();
        try (TopicReader reader = new TopicReader(kafka, of.log().topic())) {
            // A place behind the last event may lie behind the marker of its transaction, too.
            if (moment.nextOffset() > learned && reader.holds(learned, moment.nextOffset())) {
                throw new StopException(ExitCode.CONFIGURATION,
                        "model " + of.model() + ": expected a place up to which epoch " + of.epoch()
                                + " has learned, offset " + learned + ", found offset " + moment.nextOffset()
                                + "; give an earlier one, or let it learn on");
            }
        }
    }

    /// Makes the model of any lineage, for the base of a rollback.
    ///
    /// @param nextOffset the offset before which everything that the lineage learns is learned
    /// @param workers how many threads share each step, the calling one included; 0: as the model's spec says
    /// @throws StopException if the log has lost events that this needs, or this build gives other bits
    public static PastModel to(KafkaSettings kafka, Topics topics, Lineage lineage, long nextOffset,
            RecordDecoder decoder, Kernels kernels, int workers, ReplayProgress.Listener listener) {
        return new Past(kafka, topics, lineage, decoder, kernels, workers, listener)
                .at(new LogPosition.Offset(nextOffset));
    }

    /// Reads the last state of an epoch that has ended, by whatever numerics it was learned, for the base of an upgrade.
    ///
    /// @param nextOffset the watermark that it has to have; empty for any
    /// @throws StopException if the changelog does not hold it
    public static PastModel last(KafkaSettings kafka, Topics topics, Lineage lineage, OptionalLong nextOffset,
            Kernels kernels) {
        return left(lineage,
                () -> StoredState.last(lineage, Changelog.of(kafka, topics, lineage), nextOffset, kernels));
    }

    /// Reads the newest whole state of an epoch whose log is another one by now, for the base of a move.
    ///
    /// @throws StopException if the changelog holds none
    public static PastModel left(KafkaSettings kafka, Topics topics, Lineage lineage, Kernels kernels) {
        return left(lineage, () -> StoredState.whole(lineage, Changelog.of(kafka, topics, lineage), kernels));
    }

    private static PastModel left(Lineage lineage, Supplier<StoredState> read) {
        long start = System.nanoTime();
        Room.require(List.of(lineage.spec()), Runtime.getRuntime().maxMemory());
        StoredState state = read.get();
        return new PastModel(lineage, state.model(), "the " + state.name(), state.nextOffset(), state.nextOffset(),
                state.accounts(), state.newestAppendTime(), state.numerics(), System.nanoTime() - start);
    }

    /// Checks that `to` would find what it needs, without learning anything.
    ///
    /// @throws StopException if the log has lost events that this needs
    public static void requireReachable(KafkaSettings kafka, Topics topics, Lineage lineage, long nextOffset) {
        long from = lineage.firstOffset();
        long limit = nextOffset;
        for (Lineage at = lineage; at != null; at = at.parent()) {
            StoredState.Head head = StoredState.head(Changelog.of(kafka, topics, at));
            if (head != null && head.stateOffset() <= limit) {
                from = head.stateOffset();
                break;
            }
            if (isUpgraded(at)) {
                break;
            }
            limit = limit(at, limit);
        }
        try (TopicReader reader = new TopicReader(kafka, lineage.log().topic())) {
            new LogPosition.Offset(from).asStart(lineage.model(), reader, from);
        }
    }

    /// Returns whether no state of an epoch before this one can be gone on with.
    private static boolean isUpgraded(Lineage lineage) {
        ControlAction.Rollback origin = lineage.origin();
        return origin != null && origin.isUpgrade();
    }

    /// Returns the offset before which the epoch before `of` counts.
    private static long limit(Lineage of, long limit) {
        ControlAction.Rollback origin = of.origin();
        return origin == null ? limit : Math.min(limit, origin.base().nextOffset());
    }

    /// Makes a registered model that learns again without what its rollbacks left out: from its start, or from the state
    /// that its newest upgrade took over.
    ///
    /// @throws StopException if that state is not there any more
    public static RelearnedModel again(KafkaSettings kafka, Topics topics, Lineage lineage, RecordDecoder decoder,
            KnownRejections facts, boolean keepsRejected, Kernels kernels) {
        ControlAction.Rollback upgrade = lineage.upgrade();
        Lineage before = lineage.takenOver();
        if (upgrade == null || before == null) {
            return RelearnedModel.initial(lineage, decoder, facts, keepsRejected, kernels);
        }
        StoredState state = StoredState.last(before, Changelog.of(kafka, topics, before),
                OptionalLong.of(upgrade.leftAt()), kernels);
        return new RelearnedModel(state.model(), decoder, facts, upgrade.resumeOffset(), lineage::learns,
                state.accounts(), state.newestAppendTime(), keepsRejected);
    }

    private record Start(RelearnedModel relearned, String name) {
    }

    private record Past(KafkaSettings kafka, Topics topics, Lineage lineage, RecordDecoder decoder, Kernels kernels,
            int workers, ReplayProgress.Listener listener) {

        PastModel at(LogPosition place) {
            Room.require(List.of(lineage.spec()), Runtime.getRuntime().maxMemory());
            KnownRejections facts = KnownRejections.read(kafka, topics, lineage);
            try (TopicReader reader = new TopicReader(kafka, lineage.log().topic())) {
                long first = lineage.firstOffset();
                long until = place.asEnd(first, reader, Instant.now());
                if (until < first) {
                    throw new StopException(ExitCode.CONFIGURATION, "model " + lineage.model()
                            + ": expected an offset from " + first + tooEarly(lineage.upgrade(), until));
                }
                Start start = start(facts, until);
                RelearnedModel relearned = start.relearned();
                new LogPosition.Offset(relearned.from()).asStart(lineage.model(), reader, relearned.from());
                try (Relearning relearning = new Relearning(reader, List.of(relearned), until, listener, workers)) {
                    relearning.advance(until);
                    return new PastModel(lineage, relearned.model(), start.name(), relearned.from(), until,
                            relearned.accounts(), relearned.newestAppendTime(), Numerics.VERSION, relearning.nanos());
                }
            }
        }

        private static String tooEarly(ControlAction.@Nullable Rollback upgrade, long found) {
            if (upgrade == null) {
                return " on, where it began, found " + found + ", before there was such a model";
            }
            return upgrade.isMove()
                    ? " on, where it went on with this copy of its log, found " + found
                            + ", which it learned from the log before"
                    : " on, where this build took it over, found " + found
                            + ", before which a build of other numerics learned it";
        }

        /// Returns the stored state of this epoch, or of one that leads to it, if it is early enough.
        private Start start(KnownRejections facts, long until) {
            long limit = until;
            for (Lineage at = lineage; at != null; at = at.parent()) {
                StoredState state = stored(at, limit);
                if (state != null) {
                    return new Start(new RelearnedModel(state.model(), decoder, facts, state.nextOffset(),
                            lineage::learns, state.accounts(), state.newestAppendTime(), false), "the " + state.name());
                }
                if (isUpgraded(at)) {
                    break;
                }
                limit = limit(at, limit);
            }
            return new Start(again(kafka, topics, lineage, decoder, facts, false, kernels),
                    lineage.upgrade() == null ? "its beginning" : "the state that was taken over");
        }

        private @Nullable StoredState stored(Lineage of, long limit) {
            var changelog = Changelog.of(kafka, topics, of);
            StoredState.Head head = StoredState.head(changelog);
            if (head == null || head.stateOffset() > limit) {
                return null;
            }
            StoredState state = StoredState.read(of, changelog, kernels);
            return state != null && state.nextOffset() <= limit ? state : null;
        }
    }
}
