package io.tidegrad.trainer.store;

import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.CRC32C;

/// The records of a model store's changelog. Keys are fixed, so compaction keeps the newest of each:
///
/// ```
/// key    kind 1 byte ('P' page, 'C' carry, 'M' manifest), number int big-endian (0 for the manifest)
/// value  format int | CRC32C int over (key, epoch int, payload) | payload         little-endian
/// ```
///
/// The checksum covers key and epoch, so a flipped bit, a truncation, two swapped pages and a page of another epoch are
/// all noticed before use.
final class StoreRecords {
    static final int FORMAT = 1;
    static final byte PAGE = 'P';
    static final byte CARRY = 'C';
    static final byte MANIFEST = 'M';
    static final byte[] MANIFEST_KEY = key(MANIFEST, 0);

    /// Carry is cut into records of this size, far below any sensible `max.message.bytes`.
    static final int CARRY_CHUNK_BYTES = 256 * 1024;

    private static final int HEADER_BYTES = 8;

    private StoreRecords() {}

    static byte[] key(byte kind, int number) {
        return ByteBuffer.allocate(5).put(kind).putInt(number).array();
    }

    static byte kind(byte[] key) {
        if (key.length != 5) {
            throw new DamagedException("a key of 5 bytes", key.length + " bytes");
        }
        return key[0];
    }

    static int number(byte[] key) {
        return ByteBuffer.wrap(key).getInt(1);
    }

    /// A value with room for `length` bytes of payload, to be filled from `PAYLOAD_AT` on and then sealed.
    static byte[] allocate(int length) {
        return new byte[HEADER_BYTES + length];
    }

    static final int PAYLOAD_AT = HEADER_BYTES;

    /// Writes format and checksum; returns the checksum.
    static int seal(byte[] key, int epoch, byte[] value) {
        int checksum = checksum(key, epoch, value);
        ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).putInt(0, FORMAT).putInt(4, checksum);
        return checksum;
    }

    static byte[] sealed(byte[] key, int epoch, byte[] payload) {
        byte[] value = allocate(payload.length);
        System.arraycopy(payload, 0, value, PAYLOAD_AT, payload.length);
        seal(key, epoch, value);
        return value;
    }

    /// Checks format and checksum; returns the checksum.
    static int verify(byte[] key, int epoch, byte[] value) {
        if (value.length < HEADER_BYTES) {
            throw new DamagedException(
                    "at least " + HEADER_BYTES + " bytes under " + describe(key),
                    value.length + " bytes");
        }
        ByteBuffer header = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN);
        int format = header.getInt(0);
        int expected = header.getInt(4);
        int found = checksum(key, epoch, value);
        if (format != FORMAT && expected == found) {
            throw new TrainerException(
                    ExitCode.CONFIGURATION,
                    "the model store's changelog has format "
                            + format
                            + " under "
                            + describe(key)
                            + ", this build reads "
                            + FORMAT
                            + "; start the build that wrote it");
        }
        if (format != FORMAT) {
            throw new DamagedException(
                    "format " + FORMAT + " under " + describe(key),
                    format + ", which is another application's, another build's or damage");
        }
        if (expected != found) {
            throw new DamagedException(
                    "checksum %08x under %s, epoch %d".formatted(expected, describe(key), epoch),
                    "%08x".formatted(found));
        }
        return found;
    }

    static byte[] payload(byte[] value) {
        if (value.length < HEADER_BYTES) {
            throw new DamagedException(
                    "at least " + HEADER_BYTES + " bytes", value.length + " bytes");
        }
        return Arrays.copyOfRange(value, PAYLOAD_AT, value.length);
    }

    static String describe(byte[] key) {
        return switch (kind(key)) {
            case PAGE -> "page " + number(key);
            case CARRY -> "carry " + number(key);
            case MANIFEST -> "the manifest's key";
            default -> "a key of unknown kind " + key[0];
        };
    }

    private static int checksum(byte[] key, int epoch, byte[] value) {
        CRC32C crc = new CRC32C();
        crc.update(key);
        crc.update(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(epoch).flip());
        crc.update(value, PAYLOAD_AT, value.length - PAYLOAD_AT);
        return (int) crc.getValue();
    }
}
