package io.tidegrad.model.feature;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// Values of fields by which an evaluation tells rows apart, as canonical text. Two are the same if 64 bits of hash are; of a
/// long text the first bytes are kept to name it. Nothing is allocated after construction.
public final class SliceValues {
    public static final SliceValues NONE = new SliceValues(0);

    /// UTF-8 bytes by which a value is named.
    public static final int TEXT_MAX = 40;

    private static final long MISSING = 0;
    private static final long UNKNOWN = -1;

    private final byte[] texts;
    private final int[] lengths;
    private final long[] hashes;

    /// @param size values, which are all missing
    public SliceValues(int size) {
        texts = new byte[Math.multiplyExact(size, TEXT_MAX)];
        lengths = new int[size];
        hashes = new long[size];
    }

    public int size() {
        return hashes.length;
    }

    void missing(int at) {
        lengths[at] = 0;
        hashes[at] = MISSING;
    }

    void set(int at, CanonicalText text) {
        hashes[at] = text.longHash();
        if (hashes[at] == MISSING || hashes[at] == UNKNOWN) {
            hashes[at] = 1;
        }
        lengths[at] = text.copyStart(texts, at * TEXT_MAX, TEXT_MAX);
    }

    /// Takes over `count` values of another one.
    public void copy(int to, SliceValues other, int from, int count) {
        System.arraycopy(other.texts, from * TEXT_MAX, texts, to * TEXT_MAX, count * TEXT_MAX);
        System.arraycopy(other.lengths, from, lengths, to, count);
        System.arraycopy(other.hashes, from, hashes, to, count);
    }

    /// Nobody knows the first `count` values any more.
    public void forget(int count) {
        Arrays.fill(hashes, 0, count, UNKNOWN);
        Arrays.fill(lengths, 0, count, 0);
    }

    public boolean isKnown(int at) {
        return hashes[at] != UNKNOWN;
    }

    public boolean same(int at, SliceValues other, int otherAt) {
        return hashes[at] == other.hashes[otherAt];
    }

    /// Returns a number from 0 to 63 by the value's hash.
    public int group(int at) {
        return (int) (hashes[at] >>> 58);
    }

    /// Returns the text, without what is beyond [#TEXT_MAX] bytes; null if the value is missing.
    public @Nullable String text(int at) {
        return hashes[at] == MISSING ? null : new String(texts, at * TEXT_MAX, lengths[at], StandardCharsets.UTF_8);
    }

    public void write(BinaryWriter to, int at) {
        to.int64(hashes[at]).block(Arrays.copyOfRange(texts, at * TEXT_MAX, at * TEXT_MAX + lengths[at]));
    }

    public void read(BinaryReader from, int at) {
        hashes[at] = from.int64();
        byte[] text = from.raw(from.count("bytes of a value", TEXT_MAX));
        System.arraycopy(text, 0, texts, at * TEXT_MAX, text.length);
        lengths[at] = text.length;
    }
}
