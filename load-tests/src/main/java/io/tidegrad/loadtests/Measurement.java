package io.tidegrad.loadtests;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

/// One run of one subject.
///
/// @param events taken in the window
/// @param seconds the window, by the clock
/// @param cpuSeconds of the subject's process in the window, all threads
/// @param brokerCpuSeconds of the broker's process in the window; 0 for the engine, which asks nothing of it
/// @param brokerBytes that the broker's process wrote to disks in the window; NaN where the system does not tell
/// @param topicBytes of the trainer's own topics at the end of the window; 0 for the others, which write none
/// @param weightsHash after the last event; empty for the consumer, which learns nothing
/// @param stateHash likewise
record Measurement(long events, double seconds, double cpuSeconds, double brokerCpuSeconds, double brokerBytes,
        long topicBytes, String weightsHash, String stateHash) {
    static Measurement parse(String json) throws JsonProcessingException {
        return new ObjectMapper().readValue(json, Measurement.class);
    }

    double eventsPerSecond() {
        return events / seconds;
    }

    double cpuMicros() {
        return cpuSeconds * 1e6 / events;
    }

    double brokerCpuMicros() {
        return brokerCpuSeconds * 1e6 / events;
    }

    Measurement withBroker(double cpuSeconds) {
        return new Measurement(events, seconds, this.cpuSeconds, cpuSeconds, brokerBytes, topicBytes, weightsHash,
                stateHash);
    }
}
