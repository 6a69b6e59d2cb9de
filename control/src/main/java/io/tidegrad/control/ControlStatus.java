package io.tidegrad.control;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the control topic says of a model's name, as far as this scorer has read it.
///
/// @param model whose snapshots answer: the one of that name, or the one that was promoted to it
/// @param epoch first of its epochs that may be served; 0 when nothing was said
/// @param paused it does not learn; what it has learned answers
/// @param deleted it answers no more
/// @param rollback that began the epoch; null when it began from nothing
/// @param candidates that are tried under the name
/// @param last record of the name or of the model that answers; null when there is none
/// @param records of all models, understood
/// @param unreadable records that were passed over
/// @param lastUnreadable of these, where it lies and what is wrong; empty when there is none
/// @param problem why what was decided is not what serves; empty while it is
public record ControlStatus(String model, int epoch, boolean paused, boolean deleted,
        ControlAction.@Nullable Rollback rollback, List<Candidate> candidates, @Nullable ControlRecord last,
        long records, long unreadable, String lastUnreadable, String problem) {

    /// What `stage` may be.
    public static final List<String> STAGES = List.of("live", "paused", "deleted");

    static ControlStatus nothingSaid(String name) {
        return new ControlStatus(name, 0, false, false, null, List.of(), null, 0, 0, "", "");
    }

    public ControlStatus with(String otherProblem) {
        return new ControlStatus(model, epoch, paused, deleted, rollback, candidates, last, records, unreadable,
                lastUnreadable, otherProblem);
    }

    /// One of `STAGES`, of the model that answers.
    public String stage() {
        if (deleted) {
            return "deleted";
        }
        return paused ? "paused" : "live";
    }

    /// When, by whom, why; for a person. Empty when there is no record.
    public String lastInWords() {
        ControlRecord record = last;
        if (record == null) {
            return "";
        }
        return record.action().word() + " of " + record.model() + " at " + Instant.ofEpochMilli(record.time())
                + (record.author().isEmpty() ? "" : " by " + record.author())
                + (record.reason().isEmpty() ? "" : ": " + record.reason());
    }
}
