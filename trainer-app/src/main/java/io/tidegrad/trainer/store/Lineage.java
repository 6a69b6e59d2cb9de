package io.tidegrad.trainer.store;

import io.tidegrad.model.spec.ModelSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/// One line of learning: which spec learns from which log, from where on. With the log's content this decides every bit
/// of the weights.
///
/// @param epoch raised by rollback or re-creation
/// @param log the log of record: one partition, whose order is the order of learning
/// @param logTopicId of the topic when the model was registered
/// @param startOffset of the first event that may be learned, fixed when the model was registered
public record Lineage(
        ModelSpec spec, int epoch, TopicPartition log, Uuid logTopicId, long startOffset) {
    public String model() {
        return spec.model();
    }
}
