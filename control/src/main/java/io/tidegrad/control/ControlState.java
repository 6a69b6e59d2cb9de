package io.tidegrad.control;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The state of a model after all of its control records, in their order. The catalog is derived from it.
///
/// @param epoch the present epoch; 0 if no record names one
/// @param answeredBy the model that answers for this name: the model itself unless another one was promoted
/// @param candidates the models that are tried under this name, in the order in which they became candidates
/// @param rollbacks all rollbacks since the model was created, oldest first
/// @param newest the newest decision; null if there is none
public record ControlState(String model, int epoch, boolean paused, boolean deleted, String answeredBy,
        List<Candidate> candidates, List<ControlAction.Rollback> rollbacks, @Nullable ControlRecord newest) {
    public ControlState {
        candidates = List.copyOf(candidates);
        rollbacks = List.copyOf(rollbacks);
    }

    /// Returns the state before the first record.
    public static ControlState initial(String model) {
        return new ControlState(model, 0, false, false, model, List.of(), List.of(), null);
    }

    /// @param records of any models, in the topic's order
    public static ControlState of(String model, Iterable<ControlRecord> records) {
        return all(records).getOrDefault(model, initial(model));
    }

    /// Returns the state of every model that has a record, by name.
    public static Map<String, ControlState> all(Iterable<ControlRecord> records) {
        Map<String, ControlState> states = new TreeMap<>();
        for (ControlRecord record : records) {
            states.merge(record.model(), initial(record.model()).after(record), (state, first) -> state.after(record));
        }
        return states;
    }

    /// Returns the state after one more record of this model.
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
            // The name outlives the model: a model that was promoted to it goes on answering, and so do its candidates.
            case ControlAction.Delete delete ->
                new ControlState(model, epoch, false, true, answeredBy, candidates, rollbacks, record);
            case ControlAction.Shadow shadow -> answered(answeredBy, with(Candidate.shadow(shadow.by())), record);
            case ControlAction.Challenge challenge ->
                answered(answeredBy, with(Candidate.challenger(challenge.by(), challenge.share())), record);
            case ControlAction.Withdraw withdraw -> answered(answeredBy, without(withdraw.by()), record);
            case ControlAction.Note note -> this;
        };
    }

    private ControlState learning(boolean nowPaused, ControlRecord record) {
        return new ControlState(model, epoch, nowPaused, deleted, answeredBy, candidates, rollbacks, record);
    }

    private ControlState answered(String by, List<Candidate> tried, ControlRecord record) {
        return new ControlState(model, epoch, paused, deleted, by, tried, rollbacks, record);
    }

    /// A model that is a candidate already keeps its place, and with it its keys.
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

    /// Returns the rollback that began the present epoch, or null if no rollback did.
    public ControlAction.@Nullable Rollback rollback() {
        return rollbacks.isEmpty() || rollbacks.getLast().epoch() != epoch ? null : rollbacks.getLast();
    }

    /// Returns the rollbacks that lead to the epoch `of`, oldest first. Each begins with a version of the epoch before it.
    /// The list is empty for an epoch that no rollback began.
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
