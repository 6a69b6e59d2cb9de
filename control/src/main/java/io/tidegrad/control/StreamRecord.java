package io.tidegrad.control;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// A record of the control topic about a stream. Its key is `stream:` and the stream's name; a model's name has no
/// colon. Format: magic TGST, format (4), stream, action (1), time (8), author, reason, the action's components in their
/// order, CRC32C (4); texts with their length (4) before them; of a source topic, id and partitions (4); whether there
/// are labels (1), and their source; whether there is a time to begin at (1), and that time (8). The checksum is also over
/// the key.
///
/// It has a format of its own, so that a build which knows no streams still reads the decisions about models.
///
/// @param time the wall clock of the writer, epoch ms
/// @param author `user@host`; may be empty
/// @param reason the author's own words; may be empty
public record StreamRecord(String stream, StreamAction action, long time, String author, String reason) {
    public static final int FORMAT = 1;

    /// A record of the control topic has at most 64 KiB.
    public static final int SPEC_BYTES_MAX = 48 * 1024;

    private static final String MAGIC = "TGST";
    private static final byte[] KEY_BEGIN = "stream:".getBytes(StandardCharsets.US_ASCII);

    private static final int CREATE = 1;
    private static final int PAUSE = 2;
    private static final int RESUME = 3;
    private static final int DELETE = 4;

    /// Refuses texts that `decode` would refuse.
    public StreamRecord {
        ControlRecord.checkLength("stream name", stream, ControlRecord.MODEL_BYTES_MAX);
        ControlRecord.checkLength("author", author, ControlRecord.AUTHOR_BYTES_MAX);
        ControlRecord.checkLength("reason", reason, ControlRecord.REASON_BYTES_MAX);
        if (action instanceof StreamAction.Create create) {
            ControlRecord.checkLength("spec", create.spec(), SPEC_BYTES_MAX);
        }
    }

    /// Returns whether a record with this key is about a stream.
    static boolean isKey(byte @Nullable [] key) {
        return key != null && key.length >= KEY_BEGIN.length
                && Arrays.equals(key, 0, KEY_BEGIN.length, KEY_BEGIN, 0, KEY_BEGIN.length);
    }

    public byte[] key() {
        return ("stream:" + stream).getBytes(StandardCharsets.UTF_8);
    }

    public byte[] encode() {
        BinaryWriter to = new BinaryWriter(MAGIC, FORMAT, 1024).text(stream).int8(code(action)).int64(time).text(author)
                .text(reason);
        switch (action) {
            case StreamAction.Create create -> {
                to.int32(create.epoch()).text(create.spec());
                write(create.events(), to);
                StreamAction.Source labels = create.labels();
                to.int8(labels == null ? 0 : 1);
                if (labels != null) {
                    write(labels, to);
                }
                Instant from = create.from();
                to.text(create.examplesId()).int8(from == null ? 0 : 1);
                if (from != null) {
                    to.int64(from.toEpochMilli());
                }
            }
            case StreamAction.Pause pause -> {
            }
            case StreamAction.Resume resume -> {
            }
            case StreamAction.Delete delete -> to.int32(delete.epoch());
        }
        return to.seal(key());
    }

    private static void write(StreamAction.Source source, BinaryWriter to) {
        to.text(source.topic()).text(source.id()).int32(source.partitions());
    }

    private static int code(StreamAction action) {
        return switch (action) {
            case StreamAction.Create create -> CREATE;
            case StreamAction.Pause pause -> PAUSE;
            case StreamAction.Resume resume -> RESUME;
            case StreamAction.Delete delete -> DELETE;
        };
    }

    /// Reads a record, and checks each size before it allocates memory for it.
    ///
    /// @throws ControlFormatException if `key` and `value` are no such record
    public static StreamRecord decode(byte[] key, byte[] value) {
        BinaryReader from = new BinaryReader(value, "stream record", MAGIC, FORMAT, ControlFormatException::new, key);
        String stream = from.text("stream name", ControlRecord.MODEL_BYTES_MAX);
        int code = from.int8();
        long time = from.int64();
        String author = from.text("author", ControlRecord.AUTHOR_BYTES_MAX);
        String reason = from.text("reason", ControlRecord.REASON_BYTES_MAX);
        StreamAction action = switch (code) {
            case CREATE -> new StreamAction.Create(ControlRecord.epoch(from, 1), from.text("spec", SPEC_BYTES_MAX),
                    source(from), flag(from, "labels") ? source(from) : null,
                    from.text("topic id", ControlRecord.TOPIC_ID_BYTES_MAX),
                    flag(from, "a time to begin at") ? Instant.ofEpochMilli(from.int64()) : null);
            case PAUSE -> new StreamAction.Pause();
            case RESUME -> new StreamAction.Resume();
            case DELETE -> new StreamAction.Delete(ControlRecord.epoch(from, 0));
            default -> throw from.fail("expected an action from " + CREATE + " to " + DELETE + ", found " + code);
        };
        from.end();
        return new StreamRecord(stream, action, time, author, reason);
    }

    private static StreamAction.Source source(BinaryReader from) {
        String topic = from.text("topic name", ControlRecord.TOPIC_BYTES_MAX);
        String id = from.text("topic id", ControlRecord.TOPIC_ID_BYTES_MAX);
        int partitions = from.int32();
        if (partitions < 1) {
            throw from.fail("expected at least 1 partition, found " + partitions);
        }
        return new StreamAction.Source(topic, id, partitions);
    }

    private static boolean flag(BinaryReader from, String what) {
        int flag = from.int8();
        if (flag > 1) {
            throw from.fail("expected 0 or 1, for whether it has " + what + ", found " + flag);
        }
        return flag == 1;
    }
}
