package io.tidegrad.model.feature;

/// A mutable number that stands for a `Long`, `Double` or `Float` without allocating one. It is reused for the next
/// event, so don't keep it.
final class Numeral extends Number {
    private enum Kind {
        WHOLE, DOUBLE, FLOAT
    }

    private Kind kind = Kind.WHOLE;
    private long whole;
    private double fraction; // for a float, the float's value

    void set(long value) {
        kind = Kind.WHOLE;
        whole = value;
    }

    void set(double value) {
        kind = Kind.DOUBLE;
        fraction = value;
    }

    void set(float value) {
        kind = Kind.FLOAT;
        fraction = value;
    }

    boolean isWhole() {
        return kind == Kind.WHOLE;
    }

    boolean isFloat() {
        return kind == Kind.FLOAT;
    }

    /// A number that may be kept.
    Number boxed() {
        return switch (kind) {
            case WHOLE -> whole;
            case DOUBLE -> fraction;
            case FLOAT -> (float) fraction;
        };
    }

    @Override
    public int intValue() {
        return (int) longValue();
    }

    @Override
    public long longValue() {
        return kind == Kind.WHOLE ? whole : (long) fraction;
    }

    @Override
    public float floatValue() {
        return kind == Kind.WHOLE ? whole : (float) fraction;
    }

    @Override
    public double doubleValue() {
        return kind == Kind.WHOLE ? whole : fraction;
    }

    @Override
    public String toString() {
        return switch (kind) {
            case WHOLE -> Long.toString(whole);
            case DOUBLE -> Double.toString(fraction);
            case FLOAT -> Float.toString((float) fraction);
        };
    }
}
