package io.tidegrad.control;

import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.safetensors.SafetensorsImport;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.control.ControlException.Reason;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Gives a spec its place: name, epoch, log and start offset, written down once.
public final class Registration {
    public static final int FIRST_EPOCH = 1;

    private Registration() {}

    /// Who wants a model.
    public enum Origin {
        /// What was deleted stays so, whatever file a supervisor starts it with.
        TRAINER, PERSON,
        /// Paused until the state is handed over: a trainer that takes up whatever is created would begin with nothing.
        REPLAY
    }

    /// @param startOffset of the first event to learn
    public record Wanted(ModelSpec spec, KafkaTopics.Log log, long startOffset, Origin origin) {
    }

    /// What is known once the model is there: as it was found, or with its new record.
    ///
    /// @throws ControlException the model was deleted, and nobody said that it is to be made anew
    public static ControlLog.View ensure(Wanted wanted, ControlLog control, String author, String reason) {
        ControlLog.View view = control.read();
        return view.models().containsKey(wanted.spec().model()) ? view
                : ensure(List.of(wanted), control, author, reason);
    }

    /// All that are not there yet, in one transaction.
    public static ControlLog.View ensure(List<Wanted> wanted, ControlLog control, String author, String reason) {
        wanted.forEach(each -> checkWeights(each.spec()));
        return control.write(view -> decide(wanted, view, author, reason));
    }

    /// A registered spec can't be corrected any more.
    public static void checkWeights(ModelSpec spec) {
        ModelSpec.InitialWeights weights = spec.initialWeights();
        if (weights != null) {
            SafetensorsImport.check(Path.of(weights.file()), weights.sha256(), Plan.of(spec.network()));
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
                models.add(restored(each.spec(), lost, view));
            } else if (!view.models().containsKey(model)) {
                decide(each, view, author, reason, records, models);
            }
        }
        return models.isEmpty() ? null : new ControlLog.Decision(records, models, null);
    }

    /// The entry of a model whose spec is here again.
    private static ModelRecord restored(ModelSpec spec, ControlLog.Lost lost, ControlLog.View view) {
        requireSame(spec, lost);
        return CatalogRebuild.of(spec.model(), lost.creation(), view.records(), spec.yaml());
    }

    /// @throws ControlException the model was created with another spec
    public static void requireSame(ModelSpec spec, ControlLog.Lost lost) {
        String fingerprint = HexFormat.of().formatHex(spec.fingerprint());
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
        int epoch = Math.max(FIRST_EPOCH, state.epoch() + 1);
        long now = System.currentTimeMillis();
        String fingerprint = HexFormat.of().formatHex(spec.fingerprint());
        String answeredBy = state.answeredBy().equals(spec.model()) ? null : state.answeredBy();
        String topicId = wanted.log().topicId().toString();
        boolean paused = wanted.origin() == Origin.REPLAY;
        List<ControlAction> actions = new ArrayList<>();
        actions.add(new ControlAction.Create(epoch, fingerprint, spec.inputTopic(), topicId, wanted.startOffset()));
        if (paused) {
            actions.add(new ControlAction.Pause());
        }
        for (ControlAction action : actions) {
            records.add(new ControlRecord(spec.model(), action, now, author, reason));
        }
        models.add(ModelRecord.newBuilder().setModel(spec.model()).setEpoch(epoch).setSpec(spec.yaml())
                .setSpecFingerprint(fingerprint).setStage(paused ? Stage.PAUSED : Stage.LIVE)
                .setPausedFrom(paused ? Stage.CANDIDATE : null).setCreatedAt(Instant.ofEpochMilli(now))
                .setInputTopic(spec.inputTopic()).setInputTopicId(topicId).setStartOffset(wanted.startOffset())
                .setAnsweredBy(answeredBy).build());
    }

    public static ControlException deleted(String model, ControlRecord record) {
        return new ControlException(Reason.CONFIGURATION,
                "model " + model + ": expected one that was not deleted, found that "
                        + (record.author().isEmpty() ? "somebody" : record.author()) + " deleted it at "
                        + Instant.ofEpochMilli(record.time())
                        + "; make it anew (tidegrad models create --spec FILE), or leave it out");
    }
}
