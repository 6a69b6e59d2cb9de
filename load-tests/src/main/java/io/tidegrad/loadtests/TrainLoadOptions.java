package io.tidegrad.loadtests;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// @param streams each with every mini-batch
/// @param repetitions of each combination, in turns
/// @param events of each stream, repeated as often as it takes; 0: as many as about 10 s of training are
/// @param json lines of JSON instead of a table
/// @param profile where a flight recording of each trainer goes; null: none is made
public record TrainLoadOptions(List<TrainStream> streams, List<Integer> miniBatches, int repetitions, long events,
        boolean json, @Nullable Path profile) {
    private static final int MINI_BATCH_MAX = 4_096;
    private static final int REPETITIONS_MAX = 100;
    private static final long EVENTS_MAX = 100_000_000;

    public TrainLoadOptions {
        streams = List.copyOf(streams);
        miniBatches = List.copyOf(miniBatches);
        if (streams.isEmpty() || miniBatches.isEmpty()) {
            throw new IllegalArgumentException("expected at least one stream and one mini-batch, found none");
        }
        for (int miniBatch : miniBatches) {
            Limits.require("--mini-batch", miniBatch, 1, MINI_BATCH_MAX);
        }
        checkedRepetitions(repetitions);
        eventsOf(streams.getFirst(), events);
    }

    static int checkedRepetitions(int repetitions) {
        Limits.require("--repetitions", repetitions, 1, REPETITIONS_MAX);
        return repetitions;
    }

    long events(TrainStream stream) {
        return eventsOf(stream, events);
    }

    /// @param events as asked for; 0: as many as about 10 s of training are
    static long eventsOf(TrainStream stream, long events) {
        Limits.require("--events", events, 0, EVENTS_MAX);
        if (events > 0) {
            return events;
        }
        return switch (stream) {
            case FLIGHTS -> 6_000_000;
            case DIGITS -> 4_000_000;
            case CLICKS -> 500_000;
        };
    }
}
