package io.tidegrad.trainer.topology;

import io.tidegrad.trainer.poll.Burst;
import org.apache.kafka.streams.processor.api.Processor;

/// The topology's one processor, for a simulated task.
public final class LearnProcessors {
    private LearnProcessors() {}

    public static Processor<byte[], Burst, byte[], byte[]> of(TrainerTopology.Parts parts) {
        return new LearnProcessor(parts);
    }
}
