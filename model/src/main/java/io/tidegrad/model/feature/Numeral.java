package io.tidegrad.model.feature;

/// A mutable number that stands for a `Long`, `Double` or `Float` without allocating one. It is reused for the next
/// event, so don't keep it.
final class Numeral extends Number {
    // Not an enum: a reference costs more to write than a number.
    private static final byte WHOLE = 0;
    private static final byte DOUBLE = 1;
    private static final byte FLOAT = 2;
    private static final byte TIME = 3;

    private byte kind = WHOLE;
    private long whole;
    private double fraction; // for a float, the float's value

    void set(long value) {
        kind = WHOLE;
        whole = value;
    }

    void set(double value) {
        kind = DOUBLE;
        fraction = value;
    }

    void set(float value) {
        kind = FLOAT;
        fraction = value;
    }

    /// Epoch milliseconds, whatever a number of the same field counts.
    void setTime(long millis) {
        kind = TIME;
        whole = millis;
    }

    boolean isTime() {
        return kind == TIME;
    }

    boolean isWhole() {
        return kind == WHOLE || kind == TIME;
    }

    boolean isFloat() {
        return kind == FLOAT;
    }

    /// A number that may be kept.
    Number boxed() {
        return switch (kind) {
            case WHOLE, TIME -> whole;
            case DOUBLE -> fraction;
            default -> (float) fraction;
        };
    }

    @Override
    public int intValue() {
        return (int) longValue();
    }

    @Override
    public long longValue() {
        return isWhole() ? whole : (long) fraction;
    }

    @Override
    public float floatValue() {
        return isWhole() ? whole : (float) fraction;
    }

    @Override
    public double doubleValue() {
        return isWhole() ? whole : fraction;
    }

    @Override
    public String toString() {
        return switch (kind) {
            case WHOLE, TIME -> Long.toString(whole);
            case DOUBLE -> Double.toString(fraction);
            default -> Float.toString((float) fraction);
        };
    }
}
