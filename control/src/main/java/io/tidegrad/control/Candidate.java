package io.tidegrad.control;

import java.math.BigDecimal;

/// A model that is tried under another one's name, before it is promoted to it or withdrawn.
///
/// @param model that is tried
/// @param share of the keys that it answers for, in ten-thousandths of all; 0 of a shadow, which answers for none
public record Candidate(String model, Role role, int share) {
    /// All keys.
    public static final int WHOLE = 10_000;

    public enum Role {
        /// Scores everything, answers nothing, is compared with what answers.
        SHADOW,
        /// Answers for a share of the keys.
        CHALLENGER
    }

    /// For people: 500 ten-thousandths as `5 %`.
    public static String percent(int share) {
        return BigDecimal.valueOf(share, 2).stripTrailingZeros().toPlainString() + " %";
    }

    static Candidate shadow(String model) {
        return new Candidate(model, Role.SHADOW, 0);
    }

    static Candidate challenger(String model, int share) {
        return new Candidate(model, Role.CHALLENGER, share);
    }
}
