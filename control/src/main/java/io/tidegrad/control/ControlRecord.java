package io.tidegrad.control;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/// A record of the control topic, whose key is the model's name. The records are never changed and never deleted: in
/// their order they say why each model is what it is. Format: magic TGCT, format (4), model, action (1), time (8), author,
/// reason, the action's components in their order, CRC32C (4); texts with their length (4) before them, hashes as 32
/// bytes. The checksum is also over the model's name. Format 3 is that of an upgrade, which has its numerics (4) after the
/// components of a rollback, and format 4 that of a move, which has its components behind those; all others have format 2,
/// which older builds read.
///
/// A note of a gate has the form of a withdrawal, of a name that no model can have: builds before notes read it, and it
/// changes nothing there either. That name is `gate:hold` or `gate:publish`, and then the components as numbers to base 36.
///
/// @param time the wall clock of the writer, epoch ms
/// @param author `user@host`, or `GATE`; may be empty
/// @param reason the author's own words; may be empty
public record ControlRecord(String model, ControlAction action, long time, String author, String reason) {
    public static final int FORMAT = 4;
    private static final int FORMAT_OF_UPGRADES = 3;
    private static final int FORMAT_WITHOUT_NUMERICS = 2;

    /// The author of what a gate notes and decides.
    public static final String GATE = "gate";

    private static final String NOTE = "gate:";
    private static final int BASE = 36;

    public static final int REASON_BYTES_MAX = 1024;
    public static final int AUTHOR_BYTES_MAX = 256;

    private static final String MAGIC = "TGCT";
    static final int MODEL_BYTES_MAX = 100;
    static final int TOPIC_BYTES_MAX = 249; // Kafka's limit
    static final int TOPIC_ID_BYTES_MAX = 32;
    private static final int HASH_BYTES = 32;

    private static final int CREATE = 1;
    private static final int PAUSE = 2;
    private static final int RESUME = 3;
    private static final int ROLLBACK = 4;
    private static final int PROMOTE = 5;
    private static final int DELETE = 6;
    private static final int SHADOW = 7;
    private static final int CHALLENGE = 8;
    private static final int WITHDRAW = 9;

    public byte[] key() {
        return key(model);
    }

    public static byte[] key(String model) {
        return model.getBytes(StandardCharsets.UTF_8);
    }

