package io.tidegrad.control;

import java.math.BigDecimal;

/// A model that is tried under the name of another one, before it is promoted or withdrawn.
///
/// @param share the part of the keys for which it answers, in ten-thousandths; 0 for a shadow
public record Candidate(String model, Role role, int share) {
    /// The share of all keys.
    public static final int WHOLE = 10_000;

    public enum Role {
        /// Scores every request without answering it, and is compared with the model that answers.
        SHADOW,
        /// Answers the requests that have some of the keys.
        CHALLENGER
    }

    /// Returns a share as text, such as `5 %` for 500 ten-thousandths.
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
