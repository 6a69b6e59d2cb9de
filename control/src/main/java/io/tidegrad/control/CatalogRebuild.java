package io.tidegrad.control;

import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A model's entry of the catalog, made again from the control topic, whose decisions say all of it but one: the text
/// of the spec. Of that they say the fingerprint, so any text that has it is as good as the one that was lost.
final class CatalogRebuild {
    private CatalogRebuild() {}

    /// The decision from which the present epoch's lineage begins; null when no decision says so, as for a model that
    /// is older than the control topic.
    static ControlAction.@Nullable Create creation(String model, List<ControlRecord> records) {
        ControlAction.Create creation = null;
        for (ControlRecord record : records) {
            if (record.model().equals(model) && record.action() instanceof ControlAction.Create create) {
                creation = create;
            }
        }
        return creation;
    }

    /// @param records all that were decided, about any models
    /// @param spec text whose fingerprint is that of `creation`
    static ModelRecord of(String model, ControlAction.Create creation, List<ControlRecord> records, String spec) {
        ControlState state = ControlState.of(model, records);
        Stage stage = stage(model, records);
        return ModelRecord.newBuilder().setModel(model).setEpoch(state.epoch()).setSpec(spec)
                .setSpecFingerprint(creation.specFingerprint()).setStage(state.paused() ? Stage.PAUSED : stage)
                .setPausedFrom(state.paused() ? stage : null)
                .setCreatedAt(Instant.ofEpochMilli(epochBegan(model, records))).setInputTopic(creation.inputTopic())
                .setInputTopicId(creation.inputTopicId()).setStartOffset(creation.startOffset())
                .setRollbacks(ModelCatalog.origins(state.lineage(state.epoch())))
                .setAnsweredBy(state.answeredBy().equals(model) ? null : state.answeredBy()).build();
    }

    private static long epochBegan(String model, List<ControlRecord> records) {
        long began = 0;
        for (ControlRecord record : records) {
            if (record.model().equals(model) && (record.action() instanceof ControlAction.Create
                    || record.action() instanceof ControlAction.Rollback)) {
                began = record.time();
            }
        }
        return began;
    }

    /// As `Registration` and `Decisions` set it, pauses left out.
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
                // What a replay keeps is created paused, with one time for both.
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
