package io.tidegrad.trainer.store;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.ValueDecoder;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.TopicPartition;

/// Makes store, guard and decoder, and says with which base an epoch may begin. Tests replace `STANDARD` by parts with
/// a mistake, and show that it is noticed.
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

    default ValueDecoder decoder(ValueDecoder standard) {
        return standard;
    }

    /// Returns whether a model that the log gave is the base of a rollback.
    default boolean isBase(ControlAction.Base base, long version, String weightsHash) {
        return version == base.version() && weightsHash.equals(base.weightsHash());
    }
}
