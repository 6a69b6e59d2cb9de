package io.tidegrad.trainer.topology;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.RegistryPatience;
import io.tidegrad.trainer.poll.EventsAhead;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Remembers across the lives of a trainer which event it was learning when it ended. An event that has ended two lives
/// in a row is set aside by the third, which writes it to the dead letters (`ended-the-trainer`) without decoding it.
/// Without this, an unforeseen event (a crash of the JVM, an error in the code) would end every start.
///
/// A small file in the state directory, one for each model, holds the offset of the event before it is decoded, until
/// it was learned or refused. The file is mapped into memory, so this costs two stores an event, and the kernel keeps
/// what was stored however the process ends. While the process waits for the registry, or commits, no offset is stored,
/// because a process that ends then has not ended inside of an event. If the event throws what is not its own fault,
/// that does not count: a model that diverged, a registry or Kafka that did not answer.
///
/// The decision to set an event aside is made outside of the log. The dead letter is part of the transaction that
/// passes the event, so that replay, verification and learning again follow the same decision.
///
/// ```
///
/// format | offset of the event in progress, -1 for none | topic id | suspect | lives it ended | events set aside before | n |
/// n offsets | CRC32C of all from the topic id on             longs, little-endian
/// and at the end of the file, each plus one, 0 for none:
/// offset that was prepared ahead when the last life ended | offset of the event that is prepared ahead
/// ```
///
/// While events are prepared ahead (`EventsAhead`), a process may end inside of either of two. Both are remembered then, and
/// in the next life nothing is prepared ahead until they are passed, so that it ends inside of the one whose fault it is.
///
/// Any thread may call `setAside` and `setAsideNow`, the thread that prepares ahead calls `ahead`'s; all other methods belong
/// to the stream thread.
public final class FatalEvents {
    /// How many lives an event may end before it is set aside.
    private static final int LIVES_MAX = 2;

    public static final int BYTES = 4_096;

    private static final Logger LOG = LoggerFactory.getLogger(FatalEvents.class);
    private static final ValueLayout.OfLong LITTLE_ENDIAN =
            ValueLayout.JAVA_LONG.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

    /// Opaque access keeps each store, and the order of stores, at the price of a plain one.
    private static final VarHandle LONG = LITTLE_ENDIAN.varHandle();

    private static final long FORMAT = 1;
    private static final long NONE = -1;
    private static final int EVENT_AT = Long.BYTES;
    private static final int MEMORY_AT = 2 * Long.BYTES;
    private static final int FIELDS = 6; // before the offsets
    private static final int AHEAD_AT = BYTES - Long.BYTES;
    private static final int AHEAD_BEFORE_AT = AHEAD_AT - Long.BYTES;

    /// The most events that may be set aside between two commits. A commit follows each burst in which one was set
    /// aside, and a burst has 64 events.
    private static final int SET_ASIDE_MAX = 256;

    private final String model;
    private final Uuid topicId;
    private final MemorySegment file;
    private long inProgress = NONE;
    private boolean begun;
    private volatile Memory memory = Memory.NOTHING;
    private volatile boolean careful = true; // each event is prepared and learned in its place
    private long carefulUpTo = Long.MAX_VALUE; // the offset of the last event of which this holds

    /// @param suspect offset of the event that ended the newest life; -1 for none
    /// @param lives how many lives in a row it ended
    /// @param before how many events were set aside whose dead letters were committed before this start
    /// @param setAside offsets of the others, ascending
    private record Memory(long suspect, long lives, long before, long[] setAside) {
        static final Memory NOTHING = new Memory(NONE, 0, 0, new long[0]);
    }

    /// @param file a segment of `BYTES`
    public FatalEvents(String model, Uuid topicId, MemorySegment file) {
        this.model = model;
        this.topicId = topicId;
        this.file = file;
    }

    /// Opens or creates the file. It is read when learning begins, because no other process can use it then.
    ///
    /// @throws IOException if it can't be read or written
    public static FatalEvents in(Path path, String model, Uuid topicId) throws IOException {
        Path directory = path.toAbsolutePath().getParent();
        if (directory != null) {
            Files.createDirectories(directory);
        }
        try (FileChannel channel =
                FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            if (channel.size() != BYTES) {
                if (channel.size() > 0) {
                    LOG.warn(
                            "model {}: expected {} bytes in {}, found {}: begun anew, which events ended the lives before is"
                                    + " forgotten",
                            model, BYTES, path, channel.size());
                }
                // Written and not only extended, because on a full disk a mapped page without a block ends the process.
                channel.truncate(0);
                ByteBuffer empty = ByteBuffer.allocate(BYTES);
                while (empty.hasRemaining()) {
                    channel.write(empty);
                }
                channel.force(true);
            }
            return new FatalEvents(model, topicId,
                    channel.map(FileChannel.MapMode.READ_WRITE, 0, BYTES, Arena.ofAuto()));
        }
    }

