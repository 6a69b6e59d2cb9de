package io.tidegrad.trainer;

import io.tidegrad.model.learn.LearningMemory;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.util.List;

/// Whether the heap holds what models need, before any of it is allocated.
public final class Room {
    /// What a trainer takes beside its models: clients of Kafka and of the registry, the server, events on their way.
    /// With one small model, `-Xmx24m` ran out of memory at the start, and `-Xmx28m` learned 5,000 events.
    private static final long TRAINER_BYTES = 26L << 20;

    private Room() {}

    /// @param heap bytes that there are at most, `Runtime.maxMemory`
    /// @throws TrainerException the models need more: how much, and what to do
    public static void require(List<ModelSpec> specs, long heap) {
        require(specs, 0, heap);
    }

    /// The same for a trainer of these models; of no model for what is needed whatever the models are.
    static void requireTrainer(List<ModelSpec> specs, long heap) {
        require(specs, TRAINER_BYTES, heap);
    }

    private static void require(List<ModelSpec> specs, long beside, long heap) {
        List<LearningMemory> needs = specs.stream().map(LearningMemory::of).toList();
        long total = beside + needs.stream().mapToLong(LearningMemory::total).sum();
        if (total <= heap) {
            return;
        }
        StringBuilder parts = new StringBuilder();
        for (int i = 0; i < specs.size(); i++) {
            parts.append(i == 0 ? "" : "; ").append("model ").append(specs.get(i).model());
            parts.append(": ").append(needs.get(i).text());
        }
        if (beside > 0) {
            parts.append(specs.isEmpty() ? "The trainer" : "; the trainer").append(" itself takes ")
                    .append(LearningMemory.text(beside));
        }
        throw new TrainerException(ExitCode.CONFIGURATION,
                "expected a heap of more than " + LearningMemory.text(total)
                        + (specs.isEmpty() ? " and what the models take" : "") + ", found one of at most "
                        + LearningMemory.text(heap) + ". " + parts
                        + ". Raise the heap (JAVA_TOOL_OPTIONS=-Xmx…), or take smaller tables, layers or mini-batches;"
                        + " tidegrad spec FILE tells what takes how much");
    }
}