    /// Returns the model that a record's key names.
    ///
    /// @throws ControlFormatException if the key is not UTF-8
    public static String model(byte[] key) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(key)).toString();
        } catch (CharacterCodingException notUtf8) {
            throw new ControlFormatException("expected a model's name in UTF-8 as key, found the bytes "
                    + HexFormat.of().formatHex(key, 0, Math.min(key.length, 16)));
        }
    }

    public byte[] encode() {
        BinaryWriter to = new BinaryWriter(MAGIC, format(action), 256).text(model).int8(code(action)).int64(time)
                .text(author).text(reason);
        switch (action) {
            case ControlAction.Create create -> to.int32(create.epoch()).raw(hash(create.specFingerprint()))
                    .text(create.inputTopic()).text(create.inputTopicId()).int64(create.startOffset());
            case ControlAction.Rollback rollback -> {
                write(rollback, rollback.isUpgrade(), to);
                write(rollback.move(), to);
            }
            case ControlAction.Promote promote -> to.text(promote.by()).int32(promote.epoch());
            case ControlAction.Pause pause -> {
            }
            case ControlAction.Resume resume -> {
            }
            case ControlAction.Delete delete -> {
            }
            case ControlAction.Shadow shadow -> to.text(shadow.by()).int32(shadow.epoch());
            case ControlAction.Challenge challenge ->
                to.text(challenge.by()).int32(challenge.epoch()).int32(challenge.share());
            case ControlAction.Withdraw withdraw -> to.text(withdraw.by());
            case ControlAction.Hold hold ->
                to.text(note("hold", hold.epoch(), hold.version(), hold.published(), hold.offset(), hold.examples()));
            case ControlAction.Publish publish ->
                to.text(note("publish", publish.epoch(), publish.version(), publish.offset()));
        }
        return to.seal(key());
    }

    private static String note(String word, long... numbers) {
        return NOTE + word + LongStream.of(numbers).mapToObj(number -> " " + Long.toString(number, BASE))
                .collect(Collectors.joining());
    }

    /// Returns the note that has the form of a withdrawal, or the withdrawal if it is none that this build knows.
    private static ControlAction noteOrWithdrawal(String by, BinaryReader from) {
        if (!by.startsWith(NOTE)) {
            return new ControlAction.Withdraw(by);
        }
        String[] words = by.substring(NOTE.length()).split(" ", -1);
        long[] of = new long[words.length - 1];
        try {
            for (int i = 0; i < of.length; i++) {
                of[i] = Long.parseLong(words[i + 1], BASE);
            }
        } catch (NumberFormatException e) {
            throw from.fail("expected the numbers of a gate's note to base 36, found " + by);
        }
        return switch (words[0] + " " + of.length) {
            case "hold 5" -> new ControlAction.Hold((int) of[0], of[1], of[2], of[3], of[4]);
            case "publish 3" -> new ControlAction.Publish((int) of[0], of[1], of[2]);
            default -> new ControlAction.Withdraw(by); // of a later build
        };
    }

    /// Returns the beginning of a text that fits into a record as its reason.
    public static String fitting(String reason) {
        ByteBuffer bytes = ByteBuffer.allocate(REASON_BYTES_MAX);
        // Only whole characters are written.
        var unused = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(reason), bytes, true);
        return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
    }

    private static int format(ControlAction action) {
        if (!(action instanceof ControlAction.Rollback rollback)) {
            return FORMAT_WITHOUT_NUMERICS;
        }
        return rollback.isMove() ? FORMAT : rollback.isUpgrade() ? FORMAT_OF_UPGRADES : FORMAT_WITHOUT_NUMERICS;
    }

    static void write(ControlAction.Rollback rollback, boolean numerics, BinaryWriter to) {
        ControlAction.Base base = rollback.base();
        to.int32(rollback.epoch()).int32(base.epoch()).int64(base.version()).raw(hash(base.weightsHash()))
                .int64(base.nextOffset()).int64(rollback.resumeOffset());
        if (numerics) {
            to.int32(rollback.numerics());
        }
    }

    static void write(ControlAction.@Nullable Move move, BinaryWriter to) {
        if (move != null) {
            to.text(move.fromTopicId()).int64(move.leftAt()).text(move.toTopicId());
        }
    }

    private static int code(ControlAction action) {
        return switch (action) {
            case ControlAction.Create create -> CREATE;
            case ControlAction.Pause pause -> PAUSE;
            case ControlAction.Resume resume -> RESUME;
            case ControlAction.Rollback rollback -> ROLLBACK;
            case ControlAction.Promote promote -> PROMOTE;
            case ControlAction.Delete delete -> DELETE;
            case ControlAction.Shadow shadow -> SHADOW;
            case ControlAction.Challenge challenge -> CHALLENGE;
            case ControlAction.Withdraw withdraw -> WITHDRAW;
            case ControlAction.Note note -> WITHDRAW;
        };
    }

    static byte[] hash(String hex) {
        byte[] hash = HexFormat.of().parseHex(hex);
        if (hash.length != HASH_BYTES) {
            throw new IllegalArgumentException("expected a hash of 64 hex digits, found " + hex.length());
        }
        return hash;
    }

    /// Reads a record, and checks each size before it allocates memory for it.
    ///
    /// @throws ControlFormatException if `key` and `value` are no such record
    public static ControlRecord decode(byte[] key, byte[] value) {
        BinaryReader from = new BinaryReader(value, "control record", MAGIC, FORMAT_WITHOUT_NUMERICS, FORMAT,
                ControlFormatException::new, key);
        String model = from.text("model name", MODEL_BYTES_MAX);
        int code = from.int8();
        long time = from.int64();
        String author = from.text("author", AUTHOR_BYTES_MAX);
        String reason = from.text("reason", REASON_BYTES_MAX);
        ControlAction action = switch (code) {
            case CREATE ->
                new ControlAction.Create(epoch(from, 1), hash(from), from.text("topic name", TOPIC_BYTES_MAX),
                        from.text("topic id", TOPIC_ID_BYTES_MAX), offset(from, "start offset", 0));
            case PAUSE -> new ControlAction.Pause();
            case RESUME -> new ControlAction.Resume();
            case ROLLBACK -> {
                ControlAction.Rollback rollback = rollback(from, from.format() >= FORMAT_OF_UPGRADES);
                yield from.format() == FORMAT ? moved(rollback, from) : rollback;
            }
            case PROMOTE ->
                new ControlAction.Promote(from.text("promoted model's name", MODEL_BYTES_MAX), epoch(from, 1));
            case DELETE -> new ControlAction.Delete();
            case SHADOW -> new ControlAction.Shadow(from.text("shadow's name", MODEL_BYTES_MAX), epoch(from, 1));
            case CHALLENGE -> new ControlAction.Challenge(from.text("challenger's name", MODEL_BYTES_MAX),
                    epoch(from, 1), share(from));
            case WITHDRAW -> noteOrWithdrawal(from.text("withdrawn model's name", MODEL_BYTES_MAX), from);
            default -> throw from.fail("expected an action from " + CREATE + " to " + WITHDRAW + ", found " + code);
        };
        from.end();
        return new ControlRecord(model, action, time, author, reason);
    }

    static ControlAction.Rollback rollback(BinaryReader from, boolean numerics) {
        int epoch = epoch(from, 2);
        ControlAction.Base base = new ControlAction.Base(epoch(from, 1), offset(from, "base version", 0), hash(from),
                offset(from, "base's next offset", 0));
        if (base.epoch() >= epoch) {
            throw from.fail("expected a base of an epoch before " + epoch + ", found " + base.epoch());
        }
        long resumeOffset = offset(from, "resume offset", base.nextOffset());
        int of = numerics ? from.int32() : 0;
        if (of < 0) {
            throw from.fail("expected numerics of at least 0, found " + of);
        }
        return new ControlAction.Rollback(epoch, base, resumeOffset, of);
    }

    /// Reads the components of a move, behind those of its rollback.
    static ControlAction.Rollback moved(ControlAction.Rollback rollback, BinaryReader from) {
        if (!rollback.isUpgrade()) {
            throw from.fail("expected the numerics of a move, found none");
        }
        ControlAction.Move move = new ControlAction.Move(from.text("topic id", TOPIC_ID_BYTES_MAX),
                offset(from, "next offset in the log before", 0), from.text("topic id", TOPIC_ID_BYTES_MAX));
        return new ControlAction.Rollback(rollback.epoch(), rollback.base(), rollback.resumeOffset(),
                rollback.numerics(), move);
    }

    static int epoch(BinaryReader from, int min) {
        int epoch = from.int32();
        if (epoch < min) {
            throw from.fail("expected an epoch of at least " + min + ", found " + epoch);
        }
        return epoch;
    }

    private static int share(BinaryReader from) {
        int share = from.int32();
        if (share < 1 || share > Candidate.WHOLE) {
            throw from.fail("expected a share from 1 to " + Candidate.WHOLE + " ten-thousandths, found " + share);
        }
        return share;
    }

    static String hash(BinaryReader from) {
        return HexFormat.of().formatHex(from.raw(HASH_BYTES));
    }

    static long offset(BinaryReader from, String name, long min) {
        long offset = from.int64();
        if (offset < min) {
            throw from.fail("expected a " + name + " of at least " + min + ", found " + offset);
        }
        return offset;
    }

    /// Refuses texts that `decode` would refuse.
    public ControlRecord {
        checkLength("model name", model, MODEL_BYTES_MAX);
        checkLength("author", author, AUTHOR_BYTES_MAX);
        checkLength("reason", reason, REASON_BYTES_MAX);
    }

    static void checkLength(String name, String text, int max) {
        int length = text.getBytes(StandardCharsets.UTF_8).length;
        if (length > max) {
            throw new IllegalArgumentException("expected a " + name + " of at most " + max + " bytes, found " + length);
        }
    }
}
