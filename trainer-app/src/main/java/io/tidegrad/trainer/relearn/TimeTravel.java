package io.tidegrad.trainer.relearn;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.control.TopicReader;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.Room;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.StoredState;
import java.time.Instant;
import java.util.List;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/// A model as it was: the nearest earlier state, and the events between. Snapshots hold no optimizer state, so a state
/// is the stored one (`StoredState`), where that is not beyond the offset already, or the beginning.
public final class TimeTravel {
    /// @param at an offset (exclusive), or a time
    /// @param kernels with which to learn: any choice gives the same bits
    public record Options(KafkaSettings kafka, RegistrySettings registry, String prefix, String model, LogPosition at,
            Kernels kernels) {
    }

    /// @param state what it was made from, for people
    /// @param stateOffset up to where it was that; from there on it was learned again
    /// @param nextOffset that was asked for: every visible record before it is accounted for
    /// @param accounts since the model began
    /// @param newestAppendTime record timestamp (epoch ms) of the newest event that it learned
    public record PastModel(Lineage lineage, OnlineModel model, String state, long stateOffset, long nextOffset,
            Accounts accounts, long newestAppendTime, long nanos) {
    }

    private TimeTravel() {}

    /// @throws TrainerException there was no such moment, the log has lost the range, or this build gives other bits
    public static PastModel to(Options options, ReplayProgress.Listener listener) {
        try (SchemaRegistry registry = SchemaRegistry.connect(options.registry().client());
                RecordDecoder decoder = RecordDecoder.of(options.registry().client())) {
            RegistryCheck.requireSame(options.kafka(), new Topics(options.prefix()), registry,
                    options.registry().shownUrl());
            return to(options, decoder, listener);
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw TrainerException.from(e, options.registry().shownUrl());
        } catch (KafkaException | InitialWeightsException e) {
            throw TrainerException.from(e);
        }
    }

    private static PastModel to(Options options, RecordDecoder decoder, ReplayProgress.Listener listener) {
        Topics topics = new Topics(options.prefix());
        Lineage lineage = RegisteredModel.find(options.kafka(), topics, options.model()).lineage();
        Past past = new Past(options.kafka(), topics, lineage, decoder, options.kernels(), listener);
        return past.at(options.at());
    }

    /// The state of a lineage that need not be the registered one: a rollback's base.
    ///
    /// @param nextOffset exclusive; what the lineage left out before it is left out
    /// @throws TrainerException the log has lost the range, or this build gives other bits
    public static PastModel to(KafkaSettings kafka, Topics topics, Lineage lineage, long nextOffset,
            RecordDecoder decoder, Kernels kernels) {
        Past past = new Past(kafka, topics, lineage, decoder, kernels, ReplayProgress.Listener.NONE);
        return past.at(new LogPosition.Offset(nextOffset));
    }

    /// Whether `to` would find what it needs, without learning anything.
    ///
    /// @throws TrainerException the log has lost the range
    public static void requireReachable(KafkaSettings kafka, Topics topics, Lineage lineage, long nextOffset) {
        long from = lineage.startOffset();
        long limit = nextOffset;
        for (Lineage at = lineage; at != null; at = at.parent()) {
            StoredState.Head head = StoredState.head(Changelog.of(kafka, topics, at));
            if (head != null && head.stateOffset() <= limit) {
                from = head.stateOffset();
                break;
            }
            limit = limit(at, limit);
        }
        try (TopicReader reader = new TopicReader(kafka, lineage.log().topic())) {
            new LogPosition.Offset(from).asStart(lineage.model(), reader, from);
        }
    }

    /// Up to where the epoch that `of` comes from counts.
    private static long limit(Lineage of, long limit) {
        ControlAction.Rollback origin = of.origin();
        return origin == null ? limit : Math.min(limit, origin.base().nextOffset());
    }

    private record Start(RelearnedModel relearned, String name) {
    }

    private record Past(KafkaSettings kafka, Topics topics, Lineage lineage, RecordDecoder decoder, Kernels kernels,
            ReplayProgress.Listener listener) {

        PastModel at(LogPosition place) {
            Room.require(List.of(lineage.spec()), Runtime.getRuntime().maxMemory());
            KnownRejections facts = KnownRejections.read(kafka, topics, lineage);
            try (TopicReader reader = new TopicReader(kafka, lineage.log().topic())) {
                long until = place.asEnd(reader, Instant.now());
                if (until < lineage.startOffset()) {
                    throw new TrainerException(ExitCode.CONFIGURATION,
                            "model " + lineage.model() + ": expected an offset from " + lineage.startOffset()
                                    + " on, where it began, found " + until + ", before there was such a model");
                }
                Start start = start(facts, until);
                RelearnedModel relearned = start.relearned();
                new LogPosition.Offset(relearned.from()).asStart(lineage.model(), reader, relearned.from());
                try (Relearning relearning = new Relearning(reader, List.of(relearned), until, listener)) {
                    relearning.advance(until);
                    return new PastModel(lineage, relearned.model(), start.name(), relearned.from(), until,
                            relearned.accounts(), relearned.newestAppendTime(), relearning.nanos());
                }
            }
        }

        /// The stored state of this epoch, or of one that it comes from, where it is not beyond what is asked for.
        private Start start(KnownRejections facts, long until) {
            long limit = until;
            for (Lineage at = lineage; at != null; at = at.parent()) {
                StoredState state = stored(at, limit);
                if (state != null) {
                    return new Start(new RelearnedModel(state.model(), decoder, facts, state.nextOffset(),
                            lineage::learns, state.accounts(), state.newestAppendTime(), false), "the " + state.name());
                }
                limit = limit(at, limit);
            }
            return new Start(RelearnedModel.initial(lineage, decoder, facts, false, kernels), "its beginning");
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