    // ---- at the start ----

    /// Called when the state is restored and learning begins at `watermark`. The first call in a life decides what the
    /// end of the last life means.
    public void begin(long watermark) {
        if (begun) {
            return; // the same task begins again
        }
        begun = true;
        Memory last = read();
        long ended = last == null ? NONE : get(EVENT_AT);
        set(EVENT_AT, NONE); // first, so that an end from here on counts at most once
        long ahead = last == null ? NONE : get(AHEAD_AT) - 1;
        long aheadBefore = last == null ? NONE : get(AHEAD_BEFORE_AT) - 1;
        set(AHEAD_AT, 0);
        set(AHEAD_BEFORE_AT, ahead + 1);
        memory = judged(last == null ? Memory.NOTHING : last, ended, aheadBefore, watermark);
        write(memory);
        set(0, FORMAT);
        carefulUpTo = Math.max(memory.suspect(), ahead);
        careful = carefulUpTo >= watermark;
    }

    private Memory judged(Memory last, long ended, long aheadBefore, long watermark) {
        long[] pending = Arrays.stream(last.setAside()).filter(offset -> offset >= watermark).toArray();
        long before = last.before() + last.setAside().length - pending.length;
        if (ended < watermark) {
            return new Memory(NONE, 0, before, pending);
        }
        long lives = ended == last.suspect() ? last.lives() + 1 : ended == aheadBefore ? 2 : 1;
        if (lives < LIVES_MAX || pending.length == SET_ASIDE_MAX) {
            LOG.warn("model {}: the last life ended inside the event at offset {}", model, ended);
            return new Memory(ended, lives, before, pending);
        }
        long[] more = Arrays.copyOf(pending, pending.length + 1);
        more[pending.length] = ended;
        Arrays.sort(more);
        return new Memory(NONE, 0, before, more);
    }

    /// Returns null if the file holds nothing, or nothing that can be trusted.
    private @Nullable Memory read() {
        if (get(0) == 0) {
            return null; // new
        }
        long n = get(MEMORY_AT + (FIELDS - 1) * Long.BYTES);
        boolean sound = get(0) == FORMAT && n >= 0 && n <= SET_ASIDE_MAX;
        if (!sound || get(at((int) n)) != checksum((int) n)) {
            LOG.warn("model {}: expected to read which event ended the last life, found damage: begun anew", model);
            return null;
        }
        if (get(MEMORY_AT) != topicId.getMostSignificantBits()
                || get(MEMORY_AT + Long.BYTES) != topicId.getLeastSignificantBits()) {
            return null; // another log's offsets
        }
        long[] setAside = new long[(int) n];
        for (int i = 0; i < n; i++) {
            setAside[i] = get(at(i));
        }
        return new Memory(get(MEMORY_AT + 2 * Long.BYTES), get(MEMORY_AT + 3 * Long.BYTES),
                get(MEMORY_AT + 4 * Long.BYTES), setAside);
    }

    private void write(Memory memory) {
        int n = memory.setAside().length;
        long[] fields = {topicId.getMostSignificantBits(), topicId.getLeastSignificantBits(), memory.suspect(),
            memory.lives(), memory.before(), n};
        for (int i = 0; i < FIELDS; i++) {
            set(MEMORY_AT + i * Long.BYTES, fields[i]);
        }
        for (int i = 0; i < n; i++) {
            set(at(i), memory.setAside()[i]);
        }
        set(at(n), checksum(n));
    }

    /// Returns the place of the offset with this index; the checksum lies behind the last one.
    private static int at(int index) {
        return MEMORY_AT + (FIELDS + index) * Long.BYTES;
    }

    private long checksum(int n) {
        CRC32C crc = new CRC32C();
        crc.update(file.asSlice(MEMORY_AT, (long) (FIELDS + n) * Long.BYTES).toArray(ValueLayout.JAVA_BYTE));
        return crc.getValue();
    }

