package io.tidegrad.control;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a model's control records, in their order, add up to. The catalog says the same in other words; this is what it
/// is derived from.
///
/// @param epoch that counts now; 0 while no record names one, as for a model that is older than the control topic
/// @param answeredBy model whose snapshots answer for this name: itself unless another was promoted
/// @param candidates that are tried under this name, in the order in which they became it
/// @param rollbacks since the model was created, oldest first
/// @param newest null when there is none
public record ControlState(String model, int epoch, boolean paused, boolean deleted, String answeredBy,
        List<Candidate> candidates, List<ControlAction.Rollback> rollbacks, @Nullable ControlRecord newest) {
    public ControlState {
        candidates = List.copyOf(candidates);
        rollbacks = List.copyOf(rollbacks);
    }

    /// Before the first record.
    public static ControlState initial(String model) {
        return new ControlState(model, 0, false, false, model, List.of(), List.of(), null);
    }

    /// @param records of any models, in the topic's order
    public static ControlState of(String model, Iterable<ControlRecord> records) {
        ControlState state = initial(model);
        for (ControlRecord record : records) {
            if (record.model().equals(model)) {
                state = state.after(record);
            }
        }
        return state;
    }

    /// With one more record of this model.
    public ControlState after(ControlRecord record) {
        if (!record.model().equals(model)) {
            throw new IllegalArgumentException(
                    "expected a record of model " + model + ", found one of " + record.model());
        }
        return switch (record.action()) {
            case ControlAction.Create create ->
                new ControlState(model, create.epoch(), false, false, answeredBy, candidates, List.of(), record);
            case ControlAction.Pause pause -> learning(true, record);
            case ControlAction.Resume resume -> learning(false, record);
            case ControlAction.Rollback rollback -> {
                List<ControlAction.Rollback> all = new ArrayList<>(rollbacks);
                all.add(rollback);
                yield new ControlState(model, rollback.epoch(), paused, deleted, answeredBy, candidates, all, record);
            }
            case ControlAction.Promote promote -> answered(promote.by(), without(promote.by()), record);
            // The name is not the model: who was promoted to it goes on answering, and who is tried
            // under it goes on being tried.
            case ControlAction.Delete delete ->
                new ControlState(model, epoch, false, true, answeredBy, candidates, rollbacks, record);
            case ControlAction.Shadow shadow -> answered(answeredBy, with(Candidate.shadow(shadow.by())), record);
            case ControlAction.Challenge challenge ->
                answered(answeredBy, with(Candidate.challenger(challenge.by(), challenge.share())), record);
            case ControlAction.Withdraw withdraw -> answered(answeredBy, without(withdraw.by()), record);
        };
    }

    private ControlState learning(boolean nowPaused, ControlRecord record) {
        return new ControlState(model, epoch, nowPaused, deleted, answeredBy, candidates, rollbacks, record);
    }

    private ControlState answered(String by, List<Candidate> tried, ControlRecord record) {
        return new ControlState(model, epoch, paused, deleted, by, tried, rollbacks, record);
    }

    /// One that is there already keeps its place, and with it its keys.
    private List<Candidate> with(Candidate candidate) {
        List<Candidate> all = new ArrayList<>(candidates);
        all.replaceAll(each -> each.model().equals(candidate.model()) ? candidate : each);
        if (!all.contains(candidate)) {
            all.add(candidate);
        }
        return all;
    }

    private List<Candidate> without(String candidate) {
        return candidates.stream().filter(each -> !each.model().equals(candidate)).toList();
    }

    /// That began the epoch that counts now; null when it began from nothing, or no record names it.
    public ControlAction.@Nullable Rollback rollback() {
        if (rollbacks.isEmpty() || rollbacks.getLast().epoch() != epoch) {
            return null;
        }
        return rollbacks.getLast();
    }

    /// The rollbacks that lead to `of`, oldest first: each begins at an earlier version of the epoch before it. Empty
    /// for an epoch that began from nothing.
    public List<ControlAction.Rollback> lineage(int of) {
        List<ControlAction.Rollback> chain = new ArrayList<>();
        int at = of;
        for (int i = rollbacks.size() - 1; i >= 0; i--) {
            ControlAction.Rollback rollback = rollbacks.get(i);
            if (rollback.epoch() == at) {
                chain.add(rollback);
                at = rollback.base().epoch();
            }
        }
        Collections.reverse(chain);
        return List.copyOf(chain);
    }
}
