package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.Retention;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Served;
import io.tidegrad.schemas.UndecodableException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.LongPredicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.jspecify.annotations.Nullable;

/// A changelog in memory with transactions and compaction, a log of made-up examples that the model has served, and a clock that stands still unless
/// it is moved: what a `StateWriter` and a restart need, without a broker.
final class MemoryChangelog {
    static final ModelSpec SPEC = ModelSpec.parse("""
                    model: m
                    input: { stream: s }
                    features:
                      - number: { field: a, scale: standard }
                      - category: { field: place, buckets: 20000, dimension: 4 }
                    network: [ dense: 8, relu, dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { adam: { rate: 0.01 } }
                    mini-batch: { size: 3 }
                    publish: { every: PT1S }
                    seed: 7
                    """, "test spec").onTopic("t");

    private final ModelSpec spec;
    private final LongPredicate label; // of the event at an offset
    final Lineage lineage;
    private final Map<ByteBuffer, byte[]> committed = new LinkedHashMap<>();
    private final List<Map.Entry<byte[], byte[]>> open = new ArrayList<>();
    long now; // nanoseconds
    private final TrainerClock clock = new TrainerClock() {
        @Override
        public long nanos() {
            return now;
        }

        @Override
        public long epochMillis() {
            return now / 1_000_000;
        }
    };
    boolean stopping;
    long logBegin;
    @Nullable
    Retention logKeeps;

    MemoryChangelog() {
        this(SPEC, offset -> new Random(~offset).nextBoolean());
    }

    MemoryChangelog(ModelSpec spec, LongPredicate label) {
        this.spec = spec;
        this.label = label;
        lineage = new Lineage(spec, 1, new TopicPartition("t", 0), Uuid.randomUuid(), 0);
    }

    Duration lastCommit = Duration.ZERO;

    /// Bytes logged in the transaction in progress.
    long openBytes() {
        return open.stream().mapToLong(record -> record.getValue().length).sum();
    }

    List<String> openKeys() {
        return open.stream().map(record -> StoreRecords.describe(record.getKey())).toList();
    }

    void commit() {
        open.forEach(record -> {
            ByteBuffer key = ByteBuffer.wrap(record.getKey());
            committed.remove(key);
            committed.put(key, record.getValue());
        });
        open.clear();
    }

    void abort() {
        open.clear();
    }

    Map<ByteBuffer, byte[]> committed() {
        return committed;
    }

    /// A life of the trainer: from restored to killed.
    final class Life {
        final OnlineModel model;
        private final EventFold fold;
        final StateWriter writer;
        long nextOffset;
        private Accounts accounts;
        private long newestAppendTime;
        private Life(OnlineModel model, StateWriter writer, long nextOffset, Accounts accounts, long newestAppendTime) {
            this.newestAppendTime = newestAppendTime;
            this.model = model;
            this.writer = writer;
            this.nextOffset = nextOffset;
            this.accounts = accounts;
            fold = folds(model);
        }

        void learn(int events) {
            for (int i = 0; i < events; i++) {
                boolean accepted = fold(fold, record(nextOffset)) instanceof EventFold.Outcome.Accepted;
                if (!accepted) {
                    writer.rejectedFromOutside(nextOffset);
                    accounts = new Accounts(accounts.accepted(), accounts.deadLetters() + 1, accounts.ticks());
                } else {
                    accounts = new Accounts(accounts.accepted() + 1, accounts.deadLetters(), accounts.ticks());
                }
                nextOffset++;
                newestAppendTime = accepted ? nextOffset : newestAppendTime;
                writer.learned(1, 1_000, 10);
            }
        }

        /// As the store does before a commit; what is logged is not committed yet.
        void flush() {
            StoreManifest next = writer.flush(new StateWriter.State(nextOffset, accounts, newestAppendTime, List.of()),
                    false, lastCommit);
            open.add(Map.entry(StoreRecords.MANIFEST_KEY,
                    StoreRecords.sealed(StoreRecords.MANIFEST_KEY, lineage.epoch(), next.encode())));
        }

        StoreStatus status() {
            return writer.status(nextOffset, accounts);
        }
    }

    /// Whether the registry knows the schema of every event: it did not when they came.
    boolean registryKnowsAll;

    private EventFold folds(OnlineModel model) {
        return new EventFold(spec, model, this::event);
    }

    private static EventFold.Outcome fold(EventFold fold, ConsumerRecord<byte[], byte[]> record) {
        return fold.fold(record.value(), record.headers());
    }

    /// Each 50th has a schema that the registry does not know.
    private Event event(byte[] value) {
        long offset = ByteBuffer.wrap(value).getLong();
        if (offset % 50 == 49 && !registryKnowsAll) {
            throw new UndecodableException(UndecodableException.Reason.UNKNOWN_SCHEMA, "unknown");
        }
        Random random = new Random(offset);
        return new MapEvent(
                Map.of("a", random.nextDouble(), "place", "p" + random.nextInt(offset % 2 == 0 ? 100 : 20_000)));
    }

