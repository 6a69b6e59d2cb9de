package io.tidegrad.trainer.store;

import io.tidegrad.engine.kernel.Kernels;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.errors.TaskCorruptedException;
import org.apache.kafka.streams.processor.TaskId;
import org.jspecify.annotations.Nullable;

/// The one place where tests break the trainer on purpose: each breaker is a mistake that loses or repeats events, and
/// that an oracle must notice.
public enum Breaker implements StoreParts {
    NONE,
    /// Pages and manifest are logged in `StateStore.commit`, as the interface's name suggests; guards off.
    LOGS_IN_COMMIT,
    /// `flushCache` does nothing; guards off.
    FLUSHES_NOTHING,
    /// As `FLUSHES_NOTHING`, with the guards on.
    FLUSHES_NOTHING_GUARDED,
    /// The watermark beside the offset is never put; guards on.
    PUTS_NO_WATERMARK_GUARDED,
    /// Once, at event number 20,000, a `TaskCorruptedException` comes out of the store; guards on.
    REPORTS_CORRUPTION_ONCE,
    /// Restored state is taken whatever the group's offset says, and so is the first record.
    CHECKS_NO_WATERMARK;

    @Override
    public CommitGuard guard(TopicPartition log) {
        return new CommitGuard(log, guarded());
    }

    private boolean guarded() {
        return switch (this) {
            case NONE,
                    FLUSHES_NOTHING_GUARDED,
                    PUTS_NO_WATERMARK_GUARDED,
                    REPORTS_CORRUPTION_ONCE ->
                    true;
            case LOGS_IN_COMMIT, FLUSHES_NOTHING, CHECKS_NO_WATERMARK -> false;
        };
    }

    @Override
    public ModelStore store(
            Lineage lineage, Kernels kernels, ReadCommitted readCommitted, CommitGuard guard) {
        return new BreakableStore(this, KillPoint.NEVER, lineage, kernels, readCommitted, guard);
    }

    private static volatile @Nullable BreakableStore newest;

    /// Of the live model of this process's newest store, committed or not: a broken store commits nothing that could be
    /// asked for.
    public static String liveStateHash() {
        BreakableStore store = newest;
        return store == null ? "none" : store.model().stateHash();
    }

    /// A standard or broken store that also stops at a kill point.
    public StoreParts stoppingAt(KillPoint point) {
        Breaker breaker = this;
        return new StoreParts() {
            @Override
            public CommitGuard guard(TopicPartition log) {
                return breaker.guard(log);
            }

            @Override
            public ModelStore store(
                    Lineage lineage,
                    Kernels kernels,
                    ReadCommitted readCommitted,
                    CommitGuard guard) {
                return new BreakableStore(breaker, point, lineage, kernels, readCommitted, guard);
            }
        };
    }

    /// A moment in a store's life, the `nth` time it comes.
    public record KillPoint(Moment moment, int nth) {
        public static final KillPoint NEVER = new KillPoint(Moment.NEVER, 0);

        public enum Moment {
            NEVER,
            PAGE_LOGGED,
            BEFORE_MANIFEST,
            FLUSHED_NOT_COMMITTED,
            RECORD_RESTORED
        }
    }

    private static final class BreakableStore extends ModelStore {
        private final Breaker breaker;
        private final KillPoint point;
        private int passed;
        private boolean learned;
        private boolean corrupted;

        BreakableStore(
                Breaker breaker,
                KillPoint point,
                Lineage lineage,
                Kernels kernels,
                ReadCommitted readCommitted,
                CommitGuard guard) {
            super(lineage, kernels, readCommitted, guard);
            this.breaker = breaker;
            this.point = point;
            newest = this;
        }

        @Override
        public void flushCache() {
            switch (breaker) {
                case NONE,
                        CHECKS_NO_WATERMARK,
                        PUTS_NO_WATERMARK_GUARDED,
                        REPORTS_CORRUPTION_ONCE ->
                        super.flushCache();
                case LOGS_IN_COMMIT, FLUSHES_NOTHING, FLUSHES_NOTHING_GUARDED -> {}
            }
        }

        @Override
        public void commit(Map<TopicPartition, Long> changelogOffsets) {
            if (breaker == LOGS_IN_COMMIT) {
                super.flushCache();
            }
        }

        @Override
        protected void putWatermark(long nextOffset) {
            if (breaker != PUTS_NO_WATERMARK_GUARDED) {
                super.putWatermark(nextOffset);
            }
        }

        @Override
        protected void checkWatermark(@Nullable Long committed) {
            switch (breaker) {
                case NONE,
                        FLUSHES_NOTHING_GUARDED,
                        PUTS_NO_WATERMARK_GUARDED,
                        REPORTS_CORRUPTION_ONCE ->
                        super.checkWatermark(committed);
                case LOGS_IN_COMMIT, FLUSHES_NOTHING, CHECKS_NO_WATERMARK -> {}
            }
        }

        @Override
        protected void checkContinues(long offset) {
            switch (breaker) {
                case NONE,
                        FLUSHES_NOTHING_GUARDED,
                        PUTS_NO_WATERMARK_GUARDED,
                        REPORTS_CORRUPTION_ONCE ->
                        super.checkContinues(offset);
                case LOGS_IN_COMMIT, FLUSHES_NOTHING, CHECKS_NO_WATERMARK -> {}
            }
        }

        /// Tells the parent, which measures the time from kill to learning.
        @Override
        public void accepted(long offset, long appendTime) {
            super.accepted(offset, appendTime);
            if (breaker == REPORTS_CORRUPTION_ONCE && offset == 20_000 && !corrupted) {
                corrupted = true;
                throw new TaskCorruptedException(Set.of(new TaskId(0, 0)));
            }
            if (!learned) {
                learned = true;
                System.out.println("LEARNED " + offset);
            }
        }

        @Override
        protected void pageLogged(int page) {
            pass(KillPoint.Moment.PAGE_LOGGED);
        }

        @Override
        protected void manifestNext() {
            pass(KillPoint.Moment.BEFORE_MANIFEST);
        }

        @Override
        protected void offsetsJoin() {
            pass(KillPoint.Moment.FLUSHED_NOT_COMMITTED);
        }

        @Override
        protected void recordRestored() {
            pass(KillPoint.Moment.RECORD_RESTORED);
        }

        /// Stands still until the parent kills this process.
        private void pass(KillPoint.Moment moment) {
            if (moment == point.moment() && ++passed == point.nth()) {
                System.out.println("AT " + moment);
                while (true) {
                    java.util.concurrent.locks.LockSupport.park();
                }
            }
        }
    }
}
