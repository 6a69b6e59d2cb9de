package io.tidegrad.trainer.store;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// Hashes records one after the other. The hash after a record is SHA-256 over the hash before it (32 zero bytes at the
/// beginning) and the record: key, value, and the headers whose names begin with `tidegrad-`, which are those that can be
/// learned. Each is preceded by its length, -1 if it is null; a header by that of its name too. Offset, timestamp and topic
/// are left out, and so is what became of the record, which may depend on a registry.
///
/// For one thread.
public final class RunningHash {
    static final int BYTES = 32;

    /// Steps of anchors: of each, the last two multiples stay. So at least 64 hashed records lie behind one of them, and a
    /// copy that holds the newest of them, however few, holds an anchor.
    private static final long[] STEPS = {1 << 6, 1 << 11, 1 << 16, 1 << 21};

    private static final String LEARNED_HEADERS = "tidegrad-";
    private static final byte[] NOTHING = new byte[BYTES];
    private static final int KEPT_BYTES_MAX = 64 * 1024;

    private final MessageDigest digest;
    private long from;
    private final byte[] chain;
    private final byte[] alone = new byte[BYTES];
    private long count;
    private List<LogHash.Anchor> anchors;
    private ByteBuffer buffer = ByteBuffer.allocate(1024);

    /// @param count how many records were consumed
    /// @param hash of these
    public RunningHash(long count, LogHash hash) {
        this.count = count;
        from = hash.from();
        chain = LogHash.parse(hash.chain());
        anchors = hash.anchors();
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JVM has SHA-256", e);
        }
    }

    /// What a thread that reads ahead tells the one that learns.
    public static final class Mark {
        private final byte[] chain = new byte[BYTES];
        private long from;
        private List<LogHash.Anchor> anchors = List.of();
    }

    /// Takes the next record.
    public void add(ConsumerRecord<byte[], byte[]> record) {
        if (count < from) {
            count++;
            return;
        }
        int length = encode(record);
        if (isAnchor(count, from)) {
            anchors = with(new LogHash.Anchor(count, LogHash.hex(chain), LogHash.hex(hash(NOTHING, length, alone))),
                    anchors);
        }
        hash(chain, length, chain);
        count++;
    }

    /// Returns the hash of a record alone, as anchors have it, and changes nothing.
    public String alone(ConsumerRecord<byte[], byte[]> record) {
        return LogHash.hex(hash(NOTHING, encode(record), alone));
    }

    private static boolean isAnchor(long count, long from) {
        return count == from || count % STEPS[0] == 0;
    }

    private static List<LogHash.Anchor> with(LogHash.Anchor next, List<LogHash.Anchor> before) {
        List<LogHash.Anchor> all = new ArrayList<>();
        for (int i = 0; i < before.size(); i++) {
            if (i == 0 || stays(before.get(i).count(), next.count())) {
                all.add(before.get(i));
            }
        }
        all.add(next);
        return List.copyOf(all);
    }

    private static boolean stays(long anchor, long newest) {
        return Arrays.stream(STEPS).anyMatch(step -> anchor % step == 0 && anchor >= (newest / step - 1) * step);
    }

    /// Puts the record behind the place of the hash before it, and returns the length of both.
    private int encode(ConsumerRecord<byte[], byte[]> record) {
        byte[] key = record.key();
        byte[] value = record.value();
        int length = BYTES + 2 * Integer.BYTES + length(key) + length(value);
        Header[] headers = record.headers().toArray();
        for (Header header : headers) {
            if (isLearned(header)) { // of a learned name, all characters may be longer than a byte
                length += 2 * Integer.BYTES + 3 * header.key().length() + length(header.value());
            }
        }
        if (buffer.capacity() < length) {
            buffer = ByteBuffer.allocate(Math.max(length, 2 * buffer.capacity()));
        } else if (buffer.capacity() > KEPT_BYTES_MAX && length <= KEPT_BYTES_MAX) {
            buffer = ByteBuffer.allocate(KEPT_BYTES_MAX);
        }
        buffer.clear().position(BYTES);
        put(key);
        put(value);
        for (Header header : headers) {
            if (isLearned(header)) {
                put(header.key().getBytes(StandardCharsets.UTF_8));
                put(header.value());
            }
        }
        return buffer.position();
    }

    private static boolean isLearned(Header header) {
        return header.key().startsWith(LEARNED_HEADERS);
    }

    private static int length(byte @Nullable [] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    private void put(byte @Nullable [] bytes) {
        buffer.putInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            buffer.put(bytes);
        }
    }

    /// Puts the hash of `before` and what `encode` has left into `into`.
    private byte[] hash(byte[] before, int length, byte[] into) {
        System.arraycopy(before, 0, buffer.array(), 0, BYTES);
        digest.update(buffer.array(), 0, length);
        try {
            digest.digest(into, 0, BYTES);
            return into;
        } catch (DigestException e) {
            throw new IllegalStateException("SHA-256 has 32 bytes", e);
        }
    }

    /// Returns the hash of what was taken so far.
    public LogHash now() {
        return new LogHash(from, LogHash.hex(chain), anchors);
    }

    /// Returns a hash that begins anew with the next record, because something is left out of the log before it.
    public RunningHash afterGap() {
        return new RunningHash(count, LogHash.from(count));
    }

    /// Copies the hash of what was taken so far.
    public void copyTo(Mark mark) {
        System.arraycopy(chain, 0, mark.chain, 0, BYTES);
        mark.anchors = anchors;
        mark.from = from;
    }

    /// Takes the next record, of which another one with the same beginning has left this mark.
    public void add(Mark mark) {
        System.arraycopy(mark.chain, 0, chain, 0, BYTES);
        anchors = mark.anchors;
        from = mark.from;
        count++;
    }
}
