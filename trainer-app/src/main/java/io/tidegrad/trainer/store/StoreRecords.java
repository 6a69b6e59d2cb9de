package io.tidegrad.trainer.store;

import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32C;

/// The records of a model store's changelog. Keys are fixed, so that compaction keeps the newest record of each:
///
/// ```
/// key    kind 1 byte ('P' page, 'C' carry, 'R' rejections that the log alone does not decide, 'M' manifest), number int big-endian (0 for the manifest)
/// value  format int | CRC32C int over (key, epoch int, payload) | payload         little-endian
/// ```
///
/// Pages and carry have two slots, so that one whole state stays while the next is written; slot 1 has the small letters
/// 'p' and 'c'. The checksum covers key and epoch, and so tells of a flipped bit, a truncation, two swapped pages and a
/// page of another epoch before use. It covers the capital letter in either slot, so a page has the same checksum in both.
/// The digest in the manifest says which pages belong together. Manifests have a format number of their own.
final class StoreRecords {
    static final int FORMAT = 1;
    static final int MANIFEST_FORMAT = 3;
    private static final int MANIFEST_FORMAT_WITHOUT_HASH = 2;
    static final byte PAGE = 'P';
    static final byte CARRY = 'C';
    static final byte REJECTIONS = 'R';
    static final byte MANIFEST = 'M';
    private static final int SMALL = 'a' - 'A';
    static final byte[] MANIFEST_KEY = key(MANIFEST, 0);

    /// Carry and rejections are cut into records of this size, which fits any sensible `max.message.bytes`.
    static final int CARRY_CHUNK_BYTES = 256 * 1024;

    private static final int HEADER_BYTES = 8;

    private StoreRecords() {}

    static byte[] key(byte kind, int number) {
        return ByteBuffer.allocate(5).put(kind).putInt(number).array();
    }

    /// Returns the key of a page or of carry in this slot.
    static byte[] key(byte kind, int slot, int number) {
        return key((byte) (slot == 0 ? kind : kind + SMALL), number);
    }

    /// Returns the kind of a key in either slot.
    static byte kind(byte[] key) {
        if (key.length != 5) {
            throw new DamagedException("a key of 5 bytes", key.length + " bytes");
        }
        return slot(key) == 0 ? key[0] : (byte) (key[0] - SMALL);
    }

    static int slot(byte[] key) {
        return key[0] == PAGE + SMALL || key[0] == CARRY + SMALL ? 1 : 0;
    }

    private static int format(byte[] key) {
        return kind(key) == MANIFEST ? MANIFEST_FORMAT : FORMAT;
    }

    static int number(byte[] key) {
        return ByteBuffer.wrap(key).getInt(1);
    }

    /// Returns a value with room for `length` bytes of payload, to be filled from `PAYLOAD_AT` on and then sealed.
    static byte[] allocate(int length) {
        return new byte[HEADER_BYTES + length];
    }

    static final int PAYLOAD_AT = HEADER_BYTES;

    /// Writes format and checksum, and returns the checksum.
    static int seal(byte[] key, int epoch, byte[] value) {
        int checksum = checksum(key, epoch, value);
        ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).putInt(0, format(key)).putInt(4, checksum);
        return checksum;
    }

    static byte[] sealed(byte[] key, int epoch, byte[] payload) {
        byte[] value = allocate(payload.length);
        System.arraycopy(payload, 0, value, PAYLOAD_AT, payload.length);
        seal(key, epoch, value);
        return value;
    }

    /// Checks format and checksum, and returns the checksum.
    static int verify(byte[] key, int epoch, byte[] value) {
        if (value.length < HEADER_BYTES) {
            throw new DamagedException("at least " + HEADER_BYTES + " bytes under " + describe(key),
                    value.length + " bytes");
        }
        ByteBuffer header = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN);
        int format = header.getInt(0);
        int expected = header.getInt(4);
        int found = checksum(key, epoch, value);
        int known = format(key);
        boolean isKnown = format == known || kind(key) == MANIFEST && format == MANIFEST_FORMAT_WITHOUT_HASH;
        if (!isKnown && expected == found) {
            throw new StopException(ExitCode.CONFIGURATION, "the model store's changelog has format " + format
                    + " under " + describe(key) + ", this build reads " + known + "; start the build that wrote it");
        }
        if (!isKnown) {
            throw new DamagedException("format " + known + " under " + describe(key),
                    format + ", which is another application's, another build's or damage");
        }
        if (expected != found) {
            throw new DamagedException("checksum %08x under %s, epoch %d".formatted(expected, describe(key), epoch),
                    "%08x".formatted(found));
        }
        return found;
    }

    static byte[] payload(byte[] value) {
        if (value.length < HEADER_BYTES) {
            throw new DamagedException("at least " + HEADER_BYTES + " bytes", value.length + " bytes");
        }
        return Arrays.copyOfRange(value, PAYLOAD_AT, value.length);
    }

    static String describe(byte[] key) {
        return switch (kind(key)) {
            case PAGE -> "page " + number(key) + inSlot(key);
            case CARRY -> "carry " + number(key) + inSlot(key);
            case REJECTIONS -> "rejections " + number(key);
            case MANIFEST -> "the manifest's key";
            default -> "a key of unknown kind " + key[0];
        };
    }

    private static String inSlot(byte[] key) {
        return slot(key) == 0 ? "" : " of slot 1";
    }

    private static int checksum(byte[] key, int epoch, byte[] value) {
        return checksum(key, epoch, value, PAYLOAD_AT, value.length - PAYLOAD_AT);
    }

    /// Returns the checksum that `seal` would write for this payload.
    static int checksum(byte[] key, int epoch, byte[] bytes, int at, int length) {
        CRC32C crc = new CRC32C();
        crc.update(slot(key) == 0 ? key : key(kind(key), number(key)));
        crc.update(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(epoch).flip());
        crc.update(bytes, at, length);
        return (int) crc.getValue();
    }
}
