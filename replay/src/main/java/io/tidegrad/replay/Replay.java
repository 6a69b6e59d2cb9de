package io.tidegrad.replay;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.EventSchemas;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.control.TopicReader;
import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.Handover;
import io.tidegrad.trainer.Room;
import io.tidegrad.trainer.relearn.KnownRejections;
import io.tidegrad.trainer.relearn.PairedLosses;
import io.tidegrad.trainer.relearn.RegistryCheck;
import io.tidegrad.trainer.relearn.RelearnedModel;
import io.tidegrad.trainer.relearn.Relearning;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.topology.DeadLetters;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// Learns a log again, from a spec and nothing else: no changelog, no group, no snapshot. If it learns the registered
/// spec from the model's start and gives the trainer's hashes at the same offset, that proves that the trainer's
/// weights come from these events and no others. By another spec, or from elsewhere, the result is a new model, which
/// can be kept.
public final class Replay {
    /// A replay that follows the log hands over once less is left than it learns in about this time.
    private static final long HAND_OVER_NANOS = 2_000_000_000;

    /// The most passes of a replay that follows the log, which may grow faster than it is learned.
    private static final int PASSES_MAX = 20;

    private final ReplayOptions options;
    private final ReplayProgress.Listener listener;
    private @Nullable PairedLosses losses;

    private Replay(ReplayOptions options, ReplayProgress.Listener listener) {
        this.options = options;
        this.listener = listener;
    }

    public static ReplayResult run(ReplayOptions options) {
        return run(options, ReplayProgress.Listener.NONE);
    }

    /// @throws StopException if the model is not registered, its log is another one than was registered or has lost
    ///     events that this needs, or its initial weights are not there
    public static ReplayResult run(ReplayOptions options, ReplayProgress.Listener listener) {
        return RegistryCheck.withRegistry(options.kafka(), options.topics(), options.registry(),
                (registry, decoder) -> new Replay(options, listener).run(registry, decoder));
    }

    /// Learns two registered models side by side, each from its own start, as if both had been watched from the same event
    /// on: the later of their starts, or a later one that the options name.
    ///
    /// @throws StopException as `run`, or if the two learn from different logs
    public static ReplayResult compare(ReplayOptions options, ReplayProgress.Listener listener) {
        return RegistryCheck.withRegistry(options.kafka(), options.topics(), options.registry(),
                (registry, decoder) -> new Replay(options, listener).compare(decoder));
    }

    private ReplayResult compare(RecordDecoder decoder) {
        Lineage lineage = registered(options.model());
        Lineage other = registered(options.compareWith());
        try (TopicReader reader = new TopicReader(options.kafka(), lineage.spec().inputTopic())) {
            long both = Math.max(lineage.firstOffset(), other.firstOffset());
            long from = Math.max(both, options.from().asStart(other.model(), reader, both));
            RelearnedModel champion = compared(lineage.spec(), other, decoder, reader, from);
            List<RelearnedModel> models = List.of(again(lineage, decoder, false), champion);
            long nanos = learn(reader, models, from, options.until().asEnd(reader, Instant.now()));
            return result(models, losses, null, nanos);
        }
    }

    /// Learns the whole log of a spec, without a registered model, as if the model were registered now.
    ///
    /// @throws io.tidegrad.control.ControlException if no schema of the events has a field of the spec
    public static ReplayResult of(ModelSpec given, KafkaSettings kafka, RegistrySettings registry, Kernels kernels) {
        ModelSpec spec;
        try (SchemaRegistry schemas = SchemaRegistry.connect(registry.client())) {
            spec = EventSchemas.known(given, schemas);
        }
        Room.require(List.of(spec), Runtime.getRuntime().maxMemory());
        try (TopicReader reader = new TopicReader(kafka, spec.inputTopic());
                RecordDecoder decoder = RecordDecoder.of(registry.client())) {
            RelearnedModel relearned =
                    RelearnedModel.initial(spec, decoder, KnownRejections.NONE, reader.begin(), false, kernels);
            try (Relearning relearning =
                    new Relearning(reader, List.of(relearned), reader.end(), ReplayProgress.Listener.NONE, 0)) {
                relearning.advance(relearning.end());
                return result(List.of(relearned), null, null, relearning.nanos());
            }
        }
    }

