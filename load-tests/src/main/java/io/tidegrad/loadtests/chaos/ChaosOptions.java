package io.tidegrad.loadtests.chaos;

import java.time.Duration;
import java.util.List;

/// How a chaos run is made.
///
/// @param seed of every choice
/// @param phase how long faults are injected; the last one may end later
/// @param nodes Kafka brokers: 1 or 3
/// @param faults what is drawn from; one that stands there twice comes twice as often
/// @param once whether the run ends when each has been tried
/// @param trainerMain main class of trainers, and arguments before a trainer's own
/// @param trainerFlags more of the JVM's, for trainers and scorers
public record ChaosOptions(long seed, Duration phase, int nodes, List<Fault> faults, boolean once,
        List<String> trainerMain, List<String> trainerFlags) {
    public ChaosOptions {
        if (nodes != 1 && nodes != 3) {
            throw new IllegalArgumentException("nodes: expected 1 or 3, found " + nodes);
        }
        faults = faults.stream().filter(fault -> fault.where().fits(nodes)).toList();
        if (faults.isEmpty()) {
            throw new IllegalArgumentException(
                    "expected at least one fault that can be tried on " + nodes + " node(s)");
        }
        trainerMain = List.copyOf(trainerMain);
        trainerFlags = List.copyOf(trainerFlags);
    }
}
