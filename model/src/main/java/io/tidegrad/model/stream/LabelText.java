package io.tidegrad.model.stream;

/// Labels as text: what an example's headers and the join's state hold, whatever type the label's field had. The text
/// is the canonical one of docs/numerics.md: whole numbers in decimal, other numbers in their shortest form, `true` and
/// `false`, a text as it came.
public final class LabelText {
    /// UTF-8 bytes of the longest label that is taken.
    public static final int BYTES_MAX = 1_000;

    private LabelText() {}

    /// The canonical text of a number that a person wrote: `1.50` is `1.5`, `-0` is `0`.
    static String ofNumber(String written) {
        try {
            return Long.toString(Long.parseLong(written));
        } catch (NumberFormatException notWhole) {
            double value = Double.parseDouble(written);
            return value == StrictMath.rint(value) && Math.abs(value) < 0x1p63 ? Long.toString((long) value)
                    : Double.toString(value);
        }
    }

    /// Whether two labels say the same. A spec that says `missing: 0` of labels that are booleans means false, so true
    /// and 1 are the same label, and so are false and 0.
    public static boolean same(String one, String other) {
        return number(one).equals(number(other));
    }

    private static String number(String label) {
        return switch (label) {
            case "true" -> "1";
            case "false" -> "0";
            default -> label;
        };
    }
}