    private ReplayResult run(SchemaRegistry registry, RecordDecoder decoder) {
        Lineage lineage = registered(options.model());
        ModelSpec given = asRegistered(options.spec(), lineage, registry);
        ModelSpec spec = given == null ? lineage.spec() : given;
        Room.require(List.of(spec), Runtime.getRuntime().maxMemory());
        try (TopicReader reader = new TopicReader(options.kafka(), spec.inputTopic())) {
            if (given != null && !given.inputTopic().equals(lineage.log().topic())) {
                throw new StopException(ExitCode.CONFIGURATION,
                        "--with-spec: expected a spec that learns from " + lineage.log().topic() + ", as model "
                                + lineage.model() + " does, found " + given.inputTopic()
                                + "; correct input.topic, or give a --model that learns from there");
            }
            long from = options.from().asStart(spec.model(), reader, given == null ? lineage.firstOffset()
                    : lineage.hasMoved() ? reader.begin() : lineage.startOffset()); // which is of the log before
            long until = options.until().asEnd(reader, Instant.now());
            if (until < from) {
                throw new StopException(ExitCode.CONFIGURATION,
                        reader.log() + ": expected an end at or after the start, found " + until + " before " + from
                                + "; correct --from or --until");
            }
            ReplayOptions.Keep keep = options.keep();
            if (keep != null && keep.resumeAt() != null) {
                Decisions.resumeOffset(spec.model(), reader, until, new Decisions.ResumeAt.At(keep.resumeAt()));
            }
            // From an offset that is given, even from that of an upgrade, a model begins with nothing.
            boolean again = given == null && from == lineage.firstOffset()
                    && (lineage.upgrade() == null || options.from() instanceof LogPosition.Begin);
            List<RelearnedModel> models = new ArrayList<>();
            models.add(again ? again(lineage, decoder, keep != null)
                    : RelearnedModel.initial(spec, decoder,
                            KnownRejections.setAside(options.kafka(), options.topics(), lineage), from, keep != null,
                            options.kernels()));
            if (!options.compareWith().isEmpty()) {
                models.add(compared(spec, registered(options.compareWith()), decoder, reader, from));
            }
            if (keep != null) {
                return learnAndKeep(reader, models, until, keep);
            }
            long nanos = learn(reader, models, from, until);
            return result(models, losses, null, nanos);
        }
    }

