package io.tidegrad.trainer.store;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.ValueDecoder;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.TopicPartition;

/// Makes the store, its guard and the decoder, and says with what an epoch may begin. `STANDARD` is the only one
/// outside tests; those break things on purpose and show that the loss is noticed.
public interface StoreParts {
    StoreParts STANDARD = new StoreParts() {
        @Override
        public CommitGuard guard(TopicPartition log) {
            return new CommitGuard(log);
        }

        @Override
        public ModelStore store(Lineage lineage, Kernels kernels, StoreSettings settings, BooleanSupplier stopping,
                ReadCommitted readCommitted, CommitGuard guard, TrainerClock clock) {
            return new ModelStore(lineage, kernels, settings, stopping, readCommitted, guard, clock);
        }
    };

    CommitGuard guard(TopicPartition log);

    ModelStore store(Lineage lineage, Kernels kernels, StoreSettings settings, BooleanSupplier stopping,
            ReadCommitted readCommitted, CommitGuard guard, TrainerClock clock);

    /// What reads an event's value.
    default ValueDecoder decoder(ValueDecoder standard) {
        return standard;
    }

    /// Whether what the log gives is what a rollback goes back to.
    default boolean isBase(ControlAction.Base base, long version, String weightsHash) {
        return version == base.version() && weightsHash.equals(base.weightsHash());
    }
}
