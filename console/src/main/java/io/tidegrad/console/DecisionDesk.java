package io.tidegrad.console;

import io.tidegrad.control.Decisions;
import io.tidegrad.control.TrainerObserver;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import org.apache.kafka.clients.admin.Admin;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Makes the decisions that the page asks for, one after the other, as the commands of `tidegrad models` make theirs:
/// each is checked, then written to the control topic, which trainers and scorers follow.
record DecisionDesk(KafkaSettings kafka, Topics topics,
        Rollback rollback) implements Function<AskedDecision, Map<String, @Nullable Object>> {
    private static final Logger LOG = LoggerFactory.getLogger(DecisionDesk.class);
    private static final short AS_THE_BROKERS_SAY = -1; // replication of topics, which are there already

    /// Returns what was decided, as JSON.
    ///
    /// @throws RuntimeException if nothing was decided, or it is not known whether it was; says why
    @Override
    public synchronized Map<String, @Nullable Object> apply(AskedDecision asked) {
        try (Admin admin = TrainerObserver.admin(kafka)) {
            Decisions decisions = new Decisions(kafka, topics, admin, AS_THE_BROKERS_SAY,
                    new Decisions.By(asked.author(), asked.reason()));
            String model = asked.model();
            Map<String, @Nullable Object> said = switch (asked.action()) {
                case PAUSE -> said(decisions.pause(model));
                case RESUME -> said(decisions.resume(model));
                case PROMOTE -> said(decisions.promote(asked.name(), model));
                case ROLLBACK -> said(rollback.to(decisions, model, Objects.requireNonNull(asked.back())));
            };
            LOG.info("decided on the page by {}: {} of {}: {}", asked.author(), asked.action().word(), model,
                    asked.reason());
            return said;
        }
    }

    private static Map<String, @Nullable Object> said(Decisions.RolledBack back) {
        Map<String, @Nullable Object> said = said(back.decided());
        said.put("resume_offset", back.rollback().resumeOffset());
        said.put("skipped", back.skipped());
        return said;
    }

    private static Map<String, @Nullable Object> said(Decisions.Decided decided) {
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        said.put("model", decided.record().model());
        said.putAll(ModelPicture.decision(decided.record()));
        ModelRecord after = decided.after();
        said.put("epoch", after == null ? null : after.getEpoch());
        return said;
    }
}
