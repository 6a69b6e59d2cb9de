package io.tidegrad.trainer;

import io.tidegrad.model.learn.LearningMemory;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.util.List;

/// Checks that the heap can hold models, before anything of them is allocated.
public final class Room {
    /// What a trainer needs besides its models: clients of Kafka and of the registry, the server, and events in memory.
    /// With one small model `-Xmx24m` ran out of memory at the start, and `-Xmx28m` learned 5,000 events.
    private static final long TRAINER_BYTES = 26L << 20;

    private Room() {}

    /// @param heap the most bytes that the heap can have, `Runtime.maxMemory`
    /// @throws StopException if the models need more
    public static void require(List<ModelSpec> specs, long heap) {
        require(specs, 0, heap);
    }

    /// The same for a trainer of these models, which may be none.
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
        throw new StopException(ExitCode.CONFIGURATION,
                "expected a heap of more than " + LearningMemory.text(total)
                        + (specs.isEmpty() ? " and what the models take" : "") + ", found one of at most "
                        + LearningMemory.text(heap) + ". " + parts
                        + ". Raise the heap (JAVA_TOOL_OPTIONS=-Xmx…), or take smaller tables, layers or mini-batches;"
                        + " tidegrad spec FILE tells what takes how much");
    }
}
