package io.tidegrad.scorer;

import io.tidegrad.model.stream.Served;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes to a topic which events were scored and what was answered, so that a stream can join labels to what was really
/// served. An event is a record with its id as key, the event's own bytes as value, and the header of `Served`.
///
/// Whoever scores waits for nothing: an event is taken into a buffer of bounded size and written by a thread of the log's
/// own, by an idempotent producer that waits for all replicas and tries for as long as it takes. When the buffer is full,
/// events are refused and counted. Thread-safe.
///
/// ```java
/// try (ServedLog log = ServedLog.open("payments-scored", kafka, ServedLog.BUFFER_BYTES)) {
///     Prediction prediction = scorer.score(record);
///     log.write(id, value, prediction.served(System.currentTimeMillis()));
/// }
/// ```
public final class ServedLog implements AutoCloseable {
    /// A bound for the buffer that holds some 100,000 events of ordinary size.
    public static final long BUFFER_BYTES = 32L << 20;

    /// What an entry and each record of it take beside their bytes: objects, and the producer's own.
    private static final int OVERHEAD_BYTES = 256;

    private static final int KEY_BYTES_MAX = 1_000;

    /// How long closing waits for acknowledgements. Before, it waits a second longer for the thread.
    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(5);

    private static final long TRY_AGAIN_MILLIS = 100;

    /// Before another producer is made: each has threads and connections of its own.
    private static final long OPEN_AGAIN_MILLIS = 1_000;

    /// How long an entry may wait for the topic before that counts as a problem.
    private static final long LATE_NANOS = TimeUnit.SECONDS.toNanos(10);

    /// How long a loss is shown as a problem.
    private static final long SHOWN_NANOS = TimeUnit.MINUTES.toNanos(1);

    private static final String NOT_WRITTEN = "closed before it was written";

    private static final Logger log = LoggerFactory.getLogger(ServedLog.class);

    /// Why an event that was scored is not in the log.
    public enum Loss {
        /// The buffer was full.
        FULL,
        /// Its schema can't hold it.
        UNWRITABLE,
        /// Kafka refused the record.
        REFUSED,
        /// The log was closed before it was written.
        CLOSED;

        private final String code = name().toLowerCase(Locale.ROOT);

        public String code() {
            return code;
        }
    }

    /// Something that was scored, as one or several records. They are made by the log's thread.
    public interface Entry {
        /// About how much memory it holds.
        int bytes();

        /// Adds the records. Called again, on the same thread, until it returns null.
        ///
        /// @return why that is not possible yet, and nothing was added; null if it is done
        @Nullable
        String write(Records to);
    }

    /// Takes an entry's records.
    public interface Records {
        /// @param trace of the request; null if it has none
        void add(byte[] key, byte[] value, Served served, @Nullable TraceContext trace);

        /// Notes that a record of the entry can't be made.
        void unwritable(String why);
    }

    private final String topic;
    private final long bufferBytes;
    private final LinkedBlockingQueue<Taken> queue = new LinkedBlockingQueue<>();
    private final AtomicLong buffered = new AtomicLong();
    private final LongAdder written = new LongAdder();
    private final LongAdder[] lost = new LongAdder[Loss.values().length]; // by ordinal
    private final Function<Map<String, Object>, Producer<byte[], byte[]>> open;
    private final Map<String, Object> settings;
    private final Duration closeWithin;
    private final LongSupplier nanoTime;
    private final Thread thread;
    private volatile boolean closed;
    private volatile boolean ended; // nothing is written any more
    private volatile @Nullable String waitsFor; // why the head of the queue is not written yet
    private volatile long since; // when Kafka last answered, or something came into the empty buffer
    private volatile @Nullable Problem lastLoss;
    private final AtomicLong nextLine;
    private final AtomicLong notTold = new AtomicLong();

    private record Problem(String text, long atNanos) {
    }

    /// An entry in the buffer, until all of its records are written.
    private final class Taken implements Records {
        private final Entry entry;
        private final int records;
        private final long bytes;
        private final AtomicInteger open = new AtomicInteger(1); // records under way, and one for the entry
        private int made; // records that were sent or can't be; the thread's

        Taken(Entry entry, int records, long bytes) {
            this.entry = entry;
            this.records = records;
            this.bytes = bytes;
        }

        void done() {
            if (open.decrementAndGet() == 0) {
                buffered.addAndGet(-bytes);
            }
        }

        @Override
        public void add(byte[] key, byte[] value, Served served, @Nullable TraceContext trace) {
            RecordHeaders headers = new RecordHeaders();
            served.writeTo(headers);
            if (trace != null) {
                trace.writeTo(headers);
            }
            open.incrementAndGet();
            try {
                producer().send(new ProducerRecord<>(topic, null, served.time(), key, value, headers),
                        (sent, failed) -> sent(failed));
            } catch (RuntimeException | Error e) {
                open.decrementAndGet(); // nobody calls back
                throw e;
            }
            made++;
        }

