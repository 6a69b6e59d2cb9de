package io.tidegrad.trainer.poll;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongPredicate;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EventsAheadTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
            model: m
            input: { topic: t }
            label: { field: over }
            features: [ { number: { field: a } }, { category: { field: place, buckets: 700, dimension: 2 } } ]
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { sgd: { rate: 0.1 } }
            mini-batch: { size: 1 }
            """, "test spec");

    private static final Schema EVENT = SchemaBuilder.record("Event").fields().requiredFloat("a")
            .requiredString("place").requiredInt("over").endRecord();

    private static final byte[] FATAL = "what nobody foresaw".getBytes(StandardCharsets.US_ASCII);

    /// As few rows in the ring as there can be.
    private static final int ROWS = 16;

    private static final Duration TEST_MAX = Duration.ofSeconds(30);

    private final SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", "mock://ahead"));
    private final AvroCodec codec = new AvroCodec(registry);
    private final int schemaId = registry.register("t-value", EVENT);
    private final EventPreparation own = preparation(registry);
    private final PreparedEvent ownEvent = own.newEvent();
    private final AtomicLong prepared = new AtomicLong();
    private final EventsAhead ahead = ahead(registry, ROWS, offset -> true);
    private long offset = 100;

    private static EventPreparation preparation(SchemaRegistry registry) {
        ValueDecoder decoder = ValueDecoder.of(SPEC, RecordDecoder.of(registry));
        return new EventPreparation(SPEC, value -> {
            if (Arrays.equals(value, FATAL)) {
                throw new StackOverflowError("thrown on purpose");
            }
            return decoder.decode(value);
        });
    }

    private EventsAhead ahead(SchemaRegistry registry, int rows, LongPredicate care) {
        return new EventsAhead("test", preparation(registry), rows, new EventsAhead.Care() {
            @Override
            public boolean begins(long offset) {
                if (!care.test(offset)) {
                    prepared.incrementAndGet();
                    return false;
                }
                return true;
            }

            @Override
            public void ends() {
                prepared.incrementAndGet();
            }
        });
    }

    @AfterEach
    void close() {
        ahead.close();
        awaitThread(null);
    }

    /// Good ones, ticks, broken ones, and ones at which the decoder throws an error.
    private List<ConsumerRecord<byte[], byte[]>> records(int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int i = 0; i < count; i++, offset += 1 + i % 3) {
            GenericData.Record event = new GenericData.Record(EVENT);
            event.put("a", (float) offset);
            event.put("place", "p" + offset);
            event.put("over", (int) offset % 2);
            byte[] good = codec.encode(schemaId, event);
            byte[] value = i % 7 == 3 ? Arrays.copyOf(good, good.length - 2) : i % 11 == 5 ? FATAL : good;
            ConsumerRecord<byte[], byte[]> record = new ConsumerRecord<>("t", 0, offset, new byte[0], value);
            if (i % 13 == 6) {
                record.headers().add(Tick.HEADER, new byte[0]);
            }
            records.add(record);
        }
        return records;
    }

    private static String described(PreparedEvent event) {
        return event.isRow() + " " + event.rejection() + " " + event.schemaId()
                + (event.isRow() ? Arrays.toString(event.row().numbers) + Arrays.toString(event.row().ids)
                        + Arrays.toString(event.row().labels) : "");
    }

    private @Nullable String ownDescription(ConsumerRecord<byte[], byte[]> record) {
        try {
            own.prepare(record.value(), record.headers(), ownEvent);
            return described(ownEvent);
        } catch (StackOverflowError fatal) {
            return null;
        }
    }

    /// Takes one event after the other, as the learning thread does, and returns how many were prepared.
    private int learn(List<ConsumerRecord<byte[], byte[]>> records, long number) {
        int taken = 0;
        for (int i = 0; i < records.size(); i++) {
            PreparedEvent event = ahead.take(number + i);
            if (event != null) {
                assertThat(described(event)).isEqualTo(ownDescription(records.get(i)));
                taken++;
            }
            ahead.passed(number + i);
            assertThat(ahead.take(number + i)).isNull();
        }
        return taken;
    }

    private static ConditionFactory await() {
        return Awaitility.await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(1)).atMost(TEST_MAX);
    }

    private void awaitPrepared(long count) {
        await().until(() -> prepared.get() >= count);
    }

    private static @Nullable Thread thread() {
        return Thread.getAllStackTraces().keySet().stream().filter(each -> each.getName().equals("read-ahead-test"))
                .findAny().orElse(null);
    }

    /// @param state null: it has ended
    private static void awaitThread(Thread.@Nullable State state) {
        await().until(() -> {
            Thread thread = thread();
            return state == null ? thread == null : thread != null && thread.getState() == state;
        });
    }

    @Test
    void whatIsPreparedAheadIsWhatTheLearningThreadWouldPrepare() {
        int taken = 0;
        for (int poll = 0; poll < 200; poll++) {
            List<ConsumerRecord<byte[], byte[]>> records = records(1 + poll);
            long before = prepared.get();
            long number = ahead.begin(records);
            if (poll % 3 == 0) {
                awaitPrepared(before + Math.min(ROWS, 1 + poll));
            }
            taken += learn(records, number);
        }
        assertThat(taken).isGreaterThan(200);
    }

    /// The first events of a poll are wanted at once: whatever else there is to do comes when they are prepared.
    @Test
    void whatElseThereIsToDoIsDoneOnceTheRingIsFull() {
        List<Long> preparedBefore = new CopyOnWriteArrayList<>();
        ahead.meanwhile(() -> {
            preparedBefore.add(prepared.get());
            return preparedBefore.size() <= 5;
        });
        ahead.begin(records(2 * ROWS));
        awaitThread(Thread.State.WAITING);
        assertThat(preparedBefore).isEqualTo(Collections.nCopies(6, (long) ROWS));
    }

    @Test
    void anEventAtWhichSomethingIsThrownIsLeftToTheLearningThread() {
        List<ConsumerRecord<byte[], byte[]>> records = records(ROWS);
        long number = ahead.begin(records);
        awaitPrepared(ROWS);
        for (int i = 0; i < ROWS; i++) {
            boolean fatal = records.get(i).value() == FATAL && records.get(i).headers().lastHeader(Tick.HEADER) == null;
            assertThat(ahead.take(number + i) == null).as("record %d", i).isEqualTo(fatal);
        }
    }

    /// After a rebalance or an exception, Streams drops what it has, and the same records may come again.
    @Test
    void whatIsDroppedIsNeverTaken() {
        for (int round = 0; round < 20; round++) {
            List<ConsumerRecord<byte[], byte[]>> first = records(100);
            long before = prepared.get();
            long number = ahead.begin(first);
            awaitPrepared(before + 1);
            learn(first.subList(0, 5 + round), number);
            ahead.drop();
            assertThat(ahead.take(number + 5 + round)).isNull();
            List<ConsumerRecord<byte[], byte[]>> again = records(ROWS);
            long numberAgain = ahead.begin(again);
            for (int i = 0; i < ROWS; i++) {
                long next = numberAgain + i;
                if (again.get(i).value() != FATAL) {
                    await().until(() -> ahead.take(next) != null);
                }
            }
            assertThat(learn(again, numberAgain)).isGreaterThan(ROWS / 2);
        }
    }

    /// Of the events in between, which Streams dropped by itself, nobody tells.
    @Test
    void eventsMayBeLeftOut() {
        List<ConsumerRecord<byte[], byte[]>> records = records(1_000);
        long number = ahead.begin(records);
        learn(records.subList(0, 10), number);
        long next = number + 908;
        ahead.passed(next - 1);
        await().until(() -> ahead.take(next) != null);
        learn(records.subList(908, 1_000), next);
    }

    @Test
    void theThreadSleepsWhenThereIsNoRoomOrNothingToDo() {
        List<ConsumerRecord<byte[], byte[]>> records = records(3 * ROWS);
        long number = ahead.begin(records);
        awaitPrepared(ROWS);
        awaitThread(Thread.State.WAITING);
        assertThat(prepared).hasValue(ROWS);
        learn(records.subList(0, ROWS / 2 - 1), number);
        assertThat(prepared).hasValue(ROWS); // woken once for half of the ring
        learn(records.subList(ROWS / 2 - 1, ROWS), number + ROWS / 2 - 1);
        awaitPrepared(ROWS + ROWS / 2);
        ahead.drop();
        awaitThread(Thread.State.TIMED_WAITING);
    }

    /// Else the events of a poll would stay for as long as the other thread is held up.
    @Test
    void eventsThatAreLearnedAreLetGoOfWhileTheOtherThreadIsHeldUp() throws InterruptedException {
        CountDownLatch held = new CountDownLatch(1);
        List<WeakReference<List<ConsumerRecord<byte[], byte[]>>>> polls = new ArrayList<>();
        try (EventsAhead behind = ahead(registry, ROWS, offset -> {
            try {
                return held.await(TEST_MAX.toSeconds(), TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        })) {
            for (int poll = 0; poll < 50; poll++) {
                List<ConsumerRecord<byte[], byte[]>> records = records(300);
                polls.add(new WeakReference<>(records));
                long number = behind.begin(records);
                behind.passed(number + 299);
            }
            await().until(() -> {
                System.gc();
                return polls.stream().filter(each -> each.get() != null).count() <= 2; // the one that it is at, and the last
            });
            held.countDown();
        }
    }

    @Test
    void oneWhoCanNotPrepareTakesNoMoreEvents() {
        try (EventsAhead broken = new EventsAhead("broken", preparation(registry), ROWS, new EventsAhead.Care() {
            @Override
            public boolean begins(long offset) {
                throw new OutOfMemoryError("thrown on purpose");
            }

            @Override
            public void ends() {}
        })) {
            assertThat(broken.begin(records(300))).isZero();
            await().until(() -> broken.begin(records(300)) == EventsAhead.NOT_AHEAD);
            assertThat(broken.take(0)).isNull();
            broken.passed(299);
            broken.drop();
        }
    }

    @Test
    void whatMustNotBePreparedIsNot() {
        List<ConsumerRecord<byte[], byte[]>> records = records(ROWS);
        long from = records.get(7).offset();
        try (EventsAhead careful = ahead(registry, ROWS, offset -> offset >= from)) {
            long number = careful.begin(records);
            awaitPrepared(ROWS);
            for (int i = 0; i < 7; i++) {
                assertThat(careful.take(number + i)).isNull();
            }
            assertThat(careful.take(number + 7)).isNotNull();
        }
    }

    /// The registry is asked by the learning thread, which knows how long it may wait.
    @Test
    void aSchemaThatNobodyHasAskedForYetIsNotAskedFor() {
        InMemorySchemaRegistry answers = new InMemorySchemaRegistry();
        int id = answers.register("t-value", EVENT);
        assertThat(answers.known(id)).isEqualTo(EVENT);
        SchemaRegistry forgetful = new SchemaRegistry() {
            private boolean asked;

            @Override
            public Schema schemaById(int id) {
                asked = true;
                return answers.schemaById(id);
            }

            @Override
            public @Nullable Schema known(int id) {
                return asked ? answers.schemaById(id) : null;
            }

            @Override
            public int register(String subject, Schema schema) {
                return answers.register(subject, schema);
            }

            @Override
            public int idOf(String subject, Schema schema) {
                return answers.idOf(subject, schema);
            }

            @Override
            public Registered latestVersion(String subject) {
                return answers.latestVersion(subject);
            }

            @Override
            public List<Registered> versions(String subject, int most) {
                return answers.versions(subject, most);
            }

            @Override
            public void close() {}
        };
        RecordDecoder decoder = RecordDecoder.of(forgetful);
        EventPreparation preparation =
                new EventPreparation(SPEC, ValueDecoder.of(SPEC, Objects.requireNonNull(decoder.ahead())));
        List<ConsumerRecord<byte[], byte[]>> records = records(3);
        try (EventsAhead careful = new EventsAhead("careful", preparation, ROWS, new EventsAhead.Care() {
            @Override
            public boolean begins(long offset) {
                return true;
            }

            @Override
            public void ends() {
                prepared.incrementAndGet();
            }
        })) {
            long number = careful.begin(records);
            awaitPrepared(3);
            assertThat(careful.take(number)).isNull();
            ValueDecoder.of(SPEC, decoder).decode(records.getFirst().value());
            careful.passed(number + 2);
            long next = careful.begin(records);
            await().until(() -> careful.take(next) != null);
        }
    }
}
