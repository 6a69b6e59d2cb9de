package io.tidegrad.trainer.topology;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.schemas.RegistryPatience;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
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
/// in a row is set aside by the third: it goes to the dead letters (`ended-the-trainer`) without being decoded. Without
/// this, one event that nobody foresaw (a crash of the JVM, an error in the code that it goes through) would end every
/// start for good.
///
/// The offset of the event is stored in a small file in the state directory, one per model, before the event is
/// decoded, and cleared after it was learned or refused. The file is mapped into memory, so this costs two stores an
/// event, and what was stored outlives the process however it ends, because the page belongs to the kernel. Where the
/// process merely waits for the registry the offset is cleared, and nothing is stored while a commit is made: who ends
/// there has not ended inside an event. Of what the event threw, nothing counts that is not its own fault: a model that
/// diverged, a registry or Kafka that did not answer.
///
/// Whether an event is set aside is decided here, outside the log. The dead letter, which is part of the transaction
/// that passes the event, makes it a fact that replay, verification and learning again follow.
///
/// ```
/// format | offset of the event in progress, -1 for none | topic id | suspect | lives it ended | events set aside before | n |
/// n offsets | CRC32C of all from the topic id on             longs, little-endian
/// ```
///
/// Any thread may call the methods under "told to others"; all others belong to the stream thread.
public final class FatalEvents {
    /// The lives that an event may end before it is set aside.
    private static final int LIVES_MAX = 2;

    public static final int BYTES = 4_096;

    private static final Logger LOG = LoggerFactory.getLogger(FatalEvents.class);
    private static final ValueLayout.OfLong LITTLE_ENDIAN =
            ValueLayout.JAVA_LONG.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

    /// Opaque: each store happens, and in the order of the program, at the price of a plain one.
    private static final VarHandle LONG = LITTLE_ENDIAN.varHandle();

    private static final long FORMAT = 1;
    private static final long NONE = -1;
    private static final int EVENT_AT = Long.BYTES;
    private static final int MEMORY_AT = 2 * Long.BYTES;
    private static final int FIELDS = 6; // before the offsets

    /// How many events may be set aside between two commits. A commit is made after a burst in which one was set aside, and a
    /// burst has 64 events.
    private static final int SET_ASIDE_MAX = 256;

    private final String model;
    private final Uuid topicId;
    private final MemorySegment file;
    private long inProgress = NONE;
    private boolean begun;
    private volatile Memory memory = Memory.NOTHING;

    /// @param suspect the event that ended the newest life, -1 for none
    /// @param lives that it ended in a row
    /// @param before number of events that were set aside, and whose dead letters were committed by the start
    /// @param setAside offsets of the others, ascending
    private record Memory(long suspect, long lives, long before, long[] setAside) {
        static final Memory NOTHING = new Memory(NONE, 0, 0, new long[0]);
    }

    /// @param file of `BYTES`
    public FatalEvents(String model, Uuid topicId, MemorySegment file) {
        this.model = model;
        this.topicId = topicId;
        this.file = file;
    }

    /// Opens the file, or makes it; it is read when learning begins, which is when no other process can use it.
    ///
    /// @throws IOException it can't be read or written
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
                // Written, not only stretched: on a full disk a mapped page without a block is a
                // fault.
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

    /// The state is restored, learning begins at `watermark`. In this life for the first time, it is judged how the
    /// last life ended.
    public void begin(long watermark) {
        if (begun) {
            return; // the task came back
        }
        begun = true;
        Memory last = read();
        long ended = last == null ? NONE : get(EVENT_AT);
        set(EVENT_AT, NONE); // first: one that ends here counts once at most
        memory = judged(last == null ? Memory.NOTHING : last, ended, watermark);
        write(memory);
        set(0, FORMAT);
    }

    private Memory judged(Memory last, long ended, long watermark) {
        long[] pending = Arrays.stream(last.setAside()).filter(offset -> offset >= watermark).toArray();
        long before = last.before() + last.setAside().length - pending.length;
        if (ended < watermark) {
            return new Memory(NONE, 0, before, pending);
        }
        long lives = ended == last.suspect() ? last.lives() + 1 : 1;
        if (lives < LIVES_MAX || pending.length == SET_ASIDE_MAX) {
            LOG.warn("model {}: the last life ended inside the event at offset {}", model, ended);
            return new Memory(ended, lives, before, pending);
        }
        long[] more = Arrays.copyOf(pending, pending.length + 1);
        more[pending.length] = ended;
        Arrays.sort(more);
        return new Memory(NONE, 0, before, more);
    }

    /// Null when there is nothing, or nothing that can be trusted.
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

    /// Of the offset with this index; behind the last one is the checksum.
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

    /// Not null when the event is to be set aside.
    @Nullable
    Rejection at(long offset) {
        long[] setAside = memory.setAside();
        return setAside.length > 0 && Arrays.binarySearch(setAside, offset) >= 0
                ? new Rejection(Rejection.Reason.ENDED_THE_TRAINER,
                        "it ended " + LIVES_MAX + " lives of the trainer in a row; it was not decoded again")
                : null;
    }

    /// The event at `offset` is decoded and learned next.
    void enter(long offset) {
        inProgress = offset;
        set(EVENT_AT, offset);
    }

    /// It was learned or refused, or what ended it was not its own fault.
    void leave() {
        inProgress = NONE;
        set(EVENT_AT, NONE);
    }

    /// The patience that the decoder asks: while it waits for the registry, no event is in progress.
    public RegistryPatience around(Patience patience) {
        return new RegistryPatience() {
            @Override
            public Duration left() {
                return patience.left();
            }

            @Override
            public void begins() {
                if (inProgress != NONE) { // not before the last life was judged, as when it learns again
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

    /// What to end with, as the event threw what no event should: the offset stays stored.
    TrainerException ended(ConsumerRecord<?, ?> event, Throwable thrown) {
        set(EVENT_AT, event.offset()); // also when it was thrown while the registry was waited for
        boolean again = memory.suspect() == event.offset();
        LOG.error("model {}: a defect: the event at {}-{} offset {} ended the trainer", model, event.topic(),
                event.partition(), event.offset(), thrown);
        return new TrainerException(ExitCode.RETRYABLE, "model " + model + ": expected the event at " + event.topic()
                + "-" + event.partition() + " offset " + event.offset() + " to be learned or refused, found " + thrown
                + (again ? ", for the second life in a row: the next start sets the event aside (dead letter "
                        + Rejection.Reason.ENDED_THE_TRAINER.code() + ") and learns on"
                        : "; nothing is lost: start again. If the event ends the next life too, the one after it"
                                + " sets the event aside (dead letter " + Rejection.Reason.ENDED_THE_TRAINER.code()
                                + ") and learns on"),
                thrown);
    }

    // ---- told to others ----

    /// How many events were set aside by trainers with this state directory, as far as that is committed. Any thread.
    ///
    /// @param nextOffset up to which everything is committed
    public long setAside(long nextOffset) {
        return memory.before() + setAsideNow(nextOffset);
    }

    /// The same of those that were set aside in this life. Any thread.
    public long setAsideNow(long nextOffset) {
        return Arrays.stream(memory.setAside()).filter(offset -> offset < nextOffset).count();
    }
}