        private void sent(@Nullable Exception failed) {
            since = nanoTime.getAsLong();
            if (failed == null) {
                written.increment();
            } else {
                lose(closed ? Loss.CLOSED : Loss.REFUSED, 1, failed.getMessage(), null);
            }
            done();
        }

        /// Gives up the records that are not made yet.
        ///
        /// @param cause null if `detail` says all
        void giveUp(Loss why, @Nullable String detail, @Nullable Throwable cause) {
            int left = records - made;
            made = records;
            if (left > 0) {
                lose(why, left, detail, cause);
            }
        }

        @Override
        public void unwritable(String why) {
            made++;
            lose(Loss.UNWRITABLE, 1, why, null);
        }
    }

    private @Nullable Producer<byte[], byte[]> producer; // the thread's

    private ServedLog(String topic, Map<String, Object> producer, long bufferBytes, Duration closeWithin,
            LongSupplier nanoTime, Function<Map<String, Object>, Producer<byte[], byte[]>> open) {
        this.topic = topic;
        this.bufferBytes = bufferBytes;
        this.closeWithin = closeWithin;
        this.nanoTime = nanoTime;
        this.open = open;
        since = nanoTime.getAsLong();
        nextLine = new AtomicLong(since);
        for (int i = 0; i < lost.length; i++) {
            lost[i] = new LongAdder();
        }
        settings = new HashMap<>(producer);
        settings.put(ProducerConfig.CLIENT_ID_CONFIG, "tidegrad-served-" + topic);
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        // The buffer bounds what waits here, and its owner decides what is lost: the producer gives nothing up.
        settings.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, Integer.MAX_VALUE);
        settings.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, Long.MAX_VALUE);
        settings.putIfAbsent(ProducerConfig.LINGER_MS_CONFIG, 20);
        settings.putIfAbsent(ProducerConfig.BATCH_SIZE_CONFIG, 64 * 1024);
        settings.putIfAbsent(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
        thread = Thread.ofPlatform().name("tidegrad-served-" + topic).daemon().unstarted(this::run);
    }

    /// Opens a log and returns at once; whether Kafka can be reached shows later, in `problem`.
    ///
    /// @param topic of the log, which must be there
    /// @param producer settings of Kafka's producer, `bootstrap.servers` among them
    /// @param bufferBytes how much may wait to be written
    public static ServedLog open(String topic, Map<String, Object> producer, long bufferBytes) {
        return open(topic, producer, bufferBytes, CLOSE_WITHIN, System::nanoTime,
                settings -> new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer()));
    }

    static ServedLog open(String topic, Map<String, Object> producer, long bufferBytes, Duration closeWithin,
            LongSupplier nanoTime, Function<Map<String, Object>, Producer<byte[], byte[]>> open) {
        ServedLog opened = new ServedLog(topic, producer, bufferBytes, closeWithin, nanoTime, open);
        opened.thread.start();
        return opened;
    }

    public String topic() {
        return topic;
    }

    /// Takes an event that was scored. Returns false if there is no room for it.
    ///
    /// @param key the event's id, at most 1,000 bytes of UTF-8
    /// @param value the event in Confluent's wire format, or in JSON; not to be changed afterwards
    public boolean write(byte[] key, byte[] value, Served served) {
        return write(key, value, served, null);
    }

    /// Takes an event that was scored. Returns false if there is no room for it.
    ///
    /// @param key as above
    /// @param value as above
    /// @param trace in which it was asked for; null for none
    public boolean write(byte[] key, byte[] value, Served served, @Nullable TraceContext trace) {
        if (key.length == 0 || key.length > KEY_BYTES_MAX) {
            throw new IllegalArgumentException(
                    "expected an id of 1 to " + KEY_BYTES_MAX + " bytes, found " + key.length);
        }
        return offer(1, new Entry() {
            @Override
            public int bytes() {
                return key.length + value.length + (trace == null ? 0 : trace.length())
                        + Float.BYTES * (served.predictions().length + served.memberOutputs().length);
            }

            @Override
            public @Nullable String write(Records to) {
                to.add(key, value, served, trace);
                return null;
            }
        });
    }

    /// Takes an entry whose records are made later. Returns false if there is no room for it; it is then counted.
    ///
    /// @param records how many events it has
    public boolean offer(int records, Entry entry) {
        long bytes = entry.bytes() + (1L + records) * OVERHEAD_BYTES;
        if (closed) {
            lose(Loss.CLOSED, records, "the log is closed", null);
            return false;
        }
        if (buffered.get() == 0) {
            since = nanoTime.getAsLong(); // before the event counts as one that waits
        }
        if (buffered.addAndGet(bytes) > bufferBytes) {
            buffered.addAndGet(-bytes);
            lose(Loss.FULL, records, "the buffer of " + bufferBytes + " bytes is full", null);
            return false;
        }
        Taken taken = new Taken(entry, records, bytes);
        queue.add(taken);
        if (ended && queue.remove(taken)) { // else `close` has found it
            taken.giveUp(Loss.CLOSED, NOT_WRITTEN, null);
            taken.done();
            return false;
        }
        return true;
    }

    private Producer<byte[], byte[]> producer() {
        Producer<byte[], byte[]> opened = producer;
        if (opened == null) {
            throw new IllegalStateException("records are added outside of write");
        }
        return opened;
    }

    /// Opens a producer if there is none. Returns why that is not possible yet; null if there is one. Whether names of
    /// brokers can be resolved may change.
    private @Nullable String opened() throws InterruptedException {
        if (producer == null) {
            try {
                producer = open.apply(settings);
            } catch (InterruptException e) {
                throw e;
            } catch (KafkaException e) {
                Thread.sleep(OPEN_AGAIN_MILLIS);
                return String.valueOf(Objects.requireNonNullElse(e.getCause(), e).getMessage());
            }
        }
        return null;
    }

    private void run() {
        try {
            while (!closed || !queue.isEmpty()) {
                Taken taken = queue.poll(TRY_AGAIN_MILLIS, TimeUnit.MILLISECONDS);
                if (taken != null) {
                    try {
                        write(taken);
                    } catch (InterruptedException | InterruptException e) {
                        taken.giveUp(Loss.CLOSED, NOT_WRITTEN, null);
                        throw e;
                    } finally {
                        taken.done();
                    }
                }
            }
        } catch (InterruptedException | InterruptException e) {
            // Closing takes too long; what is left is counted there.
            log.debug("interrupted", e);
        } finally {
            Thread.interrupted(); // closing would not wait otherwise
            closeProducer(closed ? closeWithin : Duration.ZERO);
        }
    }

    private void closeProducer(Duration within) {
        Producer<byte[], byte[]> opened = producer;
        producer = null;
        if (opened != null) {
            try {
                opened.close(within);
            } catch (RuntimeException | Error e) {
                // The thread must not end. An interruption stays set.
                log.warn("the producer to {} did not close in order", topic, e);
            }
        }
    }

    private void write(Taken taken) throws InterruptedException {
        while (true) {
            String notYet;
            try {
                notYet = opened();
                notYet = notYet == null ? taken.entry.write(taken) : notYet;
            } catch (InterruptException e) {
                throw e;
            } catch (KafkaException e) {
                // The producer writes nothing any more. The next entry gets another one.
                taken.giveUp(Loss.REFUSED, e.getMessage(), null);
                closeProducer(Duration.ZERO);
                Thread.sleep(OPEN_AGAIN_MILLIS);
                return;
            } catch (RuntimeException | Error e) {
                // The thread must not end: nothing would be written any more.
                taken.giveUp(Loss.UNWRITABLE, e.toString(), e);
                return;
            }
            waitsFor = notYet;
            if (notYet == null) {
                return;
            }
            if (closed) {
                taken.giveUp(Loss.CLOSED, notYet, null);
                return;
            }
            Thread.sleep(TRY_AGAIN_MILLIS);
        }
    }

    private void lose(Loss why, int records, @Nullable String detail, @Nullable Throwable cause) {
        lost[why.ordinal()].add(records);
        long now = nanoTime.getAsLong();
        lastLoss = new Problem("events that were scored are not in the log (" + why.code + "): " + detail, now);
        long count = notTold.addAndGet(records);
        long due = nextLine.get();
        if (now - due >= 0 && nextLine.compareAndSet(due, now + TimeUnit.MINUTES.toNanos(1))) {
            notTold.addAndGet(-count);
            log.warn("{} events that were scored are not in {} ({}): {}", count, topic, why.code, detail, cause);
        }
    }

    /// Returns how many events are written and acknowledged.
    public long written() {
        return written.sum();
    }

    public long lost(Loss why) {
        return lost[why.ordinal()].sum();
    }

    /// Returns how many bytes wait to be written.
    public long buffered() {
        return buffered.get();
    }

    public long bufferBytes() {
        return bufferBytes;
    }

    /// Returns what is wrong with the log: events were lost within the last minute, or one has waited to be written for
    /// ten seconds. Empty if nothing is.
    public String problem() {
        long now = nanoTime.getAsLong();
        Problem loss = lastLoss;
        if (loss != null && now - loss.atNanos < SHOWN_NANOS) {
            return loss.text;
        }
        if (buffered.get() > 0 && now - since > LATE_NANOS) {
            String reason = waitsFor;
            return "events wait to be written to " + topic + ": "
                    + (reason == null ? "expected the topic, and brokers that can be reached" : reason);
        }
        return "";
    }

    /// Writes what is in the buffer, for some ten seconds at most; counts and logs the rest.
    @Override
    public void close() {
        closed = true;
        try {
            Duration within = closeWithin.plusSeconds(1);
            if (!thread.join(within)) {
                thread.interrupt(); // it waits for the topic, or for a schema
                thread.join(within);
            }
        } catch (InterruptedException e) {
            thread.interrupt();
            Thread.currentThread().interrupt();
        }
        ended = true;
        for (Taken left; (left = queue.poll()) != null;) {
            left.giveUp(Loss.CLOSED, NOT_WRITTEN, null);
            left.done();
        }
        long count = notTold.getAndSet(0);
        if (count > 0) {
            log.warn("{} events that were scored are not in {} when it is closed", count, topic);
        }
    }
}
