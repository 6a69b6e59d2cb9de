package io.tidegrad.localstack;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/// Runs an action for every node of a cluster at the same time, because each node's start waits for a majority of
/// nodes, and its stop for the others to take over.
final class AtOnce {
    private AtOnce() {}

    /// Runs the action for all nodes. Returns the results in order.
    ///
    /// @throws RuntimeException the first exception that an action threw
    static <T> List<T> all(int count, IntFunction<T> action) {
        try (var threads = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            List<Future<T>> started =
                    IntStream.range(0, count).mapToObj(id -> threads.submit(() -> action.apply(id))).toList();
            List<T> results = new ArrayList<>();
            for (Future<T> one : started) {
                results.add(one.get());
            }
            return List.copyOf(results);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalStackException("interrupted while Kafka was starting or stopping", e);
        }
    }
}