    private long get(int at) {
        return (long) LONG.getOpaque(file, (long) at);
    }

    private void set(int at, long value) {
        LONG.setOpaque(file, (long) at, value);
    }

    // ---- around each event ----

    /// Returns a rejection if the event is to be set aside, otherwise null.
    @Nullable
    Rejection at(long offset) {
        long[] setAside = memory.setAside();
        return setAside.length > 0 && Arrays.binarySearch(setAside, offset) >= 0
                ? new Rejection(Rejection.Reason.ENDED_THE_TRAINER,
                        "it ended " + LIVES_MAX + " lives of the trainer in a row; it was not decoded again")
                : null;
    }

    /// Returns what is told of events that another thread prepares.
    public EventsAhead.Care ahead() {
        return new EventsAhead.Care() {
            @Override
            public boolean begins(long offset) {
                if (careful || at(offset) != null) {
                    return false;
                }
                set(AHEAD_AT, offset + 1);
                return true;
            }

            @Override
            public void ends() {
                set(AHEAD_AT, 0);
            }
        };
    }

    /// Whether nothing may be done ahead of learning or behind it, because it may have ended the last life.
    boolean isCareful() {
        return careful;
    }

    /// Called before the event at `offset` is decoded and learned.
    void enter(long offset) {
        if (careful && offset > carefulUpTo) {
            careful = false;
        }
        inProgress = offset;
        set(EVENT_AT, offset);
    }

    /// Called when the event was learned or refused, or what ended it was not its own fault.
    void leave() {
        inProgress = NONE;
        set(EVENT_AT, NONE);
    }

    /// Returns the exception for an evaluation that has thrown behind learning, of the event at `offset` or one before. The next
    /// life begins as if it had ended this one: it evaluates each event up to it in its place, and ends inside of the one whose
    /// fault it is.
    StopException endedBehind(long offset, Throwable thrown) {
        set(EVENT_AT, offset);
        LOG.error("model {}: a defect: an event's evaluation, at offset {} or before, ended the trainer", model, offset,
                thrown);
        return new StopException(ExitCode.RETRYABLE,
                "model " + model + ": expected each event up to offset " + offset + " to be evaluated, found " + thrown
                        + "; nothing is lost: start again. The next start evaluates each"
                        + " event when it is learned, and finds the one",
                thrown);
    }

    /// Returns the patience that the decoder asks. While it waits for the registry, no event is in progress.
    public RegistryPatience around(Patience patience) {
        return new RegistryPatience() {
            @Override
            public Duration left() {
                return patience.left();
            }

            @Override
            public void begins() {
                if (inProgress != NONE) { // not while it learns again, before the last life was judged
                    set(EVENT_AT, NONE);
                }
            }

            @Override
            public void ends() {
                if (inProgress != NONE) {
                    set(EVENT_AT, inProgress);
                }
            }
        };
    }

    /// Returns the exception for an event that threw what no event should. The offset stays stored.
    StopException ended(ConsumerRecord<?, ?> event, Throwable thrown) {
        set(EVENT_AT, event.offset()); // a wait for the registry has erased it, if this was thrown during one
        boolean again = memory.suspect() == event.offset();
        LOG.error("model {}: a defect: the event at {}-{} offset {} ended the trainer", model, event.topic(),
                event.partition(), event.offset(), thrown);
        return new StopException(ExitCode.RETRYABLE, "model " + model + ": expected the event at " + event.topic() + "-"
                + event.partition() + " offset " + event.offset() + " to be learned or refused, found " + thrown
                + (again ? ", for the second life in a row: the next start sets the event aside (dead letter "
                        + Rejection.Reason.ENDED_THE_TRAINER.code() + ") and learns on"
                        : "; nothing is lost: start again. If the event ends the next life too, the one after it"
                                + " sets the event aside (dead letter " + Rejection.Reason.ENDED_THE_TRAINER.code()
                                + ") and learns on"),
                thrown);
    }

    /// Returns how many events trainers with this state directory have set aside, as far as that is committed.
    ///
    /// @param nextOffset the offset before which everything is committed
    public long setAside(long nextOffset) {
        return memory.before() + setAsideNow(nextOffset);
    }

    /// Returns how many of these were set aside in this life.
    public long setAsideNow(long nextOffset) {
        return Arrays.stream(memory.setAside()).filter(offset -> offset < nextOffset).count();
    }
}
