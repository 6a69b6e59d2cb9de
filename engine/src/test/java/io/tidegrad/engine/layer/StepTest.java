package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StepTest {
    private record Part(Step of, int part) {
    }

    /// Each part has 250,000 FMAs of whole layers at least, half of what a part of one product has (WorkersTest).
    @ParameterizedTest
    @CsvSource({"1, 8, 1", "499999, 8, 1", "500000, 8, 2", "750000, 8, 3", "9000000, 8, 8", "9000000, 1, 1"})
    void wholeLayersAreSharedWhereEachPartIsLongEnough(long multiplications, int partsMax, int parts) {
        try (Workers workers = new Workers(2)) {
            Step step = new Step(new ScalarKernels(), 1, workers);
            Queue<Part> done = new ConcurrentLinkedQueue<>();
            step.shareLayers(multiplications, partsMax, (on, part, of, worker) -> {
                assertThat(of).isEqualTo(parts);
                assertThat(on == step).isEqualTo(parts == 1);
                done.add(new Part(on, part));
            });
            assertThat(done).hasSize(parts).extracting(Part::part).doesNotHaveDuplicates();
        }
    }
}
