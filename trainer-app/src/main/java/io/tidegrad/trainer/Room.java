package io.tidegrad.trainer;

import io.tidegrad.model.learn.LearningMemory;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.util.List;
import java.util.stream.Collectors;

/// Whether the heap holds what models need, before any of it is allocated.
public final class Room {
    private Room() {}

    /// @param heap bytes that there are at most, `Runtime.maxMemory`
    /// @throws TrainerException the models need more: how much, and what to do
    public static void require(List<ModelSpec> specs, long heap) {
        List<LearningMemory> needs = specs.stream().map(LearningMemory::of).toList();
        long total = needs.stream().mapToLong(LearningMemory::total).sum();
        if (total <= heap) {
            return;
        }
        String models =
                java.util.stream.IntStream.range(0, specs.size())
                        .mapToObj(i -> "model " + specs.get(i).model() + ": " + needs.get(i).text())
                        .collect(Collectors.joining("; "));
        throw new TrainerException(
                ExitCode.CONFIGURATION,
                "expected a heap of more than "
                        + LearningMemory.text(total)
                        + ", found one of at most "
                        + LearningMemory.text(heap)
                        + ". "
                        + models
                        + ". Raise the heap (JAVA_TOOL_OPTIONS=-Xmx…), or take smaller tables, layers or mini-batches;"
                        + " tidegrad spec FILE tells what takes how much");
    }
}
