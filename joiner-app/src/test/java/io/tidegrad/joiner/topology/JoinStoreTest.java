package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.joiner.join.Entry;
import io.tidegrad.joiner.join.EntryCodec;
import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.LabelJoin;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.join.TimeIndexKey;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.proof.LongProof;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.TaskCorruptedException;
import org.apache.kafka.streams.processor.BatchingStateRestoreCallback;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The store on RocksDB, with what Kafka Streams does around it. Times are seconds; `wait` is 30, `window` 100.
class JoinStoreTest {
    private static final LabelJoin JOIN = new LabelJoin(StreamSpec.parse("""
            stream: payments
            events: { topic: payments, key: id, event-time: time, format: json }
            labels: { topic: chargebacks, key: id, value: fraud, event-time: time, format: json }
            join: { wait: PT30S, missing: 0, window: PT100S }
            """, "spec"));
    private static final Position AT = new Position(0, 7);
    private static final TopicPartition CHANGELOG = new TopicPartition("entries-changelog", 0);

    @TempDir
    Path directory;

    private final List<Opened> opened = new ArrayList<>();
    private final List<KeyValue<byte[], byte[]>> log = new ArrayList<>();

    /// @param restore what it registered
    private record Opened(JoinStore store, BatchingStateRestoreCallback restore) {
    }

    @AfterEach
    void close() {
        opened.forEach(each -> each.store().close());
    }

