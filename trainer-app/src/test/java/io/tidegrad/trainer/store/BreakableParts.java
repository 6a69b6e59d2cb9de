package io.tidegrad.trainer.store;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.Breaker;
import io.tidegrad.trainer.FatalDeserializer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.errors.TaskCorruptedException;
import org.apache.kafka.streams.processor.TaskId;
import org.jspecify.annotations.Nullable;

/// A store and a guard with one of the mistakes of `Breaker`, that also stop at a kill point.
///
/// @param announces whether the process says on its output when it learns its first event
public record BreakableParts(Breaker breaker, KillPoint point, boolean announces) implements StoreParts {
    /// Of `FLIPS_A_WEIGHT_BIT`.
    public static final long FLIPPED_UPDATE = 300;

    /// From the end of the weights, counted in floats: which one flips.
    public static final int FLIPPED_FROM_END = 4;

    public BreakableParts(Breaker breaker) {
        this(breaker, KillPoint.NEVER, false);
    }

    @Override
    public CommitGuard guard(TopicPartition log) {
        return new CommitGuard(log, breaker != Breaker.LOGS_IN_COMMIT && breaker != Breaker.FLUSHES_NOTHING
                && breaker != Breaker.CHECKS_NO_WATERMARK);
    }

    @Override
    public ModelStore store(Lineage lineage, Kernels kernels, StoreSettings settings, BooleanSupplier stopping,
            ReadCommitted readCommitted, CommitGuard guard, TrainerClock clock) {
        return new BreakableStore(this, lineage, kernels, settings, stopping, readCommitted, guard, clock);
    }

    @Override
    public boolean isBase(ControlAction.Base base, long version, String weightsHash) {
        return breaker == Breaker.TAKES_ANY_BASE || StoreParts.super.isBase(base, version, weightsHash);
    }

    @Override
    public ValueDecoder decoder(ValueDecoder standard) {
        return point.moment() != KillPoint.Moment.FATAL_EVENT_DECODED ? standard : value -> {
            Event event = standard.decode(value);
            if (FatalDeserializer.isFatal(value)) {
                standStill(point.moment());
            }
            return event;
        };
    }

    /// Until the parent kills this process.
    private static void standStill(KillPoint.Moment moment) {
        System.out.println("AT " + moment);
        while (true) {
            java.util.concurrent.locks.LockSupport.park();
        }
    }

    private static volatile @Nullable BreakableStore newest;

    /// Of the live model of this process's newest store, committed or not: a broken store commits nothing that could be
    /// asked for.
    public static String liveStateHash() {
        BreakableStore store = newest;
        return store == null ? "none" : store.model().stateHash();
    }

    /// A moment in a store's life, the `nth` time it comes.
    public record KillPoint(Moment moment, int nth) {
        public static final KillPoint NEVER = new KillPoint(Moment.NEVER, 0);

        public enum Moment {
            NEVER, PAGE_LOGGED, IMAGE_PAGE_LOGGED,
            /// All pages are logged, the manifest that says so is not.
            IMAGE_WHOLE, BEFORE_MANIFEST, FLUSHED_NOT_COMMITTED, RECORD_RESTORED, EVENT_LEARNED_AGAIN,
            /// An event of `FatalDeserializer.PLACE` has been decoded.
            FATAL_EVENT_DECODED
        }
    }

    private static final class BreakableStore extends ModelStore {
        private final BreakableParts parts;
        private final Breaker breaker;
        private int passed;
        private int passedAgain;
        private boolean learned;
        private boolean corrupted;
        private boolean flipped;
        private final List<byte[]> kept = new ArrayList<>();

        BreakableStore(BreakableParts parts, Lineage lineage, Kernels kernels, StoreSettings settings,
                BooleanSupplier stopping, ReadCommitted readCommitted, CommitGuard guard, TrainerClock clock) {
            super(lineage, kernels, settings, stopping, readCommitted, guard, clock);
            this.parts = parts;
            breaker = parts.breaker();
            newest = this;
        }

        @Override
        public void flushCache() {
            if (breaker != Breaker.LOGS_IN_COMMIT && breaker != Breaker.FLUSHES_NOTHING
                    && breaker != Breaker.FLUSHES_NOTHING_GUARDED) {
                super.flushCache();
            }
        }

        @Override
        public void commit(Map<TopicPartition, Long> changelogOffsets) {
            if (breaker == Breaker.LOGS_IN_COMMIT) {
                super.flushCache();
            }
        }

        @Override
        protected void putWatermark(long nextOffset, long commit) {
            switch (breaker) {
                case PUTS_NO_WATERMARK_GUARDED -> {
                }
                case TELLS_COMMITS_OF_ONE_WATERMARK_NOT_APART -> putBesideOffset(WATERMARK, nextOffset);
                default -> super.putWatermark(nextOffset, commit);
            }
        }

