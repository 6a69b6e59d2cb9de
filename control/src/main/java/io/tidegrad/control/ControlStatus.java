package io.tidegrad.control;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the control topic says about a name, as far as this scorer has read it.
///
/// @param model the model that answers for the name: its own, or the one that was promoted to it
/// @param epoch the first epoch of that model that may be served; 0 if no record names one
/// @param paused whether that model is paused
/// @param deleted whether that model is deleted
/// @param rollback the rollback that began the epoch; null if none did
/// @param candidates the models that are tried under the name
/// @param last the newest record of the name or of the model that answers; null if there is none
/// @param records how many records of all models were read
/// @param unreadable how many records could not be read
/// @param lastUnreadable where the last of these lies and what is wrong with it; empty if there is none
/// @param problem why this scorer does not serve what was decided; empty if it does
public record ControlStatus(String model, int epoch, boolean paused, boolean deleted,
        ControlAction.@Nullable Rollback rollback, List<Candidate> candidates, @Nullable ControlRecord last,
        long records, long unreadable, String lastUnreadable, String problem) {

    /// The values of `stage`.
    public static final List<String> STAGES = List.of("live", "paused", "deleted");

    static ControlStatus nothingSaid(String name) {
        return new ControlStatus(name, 0, false, false, null, List.of(), null, 0, 0, "", "");
    }

    public ControlStatus with(String otherProblem) {
        return new ControlStatus(model, epoch, paused, deleted, rollback, candidates, last, records, unreadable,
                lastUnreadable, otherProblem);
    }

    /// Returns the stage of the model that answers, one of `STAGES`.
    public String stage() {
        return deleted ? "deleted" : paused ? "paused" : "live";
    }

    /// Returns a text that says what the last record decided, when, by whom and why; empty if there is no record.
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
