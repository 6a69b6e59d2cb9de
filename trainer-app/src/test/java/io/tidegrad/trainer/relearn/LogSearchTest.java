package io.tidegrad.trainer.relearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.trainer.simulation.PlainLogHash;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.LogHash;
import io.tidegrad.trainer.store.RunningHash;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/// The hash of what was learned, and the search in a copy.
class LogSearchTest {
    private static final int LEARNED = 10_000;

    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: m
                    input: { topic: log }
                    label: { field: over }
                    features: [ number: { field: a } ]
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    """, "spec");

    private static byte @Nullable [] bytes(@Nullable String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    @SuppressWarnings("NullAway") // keys and values may be null
    private static ConsumerRecord<byte[], byte[]> record(String topic, long offset, long time, @Nullable String key,
            @Nullable String value, String... headers) {
        RecordHeaders all = new RecordHeaders();
        for (int i = 0; i < headers.length; i += 2) {
            all.add(headers[i], headers[i + 1].isEmpty() ? null : bytes(headers[i + 1]));
        }
        return new ConsumerRecord<>(topic, 0, offset, time, TimestampType.CREATE_TIME, 0, 0, bytes(key), bytes(value),
                all, Optional.empty());
    }

    private static ConsumerRecord<byte[], byte[]> event(int i) {
        return record("log", i, i, i % 3 == 0 ? null : "key " + i % 5, "event " + i, "tidegrad-example", "1 " + i % 2);
    }

    private static final List<ConsumerRecord<byte[], byte[]>> EVENTS =
            IntStream.range(0, 21_000).mapToObj(LogSearchTest::event).toList();

    private static List<ConsumerRecord<byte[], byte[]>> events(int from, int to) {
        return EVENTS.subList(from, to);
    }

    private static LogHash hash(long before, LogHash at, List<ConsumerRecord<byte[], byte[]>> records) {
        RunningHash hash = new RunningHash(before, at);
        records.forEach(hash::add);
        return hash.now();
    }

    private static String chain(ConsumerRecord<byte[], byte[]> record) {
        return hash(0, LogHash.NOTHING, List.of(record)).chain();
    }

    /// From Python: `hashlib.sha256(before + record).hexdigest()`, with lengths by `struct.pack('>i', n)`.
    @Test
    void theHashIsWhatThePageSays() {
        List<ConsumerRecord<byte[], byte[]>> records = List.of(record("t", 0, 0, "k", "value"),
                record("t", 1, 0, null, "v2", "trace", "x", "tidegrad-example", "1 e"),
                record("t", 2, 0, "", null, "tidegrad-tick", ""));
        assertThat(hash(0, LogHash.NOTHING, records.subList(0, 1)).chain())
                .isEqualTo("a4d1081d42d3236be846428230f5003581a535a84d5f7af1177efe36f140d5ab");
        assertThat(hash(0, LogHash.NOTHING, records.subList(0, 2)).chain())
                .isEqualTo("bbb39e8cb13753dcd3d14d83388115f054c13760df404ca7d5ba7c46d9f68262");
        assertThat(hash(0, LogHash.NOTHING, records).chain())
                .isEqualTo("de23e9704dc39d5b1d2c3b036b41ec4dacf13bf7ecaa530885a2f0cb65d948e7");
        assertThat(new RunningHash(0, LogHash.NOTHING).alone(records.get(1)))
                .isEqualTo("d5c21e435ef800677041431f20d159ecaeb5d0ad1a0048c718256ca1c9f964bb");
    }

    @Test
    void whereARecordLiesDoesNotMatterAndEverythingThatCanBeLearnedDoes() {
        String expected = chain(record("log", 5, 7, "k", "v", "tidegrad-example", "1"));
        assertThat(chain(record("other", 6, 8, "k", "v", "trace", "id", "tidegrad-example", "1"))).isEqualTo(expected);
        for (ConsumerRecord<byte[], byte[]> other : List.of(record("log", 5, 7, "K", "v", "tidegrad-example", "1"),
                record("log", 5, 7, "k", "V", "tidegrad-example", "1"),
                record("log", 5, 7, "k", "v", "tidegrad-example", "2"),
                record("log", 5, 7, "k", "v", "tidegrad-examplf", "1"), record("log", 5, 7, "k", "v"),
                record("log", 5, 7, "kv", "", "tidegrad-example", "1"),
                record("log", 5, 7, null, "v", "tidegrad-example", "1"))) {
            assertThat(chain(other)).isNotEqualTo(expected);
        }
        assertThat(chain(record("log", 0, 0, "", "v"))).isNotEqualTo(chain(record("log", 0, 0, null, "v")));
        assertThat(hash(0, LogHash.NOTHING, List.of(event(2), event(1))).chain())
                .isNotEqualTo(hash(0, LogHash.NOTHING, List.of(event(1), event(2))).chain());
    }

    /// Whatever the sizes of the records, and wherever a state was kept in between.
    @Test
    void aStateThatIsRestoredGoesOnWithTheSameHash() {
        SplittableRandom random = new SplittableRandom(1);
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < 5_000; i++) {
            records.add(record("log", i, 0, "k", "x".repeat(random.nextInt(i % 100 == 0 ? 200_000 : 300))));
        }
        LogHash whole = hash(0, LogHash.NOTHING, records);
        String plain = PlainLogHash.NOTHING;
        for (ConsumerRecord<byte[], byte[]> record : records) {
            plain = PlainLogHash.after(plain, record);
        }
        assertThat(whole.chain()).isEqualTo(plain);
        LogHash inParts = LogHash.NOTHING;
        for (int at = 0; at < records.size();) {
            int to = Math.min(records.size(), at + random.nextInt(200));
            inParts = hash(at, inParts, records.subList(at, to));
            at = to;
        }
        assertThat(inParts).isEqualTo(whole);
        RunningHash ahead = new RunningHash(0, LogHash.NOTHING);
        RunningHash behind = new RunningHash(0, LogHash.NOTHING);
        RunningHash.Mark mark = new RunningHash.Mark();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            ahead.add(record);
            ahead.copyTo(mark);
            behind.add(mark);
        }
        assertThat(behind.now()).isEqualTo(whole);
    }

    @Test
    void fewAnchorsAreKeptAndTheyLieTheDenserTheNewer() {
        List<Long> counts =
                hash(0, LogHash.NOTHING, events(0, LEARNED)).anchors().stream().map(LogHash.Anchor::count).toList();
        assertThat(counts).containsExactly(0L, 6_144L, 8_192L, 9_920L, 9_984L);
        assertThat(hash(0, LogHash.NOTHING, List.of()).isEmpty()).isTrue();
    }

    // ---- the search ----

    private static Accounts learned(LogHash hash, long records) {
        return new Accounts(records - 2, 1, 1, hash);
    }

    /// Records of a copy, whose offsets have gaps.
    private static LogSearch search(Accounts learned, List<ConsumerRecord<byte[], byte[]>> copied) {
        LogSearch search = new LogSearch(learned);
        long offset = 100;
        for (ConsumerRecord<byte[], byte[]> record : copied) {
            boolean goesOn = search.add(new ConsumerRecord<>("copy", 0, offset, 0, TimestampType.CREATE_TIME, 0, 0,
                    record.key(), record.value(), record.headers(), Optional.empty()));
            if (!goesOn) {
                break;
            }
            offset += offset % 10 == 9 ? 3 : 1;
        }
        return search;
    }

    private static LogSearch.Found found(Accounts learned, List<ConsumerRecord<byte[], byte[]>> copied) {
        return search(learned, copied).found("m", "copy");
    }

    /// Returns the offset after `records` records of a copy.
    private static long after(int records) {
        long offset = 100;
        long next = 100;
        for (int i = 0; i < records; i++) {
            next = offset + 1;
            offset += offset % 10 == 9 ? 3 : 1;
        }
        return next;
    }

    private static void refused(Accounts learned, List<ConsumerRecord<byte[], byte[]>> copied, String... why) {
        assertThatThrownBy(() -> found(learned, copied)).isInstanceOf(StopException.class)
                .hasMessageContaining("model m: expected in copy the records that the model has learned")
                .hasMessageContainingAll(why);
    }

    private static Accounts learned() {
        return learned(hash(0, LogHash.NOTHING, events(0, LEARNED)), LEARNED);
    }

    @Test
    void thePlaceIsFoundWhereverTheCopyBeginsAndEnds() {
        assertThat(found(learned(), events(0, 12_000))).isEqualTo(new LogSearch.Found(after(LEARNED), 0));
        assertThat(found(learned(), events(0, LEARNED)).nextOffset()).isEqualTo(after(LEARNED));
        for (int begin : new int[]{1, 6_144, 6_145, 8_192, 8_193, 9_920}) {
            LogSearch.Found found = found(learned(), events(begin, 10_500));
            assertThat(found.nextOffset()).isEqualTo(after(LEARNED - begin));
            assertThat(found.since()).isGreaterThanOrEqualTo(begin);
        }
        refused(learned(), events(9_985, 10_500), "none of those that follow record 0, 6,144, 8,192, 9,920, 9,984");
        refused(learned(), events(20_000, 20_500), "it begins later, or is no copy of the log");
    }

    /// As of the newest anchor, a few records or a single one may be like those of another place.
    @Test
    void fewEqualRecordsProveNothing() {
        refused(learned(), events(9_921, 10_500),
                "found only the last 16 of them to compare, where 64 have to be alike",
                "Copy the topic again, from further back");
        Accounts one = learned(hash(0, LogHash.NOTHING, events(0, 9_985)), 9_985);
        refused(one, events(9_984, 10_500), "only the last 1 of them");
        assertThat(found(one, events(9_920, 10_500)).since()).as("64 and one").isEqualTo(9_920);
        Accounts more = learned(hash(0, LogHash.NOTHING, events(0, 9_984)), 9_984);
        assertThat(found(more, events(9_920, 10_500)).since()).as("64").isEqualTo(9_920);
        for (int hashed : new int[]{1, 63, 64}) {
            LogHash later = hash(LEARNED, new Accounts(LEARNED, 0, 0).hash(), events(LEARNED, LEARNED + hashed));
            Accounts learned = learned(later, LEARNED + hashed);
            if (hashed < 64) {
                refused(learned, events(9_000, 12_000), "only the last " + hashed + " of them to compare",
                        "Let a trainer learn more");
            } else {
                assertThat(found(learned, events(9_000, 12_000)).nextOffset()).isEqualTo(after(1_000 + hashed));
            }
        }
    }

    /// All that they have learned is compared.
    @Test
    void aModelWithFewRecordsIsFoundToo() {
        for (int count : new int[]{1, 2, 63, 64, 65}) {
            Accounts learned = new Accounts(count, 0, 0, hash(0, LogHash.NOTHING, events(0, count)));
            assertThat(found(learned, events(0, 200)).nextOffset()).isEqualTo(after(count));
        }
    }

    @Test
    void aRecordThatIsLostAddedOrChangedIsNoticedAndSaidBetweenWhichPlaces() {
        for (int at : new int[]{9_950, 9_990, 9_999}) {
            List<ConsumerRecord<byte[], byte[]>> lost = new ArrayList<>(events(0, 12_000));
            lost.remove(at);
            String agreed = at < 9_984 ? "record 9,920, before offset " + String.format("%,d", after(9_920))
                    : "record 9,984, before offset " + String.format("%,d", after(9_984));
            refused(learned(), lost, "that the hashes agree up to " + agreed, "lacks a record, or has another one",
                    at < 9_984 ? "do not at record 9,984" : "do not at record 10,000");
            List<ConsumerRecord<byte[], byte[]>> added = new ArrayList<>(events(0, 12_000));
            added.add(at, event(at - 1));
            refused(learned(), added, "that the hashes agree up to " + agreed);
            List<ConsumerRecord<byte[], byte[]>> changed = new ArrayList<>(events(0, 12_000));
            changed.set(at, event(at + 7));
            refused(learned(), changed, "that the hashes agree up to " + agreed);
        }
    }

    /// The state comes from the log, so a mistake of the copy before the newest places does no harm.
    @Test
    void whatTheCopyLacksLongBeforeIsToldByHowMuchWasCompared() {
        List<ConsumerRecord<byte[], byte[]>> lost = new ArrayList<>(events(0, 12_000));
        lost.remove(3_000);
        assertThat(found(learned(), lost)).isEqualTo(new LogSearch.Found(after(LEARNED - 1), 6_144));
    }

    @Test
    void aCopyThatIsBehindIsSaidToBe() {
        refused(learned(), events(0, 9_993),
                "that the copy ends after record 9,993; the hashes agree up to record 9,984", "Let the rest be copied");
    }

    @Test
    void recordsThatRepeatEachOtherTellNothing() {
        List<ConsumerRecord<byte[], byte[]>> same = IntStream.range(0, 500).mapToObj(i -> event(1)).toList();
        Accounts learned = learned(hash(0, LogHash.NOTHING, same.subList(0, 300)), 300);
        refused(learned, same, "them before offset", "the records repeat each other");
        LogSearch search = new LogSearch(learned);
        assertThat(same.stream().takeWhile(search::add).count()).as("records after which more tell nothing")
                .isLessThan(200);
        List<ConsumerRecord<byte[], byte[]>> many = IntStream.range(0, 20_000).mapToObj(i -> event(1)).toList();
        refused(learned(hash(0, LogHash.NOTHING, many.subList(0, LEARNED)), LEARNED), many, "them before offset");
    }

    private static List<ConsumerRecord<byte[], byte[]>> withTicks(int every) {
        return IntStream.range(0, 21_000)
                .mapToObj(i -> i % every == 0 ? record("log", i, i, null, null, "tidegrad-tick", "") : event(i))
                .toList();
    }

    /// As ticks of a quiet log do. Behind the newest places there are few records, so these always tell.
    @LongProof("four logs of 21,000 records")
    @Test
    void aRecordThatComesOftenIsNoHarmWhereOthersTellMore() {
        for (int every : new int[]{2, 3, 40}) {
            List<ConsumerRecord<byte[], byte[]>> events = withTicks(every);
            Accounts learned = learned(hash(0, LogHash.NOTHING, events.subList(0, LEARNED)), LEARNED);
            LogSearch.Found found = found(learned, events);
            assertThat(found.nextOffset()).isEqualTo(after(LEARNED));
            assertThat(found.since()).as("every " + every).isEqualTo(every == 2 ? 9_920 : every == 3 ? 8_192 : 6_144);
            List<ConsumerRecord<byte[], byte[]>> lost = new ArrayList<>(events);
            lost.remove(9_951);
            refused(learned, lost, "found");
            refused(learned, events.subList(0, 9_991), "that the copy ends after record 9,991");
        }
        List<ConsumerRecord<byte[], byte[]>> rare = withTicks(200);
        assertThat(found(learned(hash(0, LogHash.NOTHING, rare.subList(0, LEARNED)), LEARNED), rare))
                .isEqualTo(new LogSearch.Found(after(LEARNED), 0));
    }

    /// A copy that holds the log twice has two places, also where ticks have made an anchor useless in between.
    @Test
    void aLogThatWasCopiedTwiceTellsNothing() {
        List<ConsumerRecord<byte[], byte[]>> events = withTicks(3_072); // behind anchors 0 and 6,144
        List<ConsumerRecord<byte[], byte[]>> twice = new ArrayList<>(events.subList(6_000, LEARNED));
        twice.addAll(Collections.nCopies(1_000, events.getFirst()));
        twice.addAll(events.subList(6_000, LEARNED));
        refused(learned(hash(0, LogHash.NOTHING, events.subList(0, LEARNED)), LEARNED), twice, "them before offset");
    }

    /// Hashing began in such a night, so that a few equal records lead to an anchor.
    @Test
    void moreThanCanBeFollowedTellNothing() {
        List<ConsumerRecord<byte[], byte[]>> same = new ArrayList<>(Collections.nCopies(1_000, event(1)));
        same.addAll(events(0, 100));
        LogHash hash = hash(65_530, new Accounts(65_530, 0, 0).hash(), same);
        refused(learned(hash, 66_630), Collections.nCopies(5_000, event(1)), "more than 128 places where they may be");
    }

    /// The state was left in such a night, or some time after it.
    @LongProof("four searches of 21,000 records")
    @Test
    void aNightOfTicksIsNoHarm() {
        List<ConsumerRecord<byte[], byte[]>> night = IntStream.range(0, 21_000)
                .mapToObj(
                        i -> i >= 5_000 && i < 15_000 ? record("log", i, i, null, null, "tidegrad-tick", "") : event(i))
                .toList();
        for (int count : new int[]{12_000, 15_064, 15_100, 16_500}) {
            Accounts learned = learned(hash(0, LogHash.NOTHING, night.subList(0, count)), count);
            assertThat(found(learned, night)).isEqualTo(new LogSearch.Found(after(count), 0));
            if (count == 12_000) {
                refused(learned, night.subList(5_001, 20_000), "the records repeat each other");
            } else {
                assertThat(found(learned, night.subList(14_500, 20_000)).nextOffset()).isEqualTo(after(count - 14_500));
            }
        }
    }

    /// Repeated records that the hash before them tells apart are no harm.
    @Test
    void aRepeatedRecordBehindAnAnchorIsTriedAndGivenUp() {
        List<ConsumerRecord<byte[], byte[]>> copied = new ArrayList<>(events(0, 300));
        copied.addAll(List.of(event(0), event(64), event(0)));
        copied.addAll(events(300, 400));
        Accounts learned = learned(hash(0, LogHash.NOTHING, events(0, 250)), 250);
        assertThat(found(learned, copied)).isEqualTo(new LogSearch.Found(after(250), 0));
    }

    /// A part of the log that comes again agrees at a later anchor only.
    @Test
    void aRepeatedPartThatAgreesForAWhileDoesNotHideThePlace() {
        Accounts learned = learned(hash(0, LogHash.NOTHING, events(0, 250)), 250); // anchors 0, 128, 192
        List<ConsumerRecord<byte[], byte[]>> copied = new ArrayList<>(events(0, 300));
        copied.addAll(events(128, 200));
        copied.addAll(events(300, 400));
        assertThat(found(learned, copied)).isEqualTo(new LogSearch.Found(after(250), 0));
        copied.remove(100);
        assertThat(found(learned, copied)).as("begins at 128 too").isEqualTo(new LogSearch.Found(after(249), 128));
        copied.remove(150);
        refused(learned, copied, "that the hashes agree up to record 192, before offset " + after(362),
                "do not at record 250");
    }

    /// Ticks behind the newest anchor begin there in vain.
    @Test
    void howFarTheHashesAgreeIsToldOfTheLogAndNotOfRecordsThatLookAlike() {
        List<ConsumerRecord<byte[], byte[]>> events = withTicks(3);
        Accounts learned = learned(hash(0, LogHash.NOTHING, events.subList(0, LEARNED)), LEARNED);
        List<ConsumerRecord<byte[], byte[]>> lost = new ArrayList<>(events);
        lost.remove(9_950);
        refused(learned, lost,
                "that the hashes agree up to record 9,920, before offset " + String.format("%,d", after(9_920)),
                "do not at record 9,984");
    }

    /// A rollback left out what lies between.
    @Test
    void whatAModelLeftOutIsPassedOver() {
        Accounts before = new Accounts(1_000, 0, 0, hash(0, LogHash.NOTHING, events(0, 1_000)));
        Accounts learned = learned(hash(1_000, before.afterGap().hash(), events(1_200, 1_400)), 1_200);
        assertThat(found(learned, events(0, 1_500))).isEqualTo(new LogSearch.Found(after(1_400), 1_000));
    }

    /// On at offset 300.
    private static ControlAction.Rollback rollback(long nextOffset, int numerics) {
        return new ControlAction.Rollback(2, new ControlAction.Base(1, 190, "ab".repeat(32), nextOffset), 300,
                numerics);
    }

    private static void noHash(String why, long nextOffset, ControlAction.Rollback... rollbacks) {
        Lineage lineage = new Lineage(SPEC, rollbacks.length + 1, new TopicPartition("log", 0), Uuid.ZERO_UUID, 0,
                List.of(rollbacks));
        assertThatThrownBy(() -> LogSearch.requireHash(lineage, nextOffset, new Accounts(1_000, 0, 0)))
                .isInstanceOf(StopException.class).hasMessageStartingWith(why)
                .hasMessageEndingWith("and copy the changelog again");
    }

    @Test
    void aStateOfABuildWithoutHashesSaysSoAndOneThatWentOnIsFound() {
        String none =
                "model m: expected a state with a hash of the 1,000 records that it has learned, found one without: ";
        noHash(none + "an earlier build wrote it", 300);
        noHash(none + "an earlier build wrote it", 300, rollback(300, 0)); // which left nothing out
        noHash(none + "an earlier build wrote it", 301, rollback(200, 0));
        noHash(none + "an earlier build wrote it", 300, rollback(200, 2));
        noHash(none + "nothing was learned since a rollback left something out", 300, rollback(200, 0));
        LogHash later = hash(LEARNED, new Accounts(LEARNED, 0, 0).hash(), events(LEARNED, LEARNED + 80));
        assertThat(found(learned(later, LEARNED + 80), events(9_000, 12_000)))
                .isEqualTo(new LogSearch.Found(after(1_080), LEARNED));
    }

    /// Prints what hashing a record costs, by the size of its value.
    @EnabledIfSystemProperty(named = "tidegrad.speed.seconds", matches = "[0-9]+")
    @Test
    void whatHashingCosts() {
        long nanos = 1_000_000_000L * Integer.getInteger("tidegrad.speed.seconds");
        for (int size : new int[]{50, 100, 150, 200, 1_000}) {
            ConsumerRecord<byte[], byte[]> record = record("log", 0, 0, null, "x".repeat(size));
            RunningHash hash = new RunningHash(0, LogHash.NOTHING);
            measured(hash, record, nanos / 2); // warms up
            System.out.printf("value of %d bytes: %.0f ns of CPU time a record%n", size, measured(hash, record, nanos));
        }
    }

    private static double measured(RunningHash hash, ConsumerRecord<byte[], byte[]> record, long nanos) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long begin = threads.getCurrentThreadCpuTime();
        long records = 0;
        while (threads.getCurrentThreadCpuTime() - begin < nanos) {
            for (int i = 0; i < 10_000; i++) {
                hash.add(record);
            }
            records += 10_000;
        }
        return (double) (threads.getCurrentThreadCpuTime() - begin) / records;
    }
}
