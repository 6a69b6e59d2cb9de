package io.tidegrad.trainer.store;

import io.tidegrad.engine.kernel.Kernels;
import org.apache.kafka.common.TopicPartition;

/// Makes the store and its guard. `STANDARD` is the only one outside tests; those break things on purpose and show that
/// the loss is noticed.
public interface StoreParts {
    StoreParts STANDARD =
            new StoreParts() {
                @Override
                public CommitGuard guard(TopicPartition log) {
                    return new CommitGuard(log);
                }

                @Override
                public ModelStore store(
                        Lineage lineage,
                        Kernels kernels,
                        ReadCommitted readCommitted,
                        CommitGuard guard) {
                    return new ModelStore(lineage, kernels, readCommitted, guard);
                }
            };

    CommitGuard guard(TopicPartition log);

    ModelStore store(
            Lineage lineage, Kernels kernels, ReadCommitted readCommitted, CommitGuard guard);
}
