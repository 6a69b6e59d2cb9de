package io.tidegrad.model.feature;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.Objects;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/// A list of an event's values, kept without an object for each. `get` returns an object that is reused, so don't keep
/// it. The list is reused for the next event.
final class ListValues extends AbstractList<@Nullable Object> implements RandomAccess {
    private static final byte NULL = 0;
    private static final byte WHOLE = 1;
    private static final byte DOUBLE = 2;
    private static final byte FLOAT = 3;
    private static final byte TEXT = 4;
    private static final byte BYTES = 5;
    private static final byte OBJECT = 6;

    private static final int FIRST = 16;

    /// A list that has grown beyond is given up afterwards, so that one large event does not take memory for ever.
    private static final int KEPT_MAX = 1 << 16;

    private byte[] kinds = new byte[FIRST];
    private long[] numbers = new long[FIRST]; // a number's bits; of text and bytes where they begin and how long they are
    private @Nullable Object @Nullable [] objects; // only where there are some
    private byte @Nullable [] bytes; // of text and bytes, where all lie in one array
    private int size;
    private int mark;
    private final Numeral numeral = new Numeral();
    private final TextView text = new TextView();
    private final BytesView view = new BytesView();

    void begin() {
        if (kinds.length > KEPT_MAX) {
            kinds = new byte[FIRST];
            numbers = new long[FIRST];
        }
        objects = null;
        bytes = null;
        size = 0;
        mark = 0;
    }

    void open() {
        mark = size;
    }

    void close() {
        if (size == mark) {
            add(NULL, 0);
        }
    }

    void reopen() {
        size = mark;
    }

    void truncate(int to) {
        size = to;
    }

    void addWhole(long value) {
        add(WHOLE, value);
    }

    void addDouble(double value) {
        add(DOUBLE, Double.doubleToRawLongBits(value));
    }

    void addFloat(float value) {
        add(FLOAT, Float.floatToRawIntBits(value));
    }

    void addText(byte[] in, int from, int length) {
        if (isIn(in)) {
            add(TEXT, (long) from << 32 | length);
        } else {
            TextView own = new TextView();
            own.set(in, from, length);
            addObject(own);
        }
    }

    void addBytes(byte[] in, int from, int length) {
        if (isIn(in)) {
            add(BYTES, (long) from << 32 | length);
        } else {
            BytesView own = new BytesView();
            own.set(in, from, length);
            addObject(own);
        }
    }

    /// An event's bytes lie in one array; a decoded record has one for each of its texts.
    private boolean isIn(byte[] in) {
        if (bytes == null) {
            bytes = in;
        }
        return bytes == in;
    }

    void addObject(Object value) {
        int at = size;
        add(OBJECT, 0);
        Object[] kept = objects;
        if (kept == null || kept.length < kinds.length) {
            kept = kept == null ? new Object[kinds.length] : Arrays.copyOf(kept, kinds.length);
            objects = kept;
        }
        kept[at] = value;
    }

    private void add(byte kind, long number) {
        if (size == kinds.length) {
            kinds = Arrays.copyOf(kinds, 2 * size);
            numbers = Arrays.copyOf(numbers, 2 * size);
        }
        kinds[size] = kind;
        numbers[size] = number;
        size++;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public @Nullable Object get(int index) {
        Objects.checkIndex(index, size);
        long number = numbers[index];
        switch (kinds[index]) {
            case NULL :
                return null;
            case WHOLE :
                numeral.set(number);
                return numeral;
            case DOUBLE :
                numeral.set(Double.longBitsToDouble(number));
                return numeral;
            case FLOAT :
                numeral.set(Float.intBitsToFloat((int) number));
                return numeral;
            case TEXT :
                text.set(Objects.requireNonNull(bytes), (int) (number >>> 32), (int) number);
                return text;
            case BYTES :
                view.set(Objects.requireNonNull(bytes), (int) (number >>> 32), (int) number);
                return view;
            default :
                return Objects.requireNonNull(objects)[index];
        }
    }
}
