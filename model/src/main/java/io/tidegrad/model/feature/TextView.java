package io.tidegrad.model.feature;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// Text in UTF-8 that lies in an event's bytes and is not copied. It is reused for the next event, so don't keep it.
final class TextView implements CharSequence {
    private byte[] bytes = {};
    private int from;
    private int length;
    private boolean known; // whether it is known if each character is one byte
    private boolean ascii;
    private @Nullable String string;

    void set(byte[] bytes, int from, int length) {
        this.bytes = bytes;
        this.from = from;
        this.length = length;
        known = false;
        if (string != null) {
            string = null;
        }
    }

    byte[] bytes() {
        return bytes;
    }

    int from() {
        return from;
    }

    int byteLength() {
        return length;
    }

    private boolean isAscii() {
        if (!known) {
            known = true;
            ascii = true;
            for (int i = from; i < from + length; i++) {
                ascii &= bytes[i] >= 0;
            }
        }
        return ascii;
    }

    @Override
    public int length() {
        return isAscii() ? length : toString().length();
    }

    @Override
    public char charAt(int index) {
        return isAscii() ? (char) bytes[from + index] : toString().charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
        return toString().subSequence(start, end);
    }

    @Override
    public String toString() {
        String decoded = string;
        if (decoded == null) {
            decoded = new String(bytes, from, length, StandardCharsets.UTF_8);
            string = decoded;
        }
        return decoded;
    }
}