    /// Returns a spec that was given as it would be registered. If it names a stream, it learns from the epoch from which
    /// the registered model learns, which need not be the newest.
    private @Nullable ModelSpec asRegistered(@Nullable ModelSpec given, Lineage lineage, SchemaRegistry registry) {
        if (given == null) {
            return null;
        }
        String stream = given.stream();
        if (stream == null) {
            return EventSchemas.known(SpecSuggestion.complete(given, null, options.kafka(), options.registry()),
                    registry);
        }
        if (!stream.equals(lineage.spec().stream())) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "--with-spec: expected a spec that learns from " + lineage.log().topic() + ", as model "
                            + lineage.model() + " does, found one that learns from the stream " + stream
                            + "; correct input.stream, or give a --model that learns from it");
        }
        ControlLog.View view = new ControlLog(options.kafka(), options.topics()).read();
        ModelSpec placed = given.onTopic(lineage.log().topic());
        return EventSchemas.known(SpecSuggestion.complete(placed, view, options.kafka(), options.registry()), view,
                registry);
    }

    private Lineage registered(String model) {
        return RegisteredModel.find(options.kafka(), options.topics(), model).lineage();
    }

    private RelearnedModel again(Lineage lineage, RecordDecoder decoder, boolean keepsRejected) {
        KnownRejections facts = KnownRejections.read(options.kafka(), options.topics(), lineage);
        return TimeTravel.again(options.kafka(), options.topics(), lineage, decoder, facts, keepsRejected,
                options.kernels());
    }

    /// Returns the other model, which learns from its own start and is evaluated from where the first one begins.
    private RelearnedModel compared(ModelSpec first, Lineage other, RecordDecoder decoder, TopicReader reader,
            long from) {
        if (!other.log().equals(reader.log())) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + other.model() + ", to compare with: expected one that learns from "
                            + reader.log().topic() + ", found one that learns from " + other.log().topic());
        }
        if (other.firstOffset() > from) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + other.model() + ", to compare with: expected one that began at or before offset " + from
                            + ", found one that began, or was taken over, at " + other.firstOffset() + "; give --from "
                            + other.firstOffset() + ", or exchange the two");
        }
        Room.require(List.of(first, other.spec()), Runtime.getRuntime().maxMemory());
        new LogPosition.Begin().asStart(other.model(), reader, other.firstOffset());
        return again(other, decoder, false);
    }

    /// Returns how many nanoseconds it took.
    ///
    /// @param from where the evaluation begins
    private long learn(TopicReader reader, List<RelearnedModel> models, long from, long until) {
        try (Relearning relearning = new Relearning(reader, models, until, listener, options.workers())) {
            relearning.advance(Math.min(from, until));
            models.stream().filter(each -> each.from() < from).forEach(RelearnedModel::restartEvaluation);
            if (models.size() > 1) {
                losses = new PairedLosses(models.getFirst(), models.getLast(), from);
            }
            relearning.advance(until);
            if (options.catchUp()) {
                catchUp(reader, relearning);
            }
            return relearning.nanos();
        }
    }

    private static void catchUp(TopicReader reader, Relearning relearning) {
        for (int pass = 0; pass < PASSES_MAX; pass++) {
            long end = reader.end();
            double recordsPerNano = relearning.records() / (double) relearning.nanos();
            if (end - relearning.end() <= recordsPerNano * HAND_OVER_NANOS) {
                return;
            }
            relearning.extend(end);
            relearning.advance(end);
        }
    }

    private ReplayResult learnAndKeep(TopicReader reader, List<RelearnedModel> models, long until,
            ReplayOptions.Keep keep) {
        RelearnedModel first = models.getFirst();
        try (Handover handover = Handover.open(keep.publishing(), first.spec(), first.from())) {
            long nanos = learn(reader, models, first.from(), until);
            if (keep.resumeAt() != null && first.model().parameters().updates() == 0) {
                throw new StopException(ExitCode.CONFIGURATION,
                        "until: expected an end after the first update of model " + first.spec().model()
                                + ", found that it has made none before offset " + first.nextOffset()
                                + ", so that it can't go on elsewhere; the model stays registered and paused: run it again"
                                + " with a later --until, or delete it");
            }
            handover.commit(first.model(), first.nextOffset(), first.accounts(), first.newestAppendTime(),
                    letters -> deadLetters(reader, first, handover.deadLetters(), letters));
            int epoch = handover.lineage().epoch();
            long resumeOffset = first.nextOffset();
            if (keep.resumeAt() != null) {
                TimeTravel.PastModel past = new TimeTravel.PastModel(handover.lineage(), first.model(), "a replay",
                        first.from(), first.nextOffset(), first.accounts(), first.newestAppendTime(), Numerics.VERSION,
                        nanos);
                ControlAction.Rollback rollback = handover.rollBack(past, keep.resumeAt()).rollback();
                epoch = rollback.epoch();
                resumeOffset = rollback.resumeOffset();
            }
            if (!keep.paused()) {
                handover.resume();
            }
            return result(models, losses, new ReplayResult.Kept(epoch, resumeOffset, keep.paused()), nanos);
        }
    }

    /// Reads the rejected events once more, because they were not kept while learning went on.
    private static void deadLetters(TopicReader reader, RelearnedModel relearned, DeadLetters letters,
            Consumer<Record<byte[], byte[]>> each) {
        List<RelearnedModel.Rejected> rejected = relearned.rejected();
        if (rejected.isEmpty()) {
            return;
        }
        int[] next = {0};
        reader.read(rejected.getFirst().offset(), rejected.getLast().offset() + 1, record -> {
            RelearnedModel.Rejected at = rejected.get(next[0]);
            if (record.offset() == at.offset()) {
                next[0]++;
                each.accept(letters.of(record, at.rejection(), at.schemaId(), System.currentTimeMillis()));
            }
            return next[0] < rejected.size();
        });
    }

    private static ReplayResult result(List<RelearnedModel> models, @Nullable PairedLosses losses,
            ReplayResult.@Nullable Kept kept, long nanos) {
        RelearnedModel relearned = models.getFirst();
        OnlineModel model = relearned.model();
        Accounts accounts = relearned.accounts();
        RelearnedModel other = models.size() > 1 ? models.getLast() : null;
        return new ReplayResult(relearned.spec().model(), relearned.from(),
                accounts.accepted() + accounts.deadLetters(), model.parameters().examples(), model.pending(),
                accounts.deadLetters(), accounts.ticks(), model.parameters().updates(), relearned.nextOffset(),
                model.weightsHash(), model.stateHash(), model.evaluation(), compared(model, other, losses), kept,
                nanos);
    }

    private static ReplayResult.@Nullable Compared compared(OnlineModel model, @Nullable RelearnedModel other,
            @Nullable PairedLosses losses) {
        if (other == null) {
            return null;
        }
        ProgressiveEvaluation theirs = other.model().evaluation();
        return new ReplayResult.Compared(other.spec().model(), other.model().parameters().updates(), theirs,
                losses != null && model.evaluation().hasLossOf(theirs) ? losses.result() : null);
    }
}