    private Opened open(String name) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocksDb.class);
        Path task = directory.resolve(name);
        MockProcessorContext<Void, Void> mock = new MockProcessorContext<>(settings, new TaskId(0, 0), task.toFile());
        List<BatchingStateRestoreCallback> restores = new ArrayList<>();
        InternalProcessorContext<?, ?> context =
                (InternalProcessorContext<?, ?>) Proxy.newProxyInstance(getClass().getClassLoader(),
                        new Class<?>[]{InternalProcessorContext.class},
                        (self, method, arguments) -> switch (method.getName()) {
                            case "register" -> {
                                restores.add((BatchingStateRestoreCallback) arguments[1]);
                                yield null;
                            }
                            case "logChange" -> {
                                log.add(KeyValue.pair(((Bytes) arguments[1]).get(), (byte[]) arguments[2]));
                                yield null;
                            }
                            case "recordContext" -> new ProcessorRecordContext(1, 0, 0, "topic", new RecordHeaders());
                            default -> method.invoke(mock.getStateStoreContext(), arguments);
                        });
        JoinStore store = JoinStore.builder("payments", JOIN, Map.of()).build();
        Opened of = new Opened(store, records -> restores.getFirst().restoreAll(records));
        opened.add(of);
        store.init(context, store);
        assertThat(restores).as("what is registered under one name").hasSize(1);
        return of;
    }

    private JoinStore restored(String name, int batch) {
        Opened of = open(name);
        for (int from = 0; from < log.size(); from += batch) {
            of.restore().restoreAll(log.subList(from, Math.min(log.size(), from + batch)));
        }
        return of.store();
    }

    private static byte[] id(String id) {
        return id.getBytes(StandardCharsets.UTF_8);
    }

    private static Entry waiting(long base) {
        return new Entry.Waiting(base, new EventRecord(base, AT, 1, new Content(id("event"))));
    }

    private static Entry emitted(long base) {
        return new Entry.Emitted(base, base, AT, 1, "1", true);
    }

    private static void put(JoinStore store, String id, @Nullable Entry after) {
        store.put(id(id), store.get(id(id)), after);
        store.log();
    }

    /// Returns what is due as `time id`, without what nobody waits for.
    private static List<String> due(JoinStore store) {
        return store.due(JoinStore.NEVER, Integer.MAX_VALUE).stream().filter(hint -> store.waiting(hint) != null)
                .map(hint -> TimeIndexKey.time(hint) + " " + new String(TimeIndexKey.id(hint), StandardCharsets.UTF_8))
                .toList();
    }

    private void keepSome(JoinStore store) {
        put(store, "waits", waiting(5_000));
        put(store, "early", new Entry.Early(1_000, new LabelRecord(1_000, AT, "1", null, null)));
        put(store, "labeled", waiting(6_000));
        put(store, "labeled", emitted(6_000));
        put(store, "came", new Entry.Early(2_000, new LabelRecord(2_000, AT, "1", null, null)));
        put(store, "came", emitted(3_000));
        put(store, "again", waiting(7_000));
        put(store, "again", emitted(7_000));
        put(store, "again", null);
        put(store, "again", waiting(400_000));
    }

    @Test
    void whatWaitsIsDueAndWhatDoesNotIsNot() {
        JoinStore store = open("task").store();
        keepSome(store);
        assertThat(due(store)).containsExactly("35000 waits", "101000 early", "430000 again");
        assertThat(store.due(JoinStore.NEVER, 10)).as("a second time").isEmpty();
    }

    @Test
    void anIdIsLoggedOnceHoweverOftenItChangesBeforeACommit() {
        JoinStore store = open("task").store();
        store.put(id("a"), null, waiting(1_000));
        store.put(id("b"), null, waiting(2_000));
        store.put(id("a"), store.get(id("a")), emitted(1_000));
        assertThat(log).isEmpty();
        store.log();
        store.log();
        assertThat(log).extracting(each -> new String(each.key, StandardCharsets.UTF_8)).containsExactly("a", "b");
        assertThat(due(restored("restored", 100))).containsExactly("32000 b");
    }

    /// As many as RocksDB gets while the test runs, some of them twice.
    @Test
    void whatIsTooMuchToHoldIsLoggedBeforeItGoesToRocksDbAndIsStillDue() {
        JoinStore store = open("task").store();
        int all = 100_000;
        for (int i = 0; i < all; i++) {
            store.put(id("tx-" + i), null, waiting(i));
            if (i >= 40_000 && i % 2 == 0) {
                store.put(id("tx-" + (i - 40_000)), store.get(id("tx-" + (i - 40_000))), emitted(i - 40_000));
            }
        }
        int labeled = (all - 40_000) / 2;
        assertThat(log.size()).as("logged without a commit").isGreaterThan(all / 2);
        assertThat(store.head()).isLessThanOrEqualTo(30_000);
        store.log();
        assertThat(due(store)).hasSize(all - labeled);
        assertThat(due(restored("restored", 1_000))).hasSize(all - labeled);
    }

    @Test
    void whatAnAbortedTransactionChangedIsNotInTheStoreThatBeginsAnew() {
        Opened task = open("task");
        put(task.store(), "before", waiting(1_000));
        task.store().commit(Map.of(CHANGELOG, 10L));
        task.store().close();
        JoinStore aborted = open("task").store();
        aborted.put(id("after"), null, waiting(2_000));
        aborted.close();
        assertThat(due(open("task").store())).containsExactly("31000 before");
    }

    @Test
    void restoringTheChangelogMakesTheTimeIndexAgain() {
        keepSome(open("task").store());
        assertThat(log).as("of the index nothing is logged").hasSize(10);
        for (int batch : new int[]{1, 3, 100}) {
            assertThat(due(restored("batches-of-" + batch, batch))).containsExactly("35000 waits", "101000 early",
                    "430000 again");
        }
    }

    @Test
    void whatIsDueComesInItsOrderAndNoMoreThanAskedForWhereverItIs() {
        JoinStore first = open("task").store();
        for (int i = 0; i < 10; i += 2) {
            put(first, "tx-" + i, waiting(i)); // goes to RocksDB
        }
        first.close();
        JoinStore store = open("task").store();
        for (int i = 1; i < 10; i += 2) {
            put(store, "tx-" + i, waiting(i)); // is held
        }
        List<String> seen = new ArrayList<>();
        for (int looks = 0; looks < 5; looks++) {
            List<byte[]> hints = store.due(40_000, 3);
            assertThat(hints).hasSizeLessThanOrEqualTo(3);
            for (byte[] hint : hints) {
                Entry waiting = store.waiting(hint);
                if (waiting != null) {
                    seen.add(new String(TimeIndexKey.id(hint), StandardCharsets.UTF_8));
                    store.put(TimeIndexKey.id(hint), waiting, null);
                }
            }
        }
        assertThat(seen).containsExactly("tx-0", "tx-1", "tx-2", "tx-3", "tx-4", "tx-5", "tx-6", "tx-7", "tx-8",
                "tx-9");
        store.log();
    }

    @Test
    void aHintWhoseEventWasLabeledIsDroppedWhenItIsDue() {
        keepSome(open("task").store());
        JoinStore store = restored("restored", 100);
        List<byte[]> hints = store.due(40_000, 10);
        assertThat(hints).hasSize(3); // waits, labeled, again
        assertThat(hints.stream().map(store::waiting)).extracting(each -> each == null ? null : each.base())
                .containsExactly(5_000L, null, null);
    }

    @Test
    void anIdThatBeganAnewIsNotForgottenWithWhatItWas() {
        JoinStore first = open("task").store();
        put(first, "again", emitted(1_000));
        put(first, "over", emitted(1_000));
        first.close();
        JoinStore store = open("task").store();
        put(store, "again", waiting(400_000));
        log.clear();
        new JoinState(JOIN, store).clean(400_000, 100);
        assertThat(log).singleElement().satisfies(each -> assertThat(each.key).isEqualTo(id("over")));
        assertThat(due(store)).containsExactly("430000 again");
        assertThat(store.get(id("over"))).isNull();
    }

    @Test
    void theTaskThatWasActiveAndBecomesAStandbyHasWhatItHeld() {
        Opened task = open("task");
        put(task.store(), "waits", waiting(1_000));
        put(task.store(), "labeled", waiting(2_000));
        int before = log.size();
        JoinStore other = restored("other", 100);
        put(other, "labeled", emitted(2_000));
        task.restore().restoreAll(log.subList(before, log.size()));
        assertThat(due(task.store())).containsExactly("31000 waits");
        assertThat(task.store().get(id("labeled"))).isInstanceOf(Entry.Emitted.class);
    }

    @Test
    void theFirstThatWaitsIsFoundAmongWhatIsHeld() {
        JoinStore store = restored("task", 1);
        put(store, "b", waiting(2_000));
        put(store, "a", waiting(1_000));
        assertThat(new JoinState(JOIN, store).waitingSince()).isEqualTo(1_000);
        put(store, "a", emitted(1_000));
        assertThat(new JoinState(JOIN, store).waitingSince()).isEqualTo(2_000);
        put(store, "b", null);
        assertThat(new JoinState(JOIN, store).waitingSince()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void theIndexOfAStandbyHoldsWhatWaitsAndNotWhatEverWaited() {
        JoinStore active = open("active").store();
        Opened standby = open("standby");
        for (int i = 0; i < 20_000; i++) {
            put(active, "tx-" + i, waiting(i));
            if (i >= 500) {
                put(active, "tx-" + (i - 500), emitted(i - 500));
            }
            if (log.size() >= 100) {
                standby.restore().restoreAll(List.copyOf(log));
                log.clear();
            }
        }
        standby.restore().restoreAll(log);
        assertThat(standby.store().due(JoinStore.NEVER, Integer.MAX_VALUE)).hasSize(500);
    }

    @Test
    void theFirstThatWaitsIsFoundBehindHintsOfWhatDoesNot() {
        for (int i = 0; i < 30; i++) {
            log.add(KeyValue.pair(id("tx-" + i), EntryCodec.encode(waiting(i))));
        }
        JoinStore store = restored("task", 100);
        for (int i = 0; i < 25; i++) {
            log.add(KeyValue.pair(id("tx-" + i), EntryCodec.encode(emitted(i))));
        }
        opened.getFirst().restore().restoreAll(log.subList(30, 40));
        opened.getFirst().restore().restoreAll(log.subList(40, 55).reversed());
        assertThat(store.first(100)).isNotNull().extracting(Entry::base).isEqualTo(25L);
        assertThat(store.due(JoinStore.NEVER, 100)).hasSize(5);
    }

    @Test
    void aStoreThatWasClosedIsTakenOnFromTheOffsetThatBothOfItsPartsHaveReached() {
        JoinStore first = open("task").store();
        put(first, "before", waiting(1_000));
        first.commit(Map.of(CHANGELOG, 10L));
        first.close();
        copy("task", "older");
        JoinStore second = open("task").store();
        put(second, "after", waiting(2_000));
        second.commit(Map.of(CHANGELOG, 20L));
        second.close();
        Opened taken = open("task");
        assertThat(taken.store().committedOffset(CHANGELOG)).isEqualTo(20);
        assertThat(due(taken.store())).containsExactly("31000 before", "32000 after");
        taken.store().close();

        replaceIndex("task", "older");
        Opened behind = open("task");
        assertThat(behind.store().committedOffset(CHANGELOG)).as("the index is older").isEqualTo(10);
        behind.restore().restoreAll(log.subList(1, 2));
        assertThat(due(behind.store())).containsExactly("31000 before", "32000 after");
        behind.store().close();

        replaceIndex("task", "nothing");
        assertThat(open("task").store().committedOffset(CHANGELOG)).as("the index is gone").isNull();
    }

    /// A copy of the files of a store that is open is what a killed process leaves.
    @LongProof("a store that is opened many times")
    @Test
    void aStoreThatWasNotClosedIsAsItWasAtItsLastStartOrIsRefused() {
        JoinStore first = open("task").store();
        put(first, "before", waiting(1_000));
        first.commit(Map.of(CHANGELOG, 10L));
        first.close();
        JoinStore running = open("task").store();
        put(running, "before", emitted(1_000)); // the hint is dropped, and the transaction of it may be aborted
        running.commit(Map.of(CHANGELOG, 11L));
        copy("task", "killed");
        JoinStore killed = open("killed").store();
        assertThat(killed.committedOffset(CHANGELOG)).isEqualTo(10);
        assertThat(due(killed)).containsExactly("31000 before");

        for (int i = 0; i < 400_000; i++) { // more than RocksDB keeps in memory
            put(running, "tx-" + i, waiting(i));
        }
        // What RocksDB writes in the background is there at some moment; before it, a copy is as above.
        List<String> seen = new ArrayList<>();
        AtomicInteger copies = new AtomicInteger();
        Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> {
            List<String> now = files("task");
            boolean isStill = now.equals(seen);
            seen.clear();
            seen.addAll(now);
            return isStill && isRefused("killed-" + copies.incrementAndGet());
        });
    }

    private boolean isRefused(String killed) {
        copy("task", killed);
        try {
            JoinStore store = open(killed).store();
            assertThat(store.committedOffset(CHANGELOG)).isEqualTo(10);
            assertThat(due(store)).containsExactly("31000 before");
            return false;
        } catch (TaskCorruptedException refused) {
            return true;
        }
    }

    /// Returns the names and sizes of a task's files.
    private List<String> files(String task) {
        try (Stream<Path> files = Files.walk(directory.resolve(task))) {
            return files.map(Path::toFile).filter(File::isFile).map(file -> file + " " + file.length()).sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void replaceIndex(String task, String from) {
        try {
            Utils.delete(directory.resolve(task + "/rocksdb/due").toFile());
            if (Files.exists(directory.resolve(from))) {
                copy(from + "/rocksdb/due", task + "/rocksdb/due");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void copy(String from, String to) {
        Path source = directory.resolve(from);
        try (Stream<Path> files = Files.walk(source)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                Files.createDirectories(directory.resolve(to));
                Path copy = directory.resolve(to).resolve(source.relativize(file));
                if (Files.isDirectory(file)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(file, copy);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
