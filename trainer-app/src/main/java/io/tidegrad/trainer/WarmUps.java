package io.tidegrad.trainer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.model.spec.ModelSpec;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The warm-ups of a process. Models of the same network share one: 200 of them would otherwise run it for a minute, on
/// cores that their start needs.
final class WarmUps {
    private static final Logger LOG = LoggerFactory.getLogger(WarmUps.class);

    /// Compiling takes about 1.5 s of CPU time. On a busy machine learning begins with what is compiled by then.
    private static final Duration LONGEST = Duration.ofSeconds(10);

    private record Shapes(NetworkSpec network, int maxBatch) {
    }

    private final Kernels kernels;
    private final Map<Shapes, CompletableFuture<Void>> begun = new ConcurrentHashMap<>();

    WarmUps(Kernels kernels) {
        this.kernels = kernels;
    }

    /// Runs the kernels at this model's shapes on scratch data while the group is joined and the state restored, so
    /// that the first events are learned at full speed.
    CompletableFuture<Void> of(ModelSpec spec) {
        return begun.computeIfAbsent(new Shapes(spec.network(), spec.miniBatch()), shapes -> run(spec.model(), shapes));
    }

    private CompletableFuture<Void> run(String model, Shapes shapes) {
        return CompletableFuture.runAsync(() -> {
            long nanos = Learner.warmUp(shapes.network(), kernels, shapes.maxBatch(), Workers.NONE, LONGEST.toNanos());
            LOG.info("model {}: kernels warm after {} ms", model, nanos / 1_000_000);
        }, task -> Thread.ofPlatform().name("warm-up-" + model).daemon().start(task));
    }
}