    private ConsumerRecord<byte[], byte[]> record(long offset) {
        RecordHeaders headers = new RecordHeaders();
        new Example(Example.Kind.FINAL, label.test(offset) ? "1" : "0", null, 1,
                new Example.Source("scored", 0, offset), 1_000 * offset, null).writeTo(headers);
        new Served("m", 1, offset, offset, 0, Served.Stage.LIVE, null, new float[]{offset % 16 / 16f}).writeTo(headers);
        byte[] value = ByteBuffer.allocate(Long.BYTES).putLong(offset).array();
        return new ConsumerRecord<>("t", 0, offset, offset + 1, TimestampType.CREATE_TIME, 0, value.length, null, value,
                headers, Optional.empty());
    }

    StoreSettings settings(@Nullable StoreKind forced, long bytesPerSecond) {
        return settings(forced, bytesPerSecond, Retention.FOR_EVER);
    }

    StoreSettings settings(@Nullable StoreKind forced, long bytesPerSecond, Retention retention) {
        return settings(forced, bytesPerSecond, retention, Duration.ZERO);
    }

    StoreSettings settings(@Nullable StoreKind forced, long bytesPerSecond, Retention retention, Duration redoGoal) {
        return new StoreSettings(forced, pages() * (long) Parameters.PAGE_BYTES, bytesPerSecond, redoGoal,
                Duration.ofSeconds(10), Duration.ofMillis(100), Duration.ofSeconds(1), Duration.ofMillis(2_500),
                retention);
    }

    static int pages() {
        return OnlineModel.blank(SPEC, Kernels.active()).parameters().pages();
    }

    /// As a trainer that starts: everything committed is restored, and learned again from the log.
    Life start(StoreSettings settings) {
        return start(settings, (fold, record, rejected) -> fold.fold(record, rejected));
    }

    interface Again {
        EventFold.Outcome fold(Redo.Fold fold, ConsumerRecord<byte[], byte[]> record, boolean rejected);
    }

    Life start(StoreSettings settings, Again again) {
        Restoration restoration = new Restoration(lineage, Kernels.active(), progress -> {
        });
        long offset = 0;
        for (Map.Entry<ByteBuffer, byte[]> entry : committed.entrySet()) {
            restoration.apply(new ConsumerRecord<>("changelog", 0, offset++, entry.getKey().array(), entry.getValue()));
        }
        restoration.requireManifest();
        StoreManifest manifest = restoration.manifest();
        if (manifest == null) {
            OnlineModel model = OnlineModel.initial(spec, Kernels.active());
            StateWriter writer = writer(settings, model, null, new PageChecksums(pages()), new ExternalRejections());
            return new Life(model, writer, 0, new Accounts(0, 0, 0), Long.MIN_VALUE);
        }
        Restoration.Restored base = restoration.base(manifest);
        Redo.Fold fold = StoreOracle.again(folds(base.model()));
        Redo redo = new Redo(lineage, manifest, base, (record, rejected) -> again.fold(fold, record, rejected),
                () -> false, progress -> {
                });
        for (long at = manifest.base().nextOffset(); at < manifest.nextOffset(); at++) {
            redo.learn(record(at));
        }
        redo.checkEnd();
        StateWriter writer = writer(settings, base.model(), manifest, base.checksums(), base.rejections());
        return new Life(base.model(), writer, manifest.nextOffset(), manifest.accounts(), manifest.newestAppendTime());
    }

    private StateWriter writer(StoreSettings settings, OnlineModel model, @Nullable StoreManifest manifest,
            PageChecksums checksums, ExternalRejections rejections) {
        StateWriter.Store store = new StateWriter.Store() {
            @Override
            public void log(byte[] key, byte[] value) {
                open.add(Map.entry(key, value.clone()));
            }

            @Override
            public void pageLogged(int page) {}

            @Override
            public void imagePageLogged(int page) {}

            @Override
            public boolean isWhole(Image image) {
                return image.isWhole();
            }

            @Override
            public void watch(Parameters parameters, Image image) {
                parameters.watch(image.watched(), image::keep);
            }

            @Override
            public long logBegin() {
                return logBegin;
            }

            @Override
            public @Nullable Retention logKeeps() {
                return logKeeps;
            }

            @Override
            public boolean stopping() {
                return stopping;
            }
        };
        return new StateWriter(lineage, settings, store, model, manifest, checksums, rejections, 0, clock);
    }

    /// The oracle: all events from the first on, in one life that writes nothing.
    String stateOfFold(long nextOffset) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        EventFold fold = folds(model);
        boolean before = registryKnowsAll;
        registryKnowsAll = false; // as it was when they came
        for (long at = 0; at < nextOffset; at++) {
            fold(fold, record(at));
        }
        registryKnowsAll = before;
        return stateOf(model);
    }

    /// All that a restart continues; a model's hash leaves out what was evaluated.
    static String stateOf(OnlineModel model) {
        return model.stateHash() + " " + HexFormat.of().formatHex(model.carry());
    }
}
