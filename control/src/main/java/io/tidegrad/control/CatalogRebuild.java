package io.tidegrad.control;

import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Makes a model's entry of the catalog from the control topic. The decisions there hold everything but the text of the
/// spec, and of that its fingerprint, so any text with this fingerprint can take the place of the lost one.
final class CatalogRebuild {
    private CatalogRebuild() {}

    /// Returns the decision that created the model, or null if no record says so.
    static ControlAction.@Nullable Create creation(String model, List<ControlRecord> records) {
        ControlAction.Create creation = null;
        for (ControlRecord record : records) {
            if (record.model().equals(model) && record.action() instanceof ControlAction.Create create) {
                creation = create;
            }
        }
        return creation;
    }

    /// @param records every decision, about any model
    /// @param spec text whose fingerprint is that of `creation`
    static ModelRecord of(String model, ControlAction.Create creation, List<ControlRecord> records, String spec) {
        ControlState state = ControlState.of(model, records);
        Stage stage = stage(model, records);
        List<ControlAction.Rollback> lineage = state.lineage(state.epoch());
        String topicId = lineage.reversed().stream().map(ControlAction.Rollback::move).filter(Objects::nonNull)
                .map(ControlAction.Move::toTopicId).findFirst().orElse(creation.inputTopicId());
        return ModelRecord.newBuilder().setModel(model).setEpoch(state.epoch()).setSpec(spec)
                .setSpecFingerprint(creation.specFingerprint()).setStage(state.paused() ? Stage.PAUSED : stage)
                .setPausedFrom(state.paused() ? stage : null)
                .setCreatedAt(Instant.ofEpochMilli(epochBegan(model, records))).setInputTopic(creation.inputTopic())
                .setInputTopicId(topicId).setStartOffset(creation.startOffset())
                .setRollbacks(ModelCatalog.origins(lineage))
                .setAnsweredBy(state.answeredBy().equals(model) ? null : state.answeredBy()).build();
    }

    private static long epochBegan(String model, List<ControlRecord> records) {
        long began = 0;
        for (ControlRecord record : records) {
            if (record.model().equals(model) && record.action().begins() > 0) {
                began = record.time();
            }
        }
        return began;
    }

    /// Returns the stage that `Registration` and `Decisions` would have set, without pauses.
    private static Stage stage(String model, List<ControlRecord> records) {
        Stage stage = Stage.LIVE;
        long created = -1;
        Map<String, String> answers = new HashMap<>();
        for (ControlRecord record : records) {
            boolean own = record.model().equals(model);
            switch (record.action()) {
                case ControlAction.Create create when own -> {
                    stage = Stage.LIVE;
                    created = record.time();
                }
                // A replay creates the model that it keeps as paused, with the same time in both records.
                case ControlAction.Pause pause when own -> {
                    if (record.time() == created) {
                        stage = Stage.CANDIDATE;
                    }
                }
                case ControlAction.Promote promote -> {
                    String before = answers.getOrDefault(record.model(), record.model());
                    Set<String> names = new HashSet<>();
                    answers.forEach((name, by) -> {
                        if (by.equals(model) && !name.equals(model)) {
                            names.add(name);
                        }
                    });
                    if (promote.by().equals(model)) {
                        stage = Stage.LIVE;
                    } else if (own || before.equals(model) && names.equals(Set.of(record.model()))) {
                        stage = Stage.RETIRED;
                    }
                    answers.put(record.model(), promote.by());
                }
                default -> {
                }
            }
        }
        return stage;
    }
}