        @Override
        protected void checkWatermark(@Nullable Long committed, @Nullable Long commit) {
            if (trusts()) {
                super.checkWatermark(committed, commit);
            }
        }

        @Override
        protected void checkContinues(long offset) {
            if (!trusts()) {
                return;
            }
            try {
                super.checkContinues(offset);
            } catch (StopException retryable) {
                throw breaker == Breaker.STOPS_FOR_GOOD
                        ? new StopException(ExitCode.STATE_VIOLATION, String.valueOf(retryable.getMessage()))
                        : retryable;
            }
        }

        /// False: it takes what it finds.
        private boolean trusts() {
            return breaker != Breaker.LOGS_IN_COMMIT && breaker != Breaker.FLUSHES_NOTHING
                    && breaker != Breaker.CHECKS_NO_WATERMARK;
        }

        @Override
        protected void checkNothingSkipped(long offset) {
            if (breaker != Breaker.LOOKS_AT_NO_OFFSET_BEFORE_THE_FIRST_RECORD) {
                super.checkNothingSkipped(offset);
            }
        }

        @Override
        public boolean isFinite(Parameters parameters, int page, byte[] bytes, int from) {
            return breaker == Breaker.CHECKS_NOTHING_FOR_FINITENESS || super.isFinite(parameters, page, bytes, from);
        }

        @Override
        public void consumed(ConsumerRecord<byte[], byte[]> record) {
            if (breaker != Breaker.HASHES_NO_TICKS || record.headers().lastHeader(Tick.HEADER) == null) {
                super.consumed(record);
            }
        }

        @Override
        public void ticked(long offset) {
            if (breaker == Breaker.COUNTS_TICKS_AS_EVENTS) {
                super.accepted(offset, 0);
            } else {
                super.ticked(offset);
            }
        }

        /// Tells the parent, which measures the time from kill to learning.
        @Override
        public void accepted(long offset, long appendTime) {
            super.accepted(offset, appendTime);
            if (breaker == Breaker.REPORTS_CORRUPTION_ONCE && offset == 20_000 && !corrupted) {
                corrupted = true;
                throw new TaskCorruptedException(Set.of(new TaskId(0, 0)));
            }
            if (breaker == Breaker.FLIPS_A_WEIGHT_BIT && model().parameters().updates() == FLIPPED_UPDATE && !flipped) {
                flipped = true; // with mini-batches, several events come at one update
                flipAWeightBit(model().parameters());
            }
            if (breaker == Breaker.KEEPS_EVERY_VERSION) {
                keep(model().parameters());
            }
            if (parts.announces() && !learned) {
                learned = true;
                System.out.println("LEARNED " + offset);
            }
        }

        private void keep(Parameters parameters) {
            for (int page = 0; page < parameters.servedPages(); page++) {
                byte[] bytes = new byte[parameters.pageLength(page)];
                parameters.readPage(page, bytes, 0);
                kept.add(bytes);
            }
        }

        private static void flipAWeightBit(Parameters parameters) {
            int page = parameters.servedPages() - 1;
            byte[] bytes = new byte[parameters.pageLength(page)];
            parameters.readPage(page, bytes, 0);
            bytes[bytes.length - FLIPPED_FROM_END * Float.BYTES] ^= 1; // little-endian
            parameters.writePage(page, bytes, 0);
            parameters.dirty().mark(page);
        }

        @Override
        public void pageLogged(int page) {
            pass(KillPoint.Moment.PAGE_LOGGED);
        }

        @Override
        public void imagePageLogged(int page) {
            pass(KillPoint.Moment.IMAGE_PAGE_LOGGED);
        }

        @Override
        public boolean isWhole(Image image) {
            boolean whole = super.isWhole(image) || breaker == Breaker.COMPLETES_AN_IMAGE_EARLY
                    && image.pagesWritten() > model().parameters().pages() / 2;
            if (whole) {
                pass(KillPoint.Moment.IMAGE_WHOLE);
            }
            return whole;
        }

        @Override
        public void watch(Parameters parameters, Image image) {
            if (breaker != Breaker.WRITES_LIVE_PAGES) {
                super.watch(parameters, image);
            }
        }

        @Override
        protected EventFold.Outcome learnedAgain(Redo.Fold fold, ConsumerRecord<byte[], byte[]> record,
                boolean rejected) {
            pass(KillPoint.Moment.EVENT_LEARNED_AGAIN);
            return breaker == Breaker.LEARNS_ONE_LESS_AGAIN && passedAgain++ == 5 ? new EventFold.Outcome.Accepted()
                    : super.learnedAgain(fold, record, rejected);
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

        private void pass(KillPoint.Moment moment) {
            KillPoint point = parts.point();
            if (moment == point.moment() && ++passed == point.nth()) {
                standStill(moment);
            }
        }
    }
}
