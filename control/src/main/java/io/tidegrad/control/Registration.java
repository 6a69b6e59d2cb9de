package io.tidegrad.control;

import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.safetensors.SafetensorsImport;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.control.ControlException.Reason;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Registers models: writes down once which spec learns which log, in which epoch and from which offset.
public final class Registration {
    public static final int FIRST_EPOCH = 1;

    private Registration() {}

    /// Who registers a model.
    public enum Origin {
        /// A trainer that was started with a spec. A deleted model stays deleted then.
        TRAINER, PERSON,
        /// A replay that keeps its result. The model is paused until its state is written, so that no trainer begins
        /// with nothing.
        REPLAY
    }

    /// @param startOffset offset of the first event to learn
    public record Wanted(ModelSpec spec, KafkaTopics.Log log, long startOffset, Origin origin) {
    }

    /// Registers a model unless it is registered already, and returns the view with it.
    ///
    /// @throws ControlException if the model was deleted and a trainer registers it
    public static ControlLog.View ensure(Wanted wanted, ControlLog control, String author, String reason) {
        ControlLog.View view = control.read();
        return view.models().containsKey(wanted.spec().model()) ? view
                : ensure(List.of(wanted), control, author, reason);
    }

    /// Registers those of these models that are not registered yet, in one transaction.
    public static ControlLog.View ensure(List<Wanted> wanted, ControlLog control, String author, String reason) {
        wanted.forEach(each -> checkWeights(each.spec()));
        return control.write(view -> decide(wanted, view, author, reason));
    }

    /// Checks the file of initial weights before the spec is registered, because no one can correct it afterwards.
    public static void checkWeights(ModelSpec spec) {
        ModelSpec.InitialWeights weights = spec.initialWeights();
        if (weights != null) {
            SafetensorsImport.check(spec, weights, Plan.of(spec.network()));
        }
    }

    private static ControlLog.@Nullable Decision decide(List<Wanted> wanted, ControlLog.View view, String author,
            String reason) {
        List<ControlRecord> records = new ArrayList<>();
        List<ModelRecord> models = new ArrayList<>();
        for (Wanted each : wanted) {
            String model = each.spec().model();
            ControlLog.Lost lost = view.lost().get(model);
            if (lost != null) {
                requireSame(each.spec(), lost);
                models.add(CatalogRebuild.of(model, lost.creation(), view.records(), each.spec().yaml()));
            } else if (!view.models().containsKey(model)) {
                decide(each, view, author, reason, records, models);
            }
        }
        return models.isEmpty() ? null : new ControlLog.Decision(records, models, null);
    }

    /// @throws ControlException if the model was created with another spec
    public static void requireSame(ModelSpec spec, ControlLog.Lost lost) {
        String fingerprint =
                spec.isOpen() ? "none, as it says features: auto" : HexFormat.of().formatHex(spec.fingerprint());
        if (lost.newer() || !fingerprint.equals(lost.creation().specFingerprint())) {
            throw new ControlException(Reason.CONFIGURATION, lost.text("the catalog", spec.model())
                    + ". The spec that was given has fingerprint " + fingerprint);
        }
    }

    private static void decide(Wanted wanted, ControlLog.View view, String author, String reason,
            List<ControlRecord> records, List<ModelRecord> models) {
        ModelSpec spec = wanted.spec();
        ControlState state = view.state(spec.model());
        if (state.deleted() && wanted.origin() == Origin.TRAINER) {
            throw deleted(spec.model(), Objects.requireNonNull(state.newest()));
        }
        requireStream(spec, view);
        int epoch = Math.max(FIRST_EPOCH, state.epoch() + 1);
        long now = System.currentTimeMillis();
        String fingerprint = HexFormat.of().formatHex(spec.fingerprint());
        String answeredBy = state.answeredBy().equals(spec.model()) ? null : state.answeredBy();
        String topicId = wanted.log().topicId().toString();
        boolean paused = wanted.origin() == Origin.REPLAY;
        ControlAction create =
                new ControlAction.Create(epoch, fingerprint, spec.inputTopic(), topicId, wanted.startOffset());
        records.add(new ControlRecord(spec.model(), create, now, author, reason));
        if (paused) {
            records.add(new ControlRecord(spec.model(), new ControlAction.Pause(), now, author, reason));
        }
        models.add(ModelRecord.newBuilder().setModel(spec.model()).setEpoch(epoch).setSpec(spec.yaml())
                .setSpecFingerprint(fingerprint).setStage(paused ? Stage.PAUSED : Stage.LIVE)
                .setPausedFrom(paused ? Stage.CANDIDATE : null).setCreatedAt(Instant.ofEpochMilli(now))
                .setInputTopic(spec.inputTopic()).setInputTopicId(topicId).setStartOffset(wanted.startOffset())
                .setAnsweredBy(answeredBy).build());
    }

    /// Refuses a topic of examples whose epoch was deleted since it was looked up.
    private static void requireStream(ModelSpec spec, ControlLog.View view) {
        String stream = spec.stream();
        if (stream != null && view.requireStream(stream, "model " + spec.model() + ", input.stream: ")
                .on(spec.inputTopic()) == null) {
            throw new ControlException(Reason.RETRYABLE,
                    "model " + spec.model() + ": expected topic " + spec.inputTopic()
                            + " to be that of an epoch of stream " + stream
                            + ", found that the epoch was deleted at the same time; give the command again");
        }
    }

    public static ControlException deleted(String model, ControlRecord record) {
        return new ControlException(Reason.CONFIGURATION,
                "model " + model + ": expected one that was not deleted, found that "
                        + (record.author().isEmpty() ? "somebody" : record.author()) + " deleted it at "
                        + Instant.ofEpochMilli(record.time())
                        + "; make it anew (tidegrad models create --spec FILE), or leave it out");
    }
}
