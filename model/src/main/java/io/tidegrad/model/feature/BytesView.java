package io.tidegrad.model.feature;

import java.util.Arrays;

/// Bytes that lie in an event's and are not copied. They are reused for the next event, so don't keep them.
public final class BytesView {
    private byte[] bytes = {};
    private int from;
    private int length;

    BytesView() {}

    void set(byte[] bytes, int from, int length) {
        this.bytes = bytes;
        this.from = from;
        this.length = length;
    }

    byte[] bytes() {
        return bytes;
    }

    int from() {
        return from;
    }

    int length() {
        return length;
    }

    public byte[] copy() {
        return Arrays.copyOfRange(bytes, from, from + length);
    }
}
